#ifndef SPINDLE_NET_STREAM_CONNECTION_HANDLE_H_
#define SPINDLE_NET_STREAM_CONNECTION_HANDLE_H_

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/backend/slot_token.h"
#include "net/loop/loop_ref.h"
#include "net/types/buffer.h"
#include "net/types/connection_id.h"
#include "net/types/io_error.h"

namespace spindle {

class Connection;
class IoHost;

// A connection as other threads, or later callbacks, may keep it: copyable, usable on any thread,
// and harmless when the connection or its loop is gone. A default-made one names none.
//
// Calls are tasks of the connection's loop, in order with everything else that the calling thread
// posts there: a Write before a Close is sent before the close. They return false when it is
// certain at once that nothing will happen (the loop is gone; on the loop's own thread also: the
// connection is gone). True does not mean that the connection still lives by the time the task
// runs; who must know asks for `done`. `where`, of each: the caller's line, by which a slow
// callback (EventLoopOptions::slow_callback) is named.
class ConnectionHandle {
 public:
  ConnectionHandle() = default;

  ConnectionId id() const;
  explicit operator bool() const { return token_.valid(); }
  friend bool operator==(const ConnectionHandle& a, const ConnectionHandle& b) {
    return a.token_ == b.token_;
  }

  // Queues `data`, which is moved, never copied. `done`, if given, runs on the loop's thread with
  // the result of Connection::Write; EPIPE if the connection is gone.
  bool Write(std::string data, absl::AnyInvocable<void(IoError)> done = nullptr,
             std::source_location where = std::source_location::current()) const;
  bool Write(Buffer data, absl::AnyInvocable<void(IoError)> done = nullptr,
             std::source_location where = std::source_location::current()) const;
  // See Connection.
  bool ShutdownWrite(std::source_location where = std::source_location::current()) const;
  bool Close(std::source_location where = std::source_location::current()) const;
  bool CloseAfterFlush(Duration deadline,
                       std::source_location where = std::source_location::current()) const;
  bool Abort(std::source_location where = std::source_location::current()) const;
  bool PauseReading(std::source_location where = std::source_location::current()) const;
  bool ResumeReading(std::source_location where = std::source_location::current()) const;

  // Runs `function` with the connection on its loop's thread, if it still lives then; otherwise
  // `function` is destroyed unrun.
  bool Run(absl::AnyInvocable<void(Connection&)> function,
           std::source_location where = std::source_location::current()) const;

  // The connection, or null if it has ended. Loop thread only; valid until the callback returns, or
  // destroys the server or client.
  Connection* Get() const;

  const LoopRef& loop() const { return loop_; }

 private:
  friend class Connection;
  ConnectionHandle(LoopRef loop, IoHost* host, uint32_t loop_index, SlotToken token)
      : loop_(std::move(loop)), host_(host), loop_index_(loop_index), token_(token) {}

  LoopRef loop_;
  IoHost* host_ = nullptr;  // Touched on the loop's thread only.
  uint32_t loop_index_ = 0;
  SlotToken token_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_CONNECTION_HANDLE_H_
