#ifndef SPINDLE_BENCH_LOAD_BYTE_MATCHER_H_
#define SPINDLE_BENCH_LOAD_BYTE_MATCHER_H_

#include <array>
#include <cstddef>
#include <string_view>

#include "net/types/buffer.h"

namespace spindle::bench {

// Compares what arrives with what must arrive. One thread at a time, one per stream.
class ByteMatcher {
 public:
  enum class Outcome { kMore, kDone, kWrong };

  // From now on `first` and then `second` must come. Neither is copied. Not both empty.
  void Expect(std::string_view first, std::string_view second = {});

  // Consumes what matches, up to the end of what is expected. kMore: `input` is empty and bytes are
  // missing. kDone: all has come; Expect before the next Feed. kWrong: the front of `input`
  // differs.
  Outcome Feed(Buffer& input);

 private:
  std::array<std::string_view, 2> pieces_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_BYTE_MATCHER_H_
