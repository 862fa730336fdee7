#ifndef SPINDLE_NET_STREAM_CONNECTION_CALLBACKS_H_
#define SPINDLE_NET_STREAM_CONNECTION_CALLBACKS_H_

#include "absl/functional/any_invocable.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"

namespace spindle {

class Connection;

// What a server or client wants to hear about its connections: one set for all of them. Each is
// optional.
//
// Every callback runs on the thread of the connection's loop; with several worker loops the same
// callback runs on several threads at once, which is what `const` in the types stands for. The
// Connection is valid until the callback returns; to keep it in mind longer, keep its handle().
// Any operation on any connection, server, client, timer or loop is allowed inside a callback,
// destroying the server or client included. A callback that throws ends the process.
//
// Order for one connection: on_open once, then any of the others, then on_close once, and nothing
// after it. Callbacks never nest: what one does to another connection is reported after it
// returned.
struct ConnectionCallbacks {
  // The connection is ready for use. A server without on_open learns of a silent connection only
  // when the first byte comes.
  absl::AnyInvocable<void(Connection&) const> on_open = nullptr;

  // `input` holds all bytes received and not consumed so far. What the callback leaves in it comes
  // again, with more, at the next call. Moving it away (connection.Write(std::move(input))) copies
  // no byte.
  absl::AnyInvocable<void(Connection&, Buffer& input) const> on_bytes = nullptr;

  // The peer has sent its last byte; only with PeerFinPolicy::kKeepWriting.
  absl::AnyInvocable<void(Connection&) const> on_read_closed = nullptr;

  // Queued output rose above the high water mark; and fell to the low one after that.
  absl::AnyInvocable<void(Connection&) const> on_pause = nullptr;
  absl::AnyInvocable<void(Connection&) const> on_resume = nullptr;

  // All queued output has been given to the kernel. Called once for each time that the queue became
  // empty; a producer writes its next piece here.
  absl::AnyInvocable<void(Connection&) const> on_drained = nullptr;

  // The server drains: end this connection soon, when its work is done. Without on_drain the server
  // calls Close.
  absl::AnyInvocable<void(Connection&) const> on_drain = nullptr;

  // The end: the descriptor is closed, ledger() is final, no write is possible. Unread input is
  // gone.
  absl::AnyInvocable<void(Connection&, const CloseReason&) const> on_close = nullptr;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_CONNECTION_CALLBACKS_H_
