#include "net/stream/internal/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/probe.h"
#include "net/backend/socket_calls.h"
#include "net/stream/internal/socket_options.h"

namespace spindle {

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(IoHost& host,
                                                           const SocketAddress& address,
                                                           const ListenOptions& options,
                                                           Callbacks callbacks) {
  std::unique_ptr<Acceptor> acceptor(new Acceptor(host, options, std::move(callbacks)));
  if (absl::Status status = acceptor->Open(address); !status.ok()) return status;
  return acceptor;
}

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Take(IoHost& host, OwnedFd socket,
                                                         const ListenOptions& options,
                                                         Callbacks callbacks) {
  std::unique_ptr<Acceptor> acceptor(new Acceptor(host, options, std::move(callbacks)));
  if (absl::Status status = acceptor->OpenInherited(std::move(socket)); !status.ok()) return status;
  return acceptor;
}

absl::Status Acceptor::Open(const SocketAddress& address) {
  host_.AssertInLoop();
  Syscalls& syscalls = host_.syscalls();
  const std::string text = address.ToString();
  const int fd = syscalls.Socket(address.family(), SOCK_STREAM, 0);
  if (fd < 0) return ErrnoStatus(absl::StrCat("socket for ", text), -fd);
  fd_ = OwnedSocket(syscalls, fd);

  IoError error;
  const auto set = [&](int level, int name, int value) {
    if (error.ok()) error = SetIntOption(syscalls, fd, level, name, value);
  };
  if (address.is_ip()) set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options_.reuse_port) set(SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.family() == AF_INET6) set(IPPROTO_IPV6, IPV6_V6ONLY, options_.dual_stack ? 0 : 1);
  if (error.ok()) error = ApplySocketOptions(syscalls, fd, address, options_.connection);
  if (!error.ok()) return error.ToStatus(text);

  const int bound = path_.Bind(syscalls, fd, address);
  if (bound < 0) return ErrnoStatus(absl::StrCat("bind ", text), -bound);
  const int listening = syscalls.Listen(fd, options_.backlog);
  if (listening < 0) return ErrnoStatus(absl::StrCat("listen ", text), -listening);
  return StartListening(text);
}

absl::Status Acceptor::OpenInherited(OwnedFd socket) {
  host_.AssertInLoop();
  Syscalls& syscalls = host_.syscalls();
  const int fd = socket.get();
  const std::string name = absl::StrCat("inherited descriptor ", fd);
  for (const auto& [option, wanted] : {std::pair(SO_TYPE, int{SOCK_STREAM}), {SO_ACCEPTCONN, 1}}) {
    int value = 0;
    socklen_t length = sizeof value;
    const int result = syscalls.GetSockOpt(fd, SOL_SOCKET, option, &value, &length);
    if (result < 0) return ErrnoStatus(name, -result);
    if (value != wanted) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": not a listening stream socket"));
    }
  }
  if (absl::Status status = AdoptDescriptor(fd, name); !status.ok()) return status;
  fd_ = OwnedSocket(syscalls, socket.release());
  IoError error = ApplySocketOptions(syscalls, fd, LocalAddress(syscalls, fd), options_.connection);
  return error.ok() ? StartListening(name) : error.ToStatus(name);
}

absl::Status Acceptor::StartListening(const std::string& name) {
  address_ = LocalAddress(host_.syscalls(), fd_.get());
  if (address_.is_unspecified()) {
    return absl::InternalError(absl::StrCat("getsockname of the listener at ", name));
  }
  const IoError error = host_.Attach(*this, fd_.get(), Interest::kRead, Trigger::kLevel);
  return error.ok() ? absl::OkStatus() : error.ToStatus(name);
}

absl::StatusOr<OwnedFd> Acceptor::Duplicate() {
  OwnedFd copy(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy)
    return ErrnoStatus(absl::StrCat("duplicate of the listener at ", address_.ToString()), errno);
  path_.Forget();
  return copy;
}

Acceptor::~Acceptor() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  StopListening();
}

void Acceptor::StopListening() {
  if (!fd_.valid()) return;
  host_.timers().Remove(*this);
  if (token().valid()) host_.backend().Remove(token());
  host_.Detach(*this);
  fd_.reset();
  path_.Remove();
}

void Acceptor::OnLoopGone() { StopListening(); }

void Acceptor::OnIoEvent(const IoEvent& /*event*/) { AcceptUpTo(limit_); }

void Acceptor::OnTimer() {
  shortage_ = false;
  if (!AcceptUpTo(1) || shortage_ || !fd_.valid()) return;
  if (host_.backend().Modify(token(), Interest::kRead, Trigger::kLevel).ok()) {
    waiting_ = false;
  } else {
    Wait();
  }
}

void Acceptor::Finish() {
  if (!fd_.valid()) return;
  // As many as the queue holds; peers who go on coming must not keep us here.
  if (AcceptUpTo(static_cast<size_t>(std::max(1, options_.backlog)) + 1)) StopListening();
}

bool Acceptor::AcceptUpTo(size_t limit) {
  bool destroyed = false;
  bool* const outer = std::exchange(destroyed_, &destroyed);
  size_t taken = 0;
  Outcome outcome = Outcome::kTaken;
  // A callback can stop the listening, or come back here by Finish.
  while (fd_.valid() && taken < limit &&
         (outcome == Outcome::kTaken || outcome == Outcome::kSkipped)) {
    outcome = AcceptOne();
    if (destroyed) {
      if (outer != nullptr) *outer = true;
      return false;
    }
    if (outcome == Outcome::kTaken || outcome == Outcome::kSkipped) ++taken;
  }
  destroyed_ = outer;
  // Found as many as it tried for: try for more next time. Found fewer: that many.
  limit_ = outcome == Outcome::kEmpty ? std::max<size_t>(1, taken)
                                      : std::min(limit_ * 2, options_.accepts_per_turn);
  return true;
}

Acceptor::Outcome Acceptor::AcceptOne() {
  if (callbacks_.may_accept && callbacks_.may_accept() == Verdict::kWait) {
    Wait();
    return Outcome::kShortage;
  }
  sockaddr_storage storage;
  socklen_t length = sizeof storage;
  const int fd = host_.syscalls().Accept(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  if (fd < 0) return OnAcceptError(-fd);
  ++host_.stats().connections_accepted;
  SPINDLE_PROBE(accept, fd_.get(), fd, host_.stats().connections_accepted);
  callbacks_.on_accept(
      OwnedSocket(host_.syscalls(), fd),
      SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length));
  return Outcome::kTaken;
}

Acceptor::Outcome Acceptor::OnAcceptError(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) return Outcome::kEmpty;
  if (error == EINTR) return Outcome::kSkipped;
  ++host_.stats().accept_errors;
  Outcome outcome = Outcome::kShortage;
  if (IsOfDeadConnection(error)) {
    outcome = Outcome::kSkipped;
  } else if (error == EBADF || error == EINVAL || error == ENOTSOCK) {
    StopListening();
    outcome = Outcome::kBroken;
  } else {  // EMFILE, ENFILE, ENOBUFS, ENOMEM: wait until there is more of it.
    Wait();
  }
  if (callbacks_.on_error) callbacks_.on_error(IoError(error, IoOp::kAccept));
  return outcome;
}

void Acceptor::Wait() {
  shortage_ = true;
  if (!waiting_) {
    waiting_ = host_.backend().Modify(token(), Interest::kNone, Trigger::kLevel).ok();
  }
  host_.timers().Add(*this, SaturatingAdd(host_.Now(), kRetryDelay));
}

}  // namespace spindle
