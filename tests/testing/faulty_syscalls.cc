#include "tests/testing/faulty_syscalls.h"

#include <errno.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace spindle {
namespace {

struct CallTraits {
  std::string_view name;
  int typical_errno;
};

constexpr CallTraits kTraits[] = {
    {"socket", EMFILE},
    {"bind", EADDRINUSE},
    {"listen", EADDRINUSE},
    {"accept", EMFILE},
    {"connect", EADDRNOTAVAIL},
    {"shutdown", ENOTCONN},
    {"close", EIO},
    {"recv", ENOMEM},
    {"send", ENOBUFS},
    {"sendfile", ENOMEM},
    {"recvmmsg", ENOMEM},
    {"sendmmsg", ENOBUFS},
    {"recvmsg", ENOMEM},
    {"read", EIO},
    {"write", ENOSPC},
    {"getsockopt", ENOBUFS},
    {"setsockopt", ENOMEM},
    {"getsockname", ENOBUFS},
    {"getpeername", ENOBUFS},
    {"epoll_create1", EMFILE},
    {"epoll_ctl", ENOSPC},
    {"epoll_wait", ENOMEM},
    {"eventfd", EMFILE},
    {"timerfd_create", EMFILE},
    {"timerfd_settime", ENOMEM},
    {"signalfd", EMFILE},
};
static_assert(std::size(kTraits) == static_cast<size_t>(SysCall::kCount));

}  // namespace

std::string_view SysCallName(SysCall call) { return kTraits[static_cast<size_t>(call)].name; }

int TypicalErrno(SysCall call) { return kTraits[static_cast<size_t>(call)].typical_errno; }

