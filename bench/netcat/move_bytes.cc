#include "bench/netcat/move_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>

namespace spindle::bench {
namespace {

// At most, by one call.
constexpr size_t kPiece = 1024 * 1024;

// What the kernel says when it cannot do this between two such descriptors.
bool IsUnsupported(int error) {
  return error == EINVAL || error == ENOSYS || error == EPERM || error == EOPNOTSUPP;
}

bool IsFull(int fd) {
  pollfd state = {fd, POLLOUT, 0};
  return poll(&state, 1, 0) == 0;
}

Flow::MoveResult Result(ssize_t count, int sink) {
  if (count >= 0) return {.count = count};
  const int error = errno;
  if (error == EAGAIN) return {.count = -EAGAIN, .sink_is_full = IsFull(sink)};
  return {.count = -(IsUnsupported(error) ? EINVAL : error)};
}

Flow::MoveResult Splice(int source, int sink) {
  return Result(splice(source, nullptr, sink, nullptr, kPiece, SPLICE_F_NONBLOCK), sink);
}

}  // namespace

Flow::Move MoveFromInput(NetSocket& socket, StandardStreams& streams,
                         const NetcatOptions& options) {
  if (socket.is_datagram() || options.crlf || options.interval > Duration::zero()) return nullptr;
  if (streams.input_kind() == StreamKind::kPipe) {
    return [source = streams.input(), sink = socket.fd()] { return Splice(source, sink); };
  }
  if (streams.input_kind() != StreamKind::kFile) return nullptr;
  return [source = streams.input(), sink = socket.fd()] {
    Flow::MoveResult result = Result(sendfile(sink, source, nullptr, kPiece), sink);
    // A file never has to be waited for.
    if (result.count == -EAGAIN) result.sink_is_full = true;
    result.source_failed = result.count == -EIO;
    return result;
  };
}

Flow::Move MoveToOutput(NetSocket& socket, StandardStreams& streams, const NetcatOptions& options) {
  const bool shown = options.packet_limit > 0 || options.interval > Duration::zero();
  if (socket.is_datagram() || shown || streams.output_kind() != StreamKind::kPipe) return nullptr;
  return [source = socket.fd(), sink = streams.output()] {
    Flow::MoveResult result = Splice(source, sink);
    // A pipe fails in one way only.
    result.source_failed = result.count != -EPIPE;
    return result;
  };
}

}  // namespace spindle::bench
