#include "net/stream/internal/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/probe.h"
#include "net/stream/internal/socket_options.h"

namespace spindle {
namespace {

// Whether some process has a socket at `path` that is not connected: it listens, or is about to,
// which a connect(2) to it cannot tell from nobody. In this network namespace, and by the name that
// it gave when it bound. proc(5), net/unix.
bool IsBoundByAnybody(const std::string& path) {
  std::ifstream table("/proc/net/unix");
  std::string line;
  while (std::getline(table, line)) {
    unsigned state = 0;
    int name = 0;
    if (std::sscanf(line.c_str(), "%*s %*s %*s %*s %*s %x %*s %n", &state, &name) == 1 &&
        name > 0 && state == SS_UNCONNECTED &&
        line.compare(static_cast<size_t>(name), std::string::npos, path) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

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

  if (absl::Status status = Bind(address); !status.ok()) return status;
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
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
    return ErrnoStatus(name, errno);
  }
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
  unix_path_.clear();
  return copy;
}

absl::Status Acceptor::Bind(const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  const auto bind = [&] {
    return host_.syscalls().Bind(fd_.get(), reinterpret_cast<const sockaddr*>(&storage), length);
  };
  int result = bind();
  if (result == -EADDRINUSE && RemoveStaleUnixPath(address)) result = bind();
  if (result < 0) return ErrnoStatus(absl::StrCat("bind ", address.ToString()), -result);
  RememberUnixPath(address);
  return absl::OkStatus();
}

bool Acceptor::RemoveStaleUnixPath(const SocketAddress& address) {
  if (address.kind() != SocketAddress::Kind::kUnixPath) return false;
  const std::string path(address.unix_path());
  struct stat before;
  if (lstat(path.c_str(), &before) != 0 || !S_ISSOCK(before.st_mode)) return false;
  Syscalls& syscalls = host_.syscalls();
  const int probe = syscalls.Socket(AF_UNIX, SOCK_STREAM, 0);
  if (probe < 0) return false;
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  const int result = syscalls.Connect(probe, reinterpret_cast<sockaddr*>(&storage), length);
  syscalls.Close(probe);
  // Somebody listens, or we cannot tell: leave it alone.
  if (result != -ECONNREFUSED || IsBoundByAnybody(path)) return false;
  struct stat now;
  if (lstat(path.c_str(), &now) != 0) return false;
  if (now.st_dev != before.st_dev || now.st_ino != before.st_ino) return false;
  return unlink(path.c_str()) == 0;
}

void Acceptor::RememberUnixPath(const SocketAddress& address) {
  if (address.kind() != SocketAddress::Kind::kUnixPath) return;
  const std::string path(address.unix_path());
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return;
  unix_path_ = path;
  unix_device_ = status.st_dev;
  unix_inode_ = status.st_ino;
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
  struct stat status;
  if (!unix_path_.empty() && lstat(unix_path_.c_str(), &status) == 0 &&
      status.st_dev == unix_device_ && status.st_ino == unix_inode_) {
    unlink(unix_path_.c_str());
  }
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
  switch (error) {
    // The connection at the head of the queue died: accept(2), "Error handling".
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      outcome = Outcome::kSkipped;
      break;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
      StopListening();
      outcome = Outcome::kBroken;
      break;
    default:  // EMFILE, ENFILE, ENOBUFS, ENOMEM: wait until there is more of it.
      Wait();
      break;
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
