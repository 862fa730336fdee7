#include "net/stream/internal/connector.h"

#include <errno.h>
#include <sys/socket.h>

#include <utility>

#include "net/stream/internal/socket_options.h"

namespace spindle {

Connector::~Connector() {
  if (scheduled()) host_.timers().Remove(*this);
  if (token().valid()) host_.Detach(*this);
}

void Connector::Start(const SocketAddress& local, const ConnectionOptions& options,
                      Duration timeout) {
  host_.AssertInLoop();
  failed_ = Begin(local, options);
  if (!failed_.ok()) {
    host_.timers().Add(*this, host_.now());
  } else if (timeout > Duration::zero()) {
    host_.timers().Add(*this, SaturatingAdd(host_.Now(), timeout));
  }
}

IoError Connector::Begin(const SocketAddress& local, const ConnectionOptions& options) {
  Syscalls& syscalls = host_.syscalls();
  const int fd = syscalls.Socket(remote_.family(), SOCK_STREAM, 0);
  if (fd < 0) return IoError(-fd, IoOp::kSocket);
  socket_ = OwnedSocket(syscalls, fd);
  if (IoError error = ApplySocketOptions(syscalls, fd, remote_, options); !error.ok()) return error;
  sockaddr_storage storage;
  if (!local.is_unspecified()) {
    const socklen_t length = local.ToSockaddr(&storage);
    const int result = syscalls.Bind(fd, reinterpret_cast<const sockaddr*>(&storage), length);
    if (result < 0) return IoError(-result, IoOp::kBind);
  }
  const socklen_t length = remote_.ToSockaddr(&storage);
  int result;
  do {
    result = syscalls.Connect(fd, reinterpret_cast<const sockaddr*>(&storage), length);
  } while (result == -EINTR && remote_.is_unix());
  // An interrupted connect of TCP goes on by itself, connect(2).
  if (result < 0 && result != -EINPROGRESS && result != -EINTR) {
    return IoError(-result, IoOp::kConnect);
  }
  const Interest interest = Interest::kReadWrite | Interest::kPeerClosed | Interest::kPriority;
  return host_.Attach(*this, fd, interest, Trigger::kEdge);
}

bool Connector::IsSelfConnect() const {
  return remote_.is_ip() && LocalAddress(host_.syscalls(), socket_.get()) == remote_;
}

void Connector::OnIoEvent(const IoEvent& event) {
  int error = 0;
  socklen_t length = sizeof error;
  const int result =
      host_.syscalls().GetSockOpt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (result < 0) error = -result;
  if (error == 0 && !event.Has(kIoWritable)) {
    // A fresh socket that is not connecting yet reports a hang-up (Linux); only a peer makes it a
    // connection.
    if (!event.Has(kIoHangup | kIoError)) return;
    if (PeerAddress(host_.syscalls(), socket_.get()).is_unspecified()) return;
  }
  if (error != 0) {
    Finish(Result{.error = IoError(error, IoOp::kConnect)});
  } else if (IsSelfConnect()) {
    Finish(Result{.error = IoError(ECONNREFUSED, IoOp::kConnect), .self_connect = true});
  } else {
    Finish(Result{.token = token(), .event_flags = event.flags});
  }
}

void Connector::OnTimer() {
  if (!failed_.ok()) {
    Finish(Result{.error = failed_});
  } else {
    Finish(Result{.error = IoError(ETIMEDOUT, IoOp::kNone)});
  }
}

void Connector::OnLoopGone() {
  host_.timers().Remove(*this);
  host_.Detach(*this);
  socket_.reset();
}

void Connector::Finish(const Result& result) {
  host_.timers().Remove(*this);
  host_.Detach(*this);
  if (result.error.ok()) {
    static_cast<void>(socket_.release());
  } else {
    socket_.reset();
  }
  Done done = std::move(done_);
  done(result);  // May destroy this.
}

}  // namespace spindle
