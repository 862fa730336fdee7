#ifndef SPINDLE_BENCH_SEND_MODES_FRAMED_MESSAGES_H_
#define SPINDLE_BENCH_SEND_MODES_FRAMED_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bench/load/message_frame.h"
#include "bench/load/payload.h"
#include "net/send/send_run.h"

namespace spindle::bench {

// What answers a message; see message_frame.h.
enum class ReplyMode : uint8_t { kAck, kEcho };

// "ack", "echo"; a literal.
std::string_view ReplyModeName(ReplyMode mode);

// The messages of an experiment: a frame around a payload that differs from connection to
// connection and from message to message, and the reply to it. Immutable; any thread.
class FramedMessages {
 public:
  FramedMessages(uint64_t seed, size_t message_bytes, ReplyMode reply)
      : payload_(seed, message_bytes),
        header_(static_cast<uint32_t>(message_bytes)),
        reply_(reply) {}

  // A run that sends `messages` of them over each connection. This must outlive it.
  SendRun MakeRun(uint64_t messages, SendMode mode) const;

  size_t message_bytes() const { return payload_.message_bytes(); }
  ReplyMode reply() const { return reply_; }

 private:
  const Payload payload_;
  const FrameHeader header_;
  const ReplyMode reply_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_FRAMED_MESSAGES_H_
