#include "bench/send_modes/framed_messages.h"

#include <string>

namespace spindle::bench {

std::string_view ReplyModeName(ReplyMode mode) { return mode == ReplyMode::kAck ? "ack" : "echo"; }

SendRun FramedMessages::MakeRun(uint64_t messages, SendMode mode) const {
  SendRun run{.messages = messages, .mode = mode};
  run.message = [this](size_t connection, uint64_t index) {
    return MessageBytes{header_.view(), payload_.Message(connection, index)};
  };
  if (reply_ == ReplyMode::kAck) run.reply = std::string(1, kAck);
  return run;
}

}  // namespace spindle::bench
