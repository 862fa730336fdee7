#ifndef SPINDLE_NET_STREAM_SUCCESSOR_H_
#define SPINDLE_NET_STREAM_SUCCESSOR_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/stream/inherited_sockets.h"

namespace spindle {

struct SuccessorOptions {
  // The program, a path (not searched for in PATH), and its arguments. The usual one is the program
  // itself: "/proc/self/exe" runs what runs now, its real path what is installed by now.
  std::string program = {};
  std::vector<std::string> arguments = {};  // Without argv[0], which is `program`.
  // What it inherits, in this order; see StreamServer::DuplicateListeners. Names have no ':'.
  std::vector<InheritedSocket> sockets = {};
  // If it is not ready by then it is killed.
  Duration ready_timeout = std::chrono::seconds(30);
};

// A new process that takes over the listening sockets of this one, so that a server restarts
// without a connection refused or reset: both have the same socket open, and what the old process
// does not accept any more waits there for the new one.
//
//   old: Start(...); on_ready(OK): server->Drain(...), then exit. An error: go on as before.
//   new: TakeInheritedSockets(), StreamServer::Listen(pool, sockets, ...), NotifyReady().
//
// The new process is told of its sockets as systemd would tell it (LISTEN_FDS, LISTEN_PID,
// LISTEN_FDNAMES) and says that it is ready as it would tell systemd (NOTIFY_SOCKET), so a server
// needs to know one way only. It gets a clean signal mask, our environment, and no other descriptor
// of ours but those of standard input, output and error.
//
// Loop thread only. Destroying it before the answer kills the process; afterwards the process is on
// its own. Under a supervisor that watches the process id, tell it of pid() (MAINPID of
// sd_notify(3)).
class Successor {
 public:
  // `on_ready` runs once, on the loop, and may destroy the Successor: OK, or why the process will
  // not serve: it ended, or was too slow and has been killed. Errors of Start: bad options, those
  // of fork, socket and pidfd_open. A program that cannot be executed ends with status 127, which
  // `on_ready` reports.
  static absl::StatusOr<std::unique_ptr<Successor>> Start(
      EventLoop& loop, SuccessorOptions options, absl::AnyInvocable<void(absl::Status)> on_ready);
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  pid_t pid() const;

 private:
  class Impl;
  explicit Successor(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_SUCCESSOR_H_
