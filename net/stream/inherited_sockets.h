#ifndef SPINDLE_NET_STREAM_INHERITED_SOCKETS_H_
#define SPINDLE_NET_STREAM_INHERITED_SOCKETS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"

namespace spindle {

// A socket that another process opened for this one.
struct InheritedSocket {
  OwnedFd fd;        // Not passed on at exec.
  std::string name;  // As the other process calls it; may be empty.
};

// Takes the sockets that systemd (socket activation) or a predecessor (successor.h) has left for
// this process: those that LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell of. The variables are
// removed, so that a second call, or a child, finds nothing. Without them, or if they are meant for
// another process, the result is empty.
//
// Call it early in main: it changes the environment, and opens no descriptor that could be taken
// for one of those. Errors: variables that make no sense, and descriptors that are not open; then
// nothing was taken. sd_listen_fds(3).
absl::StatusOr<std::vector<InheritedSocket>> TakeInheritedSockets();

// Tells the process that started this one (successor.h, or systemd where the unit says
// Type=notify) that it serves now. Does nothing if nobody asks; again: does nothing. Errors: those
// of write(2) and sendto(2). sd_notify(3).
absl::Status NotifyReady();

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INHERITED_SOCKETS_H_
