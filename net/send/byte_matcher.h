#ifndef SPINDLE_NET_SEND_BYTE_MATCHER_H_
#define SPINDLE_NET_SEND_BYTE_MATCHER_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "net/types/buffer.h"

namespace spindle {

// What the bytes that have come so far mean to the reply that is awaited.
enum class MatchOutcome : uint8_t {
  kMore,   // So far it is right; more must come.
  kDone,   // It is complete, and consumed.
  kWrong,  // It is not what was expected.
};

// Compares what arrives with what must arrive. One thread at a time, one per stream.
class ByteMatcher {
 public:
  // From now on `first` and then `second` must come. Neither is copied: they must stay until
  // kDone. Not both empty.
  void Expect(std::string_view first, std::string_view second = {});

  // Consumes what matches, up to the end of what is expected. kMore: `input` is empty and bytes are
  // missing. kDone: all has come; Expect before the next Feed. kWrong: the front of `input`
  // differs.
  MatchOutcome Feed(Buffer& input);

 private:
  std::array<std::string_view, 2> pieces_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_BYTE_MATCHER_H_
