#ifndef SPINDLE_BENCH_LOAD_PAYLOAD_H_
#define SPINDLE_BENCH_LOAD_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spindle::bench {

// The bytes of all messages of a run: windows into one random block, so that a message costs no
// copy to make and one memcmp to check. Neighbouring connections and messages have different
// windows: a reply that belongs to another one is noticed (a message of 1 byte by chance only).
// Immutable; any thread. The views live as long as this.
class Payload {
 public:
  Payload(uint64_t seed, size_t message_bytes);

  // Message `number` of connection `connection`.
  std::string_view Message(uint64_t connection, uint64_t number) const {
    const size_t begin = static_cast<size_t>((connection * 401 + number * 7) % kWindows);
    return std::string_view(block_).substr(begin, message_bytes_);
  }
  size_t message_bytes() const { return message_bytes_; }

 private:
  static constexpr uint64_t kWindows = 1021;  // A prime.

  size_t message_bytes_;
  std::string block_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_PAYLOAD_H_
