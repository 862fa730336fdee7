#ifndef SPINDLE_NET_SEND_INTERNAL_RUN_SPEC_H_
#define SPINDLE_NET_SEND_INTERNAL_RUN_SPEC_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "net/send/send_run.h"
#include "net/stream/connection.h"
#include "net/types/chunk.h"
#include "net/types/io_error.h"

namespace spindle {

// A run as all loops share it. Immutable; any thread.
class RunSpec {
 public:
  explicit RunSpec(SendRun run);

  // INVALID_ARGUMENT if `run` makes no sense over `loops` loops.
  static absl::Status Check(const SendRun& run, size_t loops);

  const SendRun& run() const { return run_; }
  uint64_t messages() const { return run_.messages; }
  size_t pipeline() const { return pipeline_; }

  // Calls user code if the message is a function.
  MessageBytes Message(size_t connection, uint64_t index) const {
    if (const std::string* fixed = std::get_if<std::string>(&run_.message)) return {*fixed};
    return std::get<MessageFunction>(run_.message)(connection, index);
  }
  // The bytes that must come back for `message`. Calls user code if they are a function. Not for
  // replies that matcher() judges.
  MessageBytes Reply(size_t connection, uint64_t index, const MessageBytes& message) const {
    if (const std::string* fixed = std::get_if<std::string>(&run_.reply)) return {*fixed};
    if (std::holds_alternative<EchoReply>(run_.reply)) return message;
    return std::get<MessageFunction>(run_.reply)(connection, index);
  }
  // Null: replies are compared with Reply().
  const ReplyFunction* matcher() const { return std::get_if<ReplyFunction>(&run_.reply); }

  // Copies `message`, or shares it if it is the same for all and long.
  IoError Write(Connection& connection, const MessageBytes& message) const {
    if (shared_) [[unlikely]]
      return connection.WriteChunk(shared_, 0, message.head.size());
    if (message.body.empty()) return connection.Write(message.head);
    return connection.Writev({message.head, message.body});
  }

 private:
  const SendRun run_;
  const size_t pipeline_;  // No more than there are messages.
  ChunkRef shared_;        // A long fixed message.
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_INTERNAL_RUN_SPEC_H_
