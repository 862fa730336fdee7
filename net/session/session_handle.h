#ifndef SPINDLE_NET_SESSION_SESSION_HANDLE_H_
#define SPINDLE_NET_SESSION_SESSION_HANDLE_H_

#include <cstdint>
#include <source_location>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "net/session/session_options.h"
#include "net/stream/connection_handle.h"
#include "net/types/buffer.h"
#include "net/types/io_error.h"

namespace spindle {

// A session as other threads, or later callbacks, may keep it: copyable, usable on any thread, and
// harmless when the session or its loop is gone. A default-made one names none.
//
// The rules are those of ConnectionHandle: calls are tasks of the session's loop, in order; false
// means that nothing will happen, true not that something will.
class SessionHandle {
 public:
  SessionHandle() = default;

  // Never given twice in the life of a process.
  ConnectionId id() const { return connection_.id(); }
  explicit operator bool() const { return static_cast<bool>(connection_); }
  friend bool operator==(const SessionHandle& a, const SessionHandle& b) = default;

  // Sends `message`, which is moved, never copied. `done`, if given, runs on the loop's thread with
  // the result of Session::Send; EPIPE if the session is gone.
  bool Send(std::string message, absl::AnyInvocable<void(IoError)> done = nullptr,
            std::source_location where = std::source_location::current()) const;
  bool Send(Buffer message, absl::AnyInvocable<void(IoError)> done = nullptr,
            std::source_location where = std::source_location::current()) const;
  // See Session.
  bool Close(uint32_t code = SessionCode::kNormal, std::string text = {},
             std::source_location where = std::source_location::current()) const;
  bool Fail(uint32_t code, std::string text = {},
            std::source_location where = std::source_location::current()) const;
  bool Abort(std::source_location where = std::source_location::current()) const;
  bool PauseReading(std::source_location where = std::source_location::current()) const;
  bool ResumeReading(std::source_location where = std::source_location::current()) const;

  // Runs `function` with the session on its loop's thread, if it still lives then; otherwise
  // `function` is destroyed unrun.
  bool Run(absl::AnyInvocable<void(Session&)> function,
           std::source_location where = std::source_location::current()) const;

  // The session, or null if it has ended. Loop thread only; valid until the callback returns.
  Session* Get() const;

  const LoopRef& loop() const { return connection_.loop(); }

 private:
  friend class Session;
  explicit SessionHandle(ConnectionHandle connection) : connection_(std::move(connection)) {}

  ConnectionHandle connection_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_SESSION_SESSION_HANDLE_H_
