#ifndef SPINDLE_BENCH_LOAD_MESSAGE_FRAME_H_
#define SPINDLE_BENCH_LOAD_MESSAGE_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/types/buffer.h"

namespace spindle::bench {

// A message on the wire: its length in 4 bytes, big-endian, then that many bytes. Length 0 is a
// message too. The reply is the same bytes (echo) or one byte kAck (ack).
inline constexpr size_t kFrameHeaderBytes = 4;
inline constexpr char kAck = '\x06';  // ASCII ACK

// The header of a message of `length` bytes.
class FrameHeader {
 public:
  explicit FrameHeader(uint32_t length);
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, kFrameHeaderBytes> bytes_;
};

// Counts the messages that end in a stream of frames, without keeping their bytes. One thread at a
// time, one per stream.
class FrameCounter {
 public:
  // Consumes all of `input`, but for a header that is not complete yet; that must come again, with
  // more behind it, at the next call. Returns how many messages have ended.
  uint64_t Feed(Buffer& input);

  // Between two messages.
  bool at_boundary() const { return !in_message_; }

 private:
  uint64_t left_ = 0;  // Bytes of the message at hand still to come.
  bool in_message_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_MESSAGE_FRAME_H_
