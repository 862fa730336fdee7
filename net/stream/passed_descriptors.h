#ifndef SPINDLE_NET_STREAM_PASSED_DESCRIPTORS_H_
#define SPINDLE_NET_STREAM_PASSED_DESCRIPTORS_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"

namespace spindle {

// Descriptors on their way from one process to another, over a Unix socket that is the caller's:
// one end of socketpair(2), or one connected for this purpose. Not over a Connection, whose reads
// take bytes alone and let the kernel close what came with them.
//
// Each end best waits for its turn with an FdWatcher. Any thread; one at a time for each socket.
// unix(7), SCM_RIGHTS and SCM_CREDENTIALS.

// The most that go with one message; the kernel's limit.
inline constexpr size_t kMostPassedDescriptors = 253;

// Sends `data` and duplicates of `descriptors`, which stay the caller's, as one message; without
// waiting, and without SIGPIPE. `data` has at least one byte, since a stream takes no descriptors
// without one. Returns how much of `data` was taken: over a stream this may be a part, and the
// descriptors went with it.
//
// Errors: kInvalidArgument for no data, for too many descriptors; EAGAIN if the peer has too much
// to read already; ETOOMANYREFS if too many descriptors are on their way; EBADF; EPIPE and
// ECONNRESET; EMSGSIZE over datagrams. After an error nothing was sent. sendmsg(2).
absl::StatusOr<size_t> SendDescriptors(int socket, std::string_view data,
                                       std::span<const int> descriptors);

// One message, or a piece of a stream.
struct ReceivedDescriptors {
  std::string data;                  // Empty: the peer has ended.
  std::vector<OwnedFd> descriptors;  // Close-on-exec. In the order in which they were sent.
  // Who sent it; only with ReceiveCredentials.
  std::optional<ucred> sender = std::nullopt;
};

// Takes what comes next, without waiting: up to `max_data` bytes (at least 1) and what came with
// them. A stream stops behind the bytes that came with descriptors, so that two sets are never
// mixed up.
//
// Errors: EAGAIN if there is nothing; ECONNRESET and others of recvmsg(2); kResourceExhausted if
// this process has too few descriptors left for those that came, and kDataLoss if the message was
// longer than `max_data`. After the last two the message is gone and its descriptors are closed.
absl::StatusOr<ReceivedDescriptors> ReceiveDescriptors(int socket, size_t max_data = 65536);

// From now on each message at `socket` says who sent it: the kernel vouches for that. Errors: those
// of setsockopt(2). SO_PASSCRED.
absl::Status ReceiveCredentials(int socket);

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_PASSED_DESCRIPTORS_H_
