#ifndef SPINDLE_NET_SEND_SEND_RUN_H_
#define SPINDLE_NET_SEND_SEND_RUN_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/send/byte_matcher.h"
#include "net/types/buffer.h"

namespace spindle {

// How much of a run is under way at once. Plain data.
struct SendMode {
  // At most so many connections await a reply at once. Whoever has its reply queues up behind the
  // others. With fresh connections a connection has its turn from connect to close.
  size_t window = std::numeric_limits<size_t>::max();
  // At most so many messages of one connection await their replies, which come in order. While
  // others wait for their turn a connection sends so many, and passes its turn on when all of them
  // are answered.
  size_t pipeline = 1;

  // One message after the other: connection 0, 1, 2 ... and round again.
  static constexpr SendMode Sequential() { return {.window = 1}; }
  static constexpr SendMode Windowed(size_t connections) { return {.window = connections}; }
  // All connections at once, each its next message as soon as it has the reply to the one before.
  static constexpr SendMode Parallel() { return {}; }
  static constexpr SendMode Pipelined(size_t depth) { return {.pipeline = depth}; }
};

// The bytes of one message or reply, in one or two pieces (a header and a body, say).
struct MessageBytes {
  std::string_view head;
  std::string_view body = {};
};

// The bytes of message `index` of `connection`, both from 0 on. Called on the thread of the
// connection's loop, so with several loops on several threads at once; it may be called twice for
// one message and must say the same. The bytes must stay as they are until the run is done.
using MessageFunction = absl::AnyInvocable<MessageBytes(size_t connection, uint64_t index) const>;

// Judges what has come as the reply to message `index` of `connection`, and consumes what belongs
// to it. What it leaves with kMore comes again, with more behind it. Threads as above.
using ReplyFunction =
    absl::AnyInvocable<MatchOutcome(size_t connection, uint64_t index, Buffer& input) const>;

// The reply is the message.
struct EchoReply {};

enum class Timeline : uint8_t { kOff, kOn };

// One run of a SendPlan: what is sent, and what must come back.
struct SendRun {
  uint64_t messages = 1;  // Per connection.
  SendMode mode = {};
  // The same for all, or a function. Not empty.
  std::variant<std::string, MessageFunction> message = {};
  // Every byte that comes is compared with this, or judged by the function.
  std::variant<EchoReply, std::string, MessageFunction, ReplyFunction> reply = EchoReply{};
  // From the call of Run on; zero: none. What has no reply by then is lost.
  Duration deadline{0};
  // A connection that awaits a reply and has got none for so long fails; zero: none.
  Duration reply_timeout{0};
  // What the server is known to wait before each reply. For the timeline only.
  Duration think{0};
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_SEND_RUN_H_