void FaultySyscalls::SetHook(Hook hook) {
  MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void FaultySyscalls::FailNth(uint64_t n, int error) {
  MutexLock lock(mutex_);
  fail_at_ = n;
  fail_with_ = error;
  count_ = 0;
  failed_ = false;
}

void FaultySyscalls::FailNext(SysCall call, int error, uint64_t times) {
  MutexLock lock(mutex_);
  rules_[static_cast<size_t>(call)] = Rule{error, times};
}

void FaultySyscalls::FailAll(SysCall call, int error) {
  FailNext(call, error, error == 0 ? 0 : std::numeric_limits<uint64_t>::max());
}

void FaultySyscalls::SetMaxTransfer(size_t bytes) {
  MutexLock lock(mutex_);
  max_transfer_ = bytes;
}

void FaultySyscalls::SetMaxMessages(size_t messages) {
  MutexLock lock(mutex_);
  max_messages_ = messages;
}

void FaultySyscalls::Clear() {
  MutexLock lock(mutex_);
  hook_ = nullptr;
  fail_at_ = std::numeric_limits<uint64_t>::max();
  rules_ = {};
  max_transfer_ = std::numeric_limits<size_t>::max();
  max_messages_ = std::numeric_limits<size_t>::max();
}

void FaultySyscalls::ResetCount() {
  MutexLock lock(mutex_);
  count_ = 0;
}

uint64_t FaultySyscalls::calls() const {
  MutexLock lock(mutex_);
  return count_;
}

uint64_t FaultySyscalls::calls(SysCall call) const {
  MutexLock lock(mutex_);
  return counts_[static_cast<size_t>(call)];
}

bool FaultySyscalls::failed() const {
  MutexLock lock(mutex_);
  return failed_;
}

SysCallInfo FaultySyscalls::last_failed() const {
  MutexLock lock(mutex_);
  return last_failed_;
}

int FaultySyscalls::Ask(SysCall call, int fd) {
  MutexLock lock(mutex_);
  const SysCallInfo info{call, fd, count_++};
  ++counts_[static_cast<size_t>(call)];
  const int error = Decide(info);
  if (error != 0) {
    failed_ = true;
    last_failed_ = info;
  }
  return error;
}

int FaultySyscalls::Decide(const SysCallInfo& info) {
  if (info.number == fail_at_) return fail_with_ != 0 ? fail_with_ : TypicalErrno(info.call);
  Rule& rule = rules_[static_cast<size_t>(info.call)];
  if (rule.times > 0) {
    --rule.times;
    return rule.error;
  }
  return hook_ ? hook_(info) : 0;
}

size_t FaultySyscalls::Limit(size_t length) const {
  MutexLock lock(mutex_);
  return std::min(length, max_transfer_);
}

std::span<mmsghdr> FaultySyscalls::Limit(std::span<mmsghdr> messages) const {
  MutexLock lock(mutex_);
  return messages.first(std::min(messages.size(), max_messages_));
}

int FaultySyscalls::Socket(int domain, int type, int protocol) {
  if (const int error = Ask(SysCall::kSocket, -1)) return -error;
  return target_.Socket(domain, type, protocol);
}

int FaultySyscalls::Bind(int fd, const sockaddr* address, socklen_t length) {
  if (const int error = Ask(SysCall::kBind, fd)) return -error;
  return target_.Bind(fd, address, length);
}

int FaultySyscalls::Listen(int fd, int backlog) {
  if (const int error = Ask(SysCall::kListen, fd)) return -error;
  return target_.Listen(fd, backlog);
}

int FaultySyscalls::Accept(int fd, sockaddr* address, socklen_t* length) {
  if (const int error = Ask(SysCall::kAccept, fd)) return -error;
  return target_.Accept(fd, address, length);
}

int FaultySyscalls::Connect(int fd, const sockaddr* address, socklen_t length) {
  if (const int error = Ask(SysCall::kConnect, fd)) return -error;
  return target_.Connect(fd, address, length);
}

int FaultySyscalls::Shutdown(int fd, int how) {
  if (const int error = Ask(SysCall::kShutdown, fd)) return -error;
  return target_.Shutdown(fd, how);
}

int FaultySyscalls::Close(int fd) {
  const int error = Ask(SysCall::kClose, fd);
  const int result = target_.Close(fd);
  return error != 0 ? -error : result;
}

ssize_t FaultySyscalls::Recv(int fd, void* data, size_t length) {
  if (const int error = Ask(SysCall::kRecv, fd)) return -error;
  return target_.Recv(fd, data, Limit(length));
}

ssize_t FaultySyscalls::Send(int fd, std::span<const iovec> iovecs) {
  if (const int error = Ask(SysCall::kSend, fd)) return -error;
  size_t room = Limit(std::numeric_limits<size_t>::max());
  std::vector<iovec> cut;
  for (const iovec& part : iovecs) {
    if (room == 0) break;
    cut.push_back(iovec{part.iov_base, std::min(part.iov_len, room)});
    room -= cut.back().iov_len;
  }
  return target_.Send(fd, cut);
}

ssize_t FaultySyscalls::SendFile(int socket, int file, off_t* offset, size_t length) {
  if (const int error = Ask(SysCall::kSendFile, socket)) return -error;
  return target_.SendFile(socket, file, offset, Limit(length));
}

int FaultySyscalls::RecvMany(int fd, std::span<mmsghdr> messages, int flags) {
  if (const int error = Ask(SysCall::kRecvMany, fd)) return -error;
  return target_.RecvMany(fd, Limit(messages), flags);
}

int FaultySyscalls::SendMany(int fd, std::span<mmsghdr> messages) {
  if (const int error = Ask(SysCall::kSendMany, fd)) return -error;
  return target_.SendMany(fd, Limit(messages));
}

ssize_t FaultySyscalls::RecvError(int fd, msghdr* message) {
  if (const int error = Ask(SysCall::kRecvError, fd)) return -error;
  return target_.RecvError(fd, message);
}

ssize_t FaultySyscalls::Read(int fd, void* data, size_t length) {
  if (const int error = Ask(SysCall::kRead, fd)) return -error;
  return target_.Read(fd, data, Limit(length));
}

ssize_t FaultySyscalls::Write(int fd, const void* data, size_t length) {
  if (const int error = Ask(SysCall::kWrite, fd)) return -error;
  return target_.Write(fd, data, Limit(length));
}

int FaultySyscalls::GetSockOpt(int fd, int level, int name, void* value, socklen_t* length) {
  if (const int error = Ask(SysCall::kGetSockOpt, fd)) return -error;
  return target_.GetSockOpt(fd, level, name, value, length);
}

int FaultySyscalls::SetSockOpt(int fd, int level, int name, const void* value, socklen_t length) {
  if (const int error = Ask(SysCall::kSetSockOpt, fd)) return -error;
  return target_.SetSockOpt(fd, level, name, value, length);
}

int FaultySyscalls::GetSockName(int fd, sockaddr* address, socklen_t* length) {
  if (const int error = Ask(SysCall::kGetSockName, fd)) return -error;
  return target_.GetSockName(fd, address, length);
}

int FaultySyscalls::GetPeerName(int fd, sockaddr* address, socklen_t* length) {
  if (const int error = Ask(SysCall::kGetPeerName, fd)) return -error;
  return target_.GetPeerName(fd, address, length);
}

int FaultySyscalls::EpollCreate() {
  if (const int error = Ask(SysCall::kEpollCreate, -1)) return -error;
  return target_.EpollCreate();
}

int FaultySyscalls::EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event) {
  if (const int error = Ask(SysCall::kEpollCtl, fd)) return -error;
  return target_.EpollCtl(epoll_fd, operation, fd, event);
}

int FaultySyscalls::EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) {
  if (const int error = Ask(SysCall::kEpollWait, epoll_fd)) return -error;
  return target_.EpollWait(epoll_fd, events, timeout_ms);
}

int FaultySyscalls::EventFd() {
  if (const int error = Ask(SysCall::kEventFd, -1)) return -error;
  return target_.EventFd();
}

int FaultySyscalls::TimerFd() {
  if (const int error = Ask(SysCall::kTimerFd, -1)) return -error;
  return target_.TimerFd();
}

int FaultySyscalls::TimerFdSet(int fd, TimePoint when) {
  if (const int error = Ask(SysCall::kTimerFdSet, fd)) return -error;
  return target_.TimerFdSet(fd, when);
}

int FaultySyscalls::SignalFd(int fd, const sigset_t* mask) {
  if (const int error = Ask(SysCall::kSignalFd, fd)) return -error;
  return target_.SignalFd(fd, mask);
}

}  // namespace spindle
