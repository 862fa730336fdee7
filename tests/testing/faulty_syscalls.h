#ifndef SPINDLE_TESTS_TESTING_FAULTY_SYSCALLS_H_
#define SPINDLE_TESTS_TESTING_FAULTY_SYSCALLS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>

#include "base/mutex.h"
#include "base/syscalls.h"

namespace spindle {

// The calls of Syscalls, but for Now.
enum class SysCall : uint8_t {
  kSocket,
  kBind,
  kListen,
  kAccept,
  kConnect,
  kShutdown,
  kClose,
  kRecv,
  kSend,
  kSendFile,
  kRecvMany,
  kSendMany,
  kRecvError,
  kRead,
  kWrite,
  kGetSockOpt,
  kSetSockOpt,
  kGetSockName,
  kGetPeerName,
  kEpollCreate,
  kEpollCtl,
  kEpollWait,
  kEventFd,
  kTimerFd,
  kTimerFdSet,
  kSignalFd,
  kCount,  // How many there are.
};

std::string_view SysCallName(SysCall call);

// An errno that the call may well fail with when the machine is at its limits: EMFILE for those
// that make a descriptor, ENOMEM or ENOBUFS for most.
int TypicalErrno(SysCall call);

// One call about to be made. Plain data.
struct SysCallInfo {
  SysCall call;
  int fd;           // -1 for those that make one.
  uint64_t number;  // How many calls were made before, since the last FailNth or ResetCount.
};

// System calls that fail, or move less than was asked for, where a test wants it; all else goes to
// another Syscalls, by default the kernel.
//
//   FaultySyscalls faulty;
//   for (uint64_t n = 0;; ++n) {             // Every point of a scenario:
//     faulty.FailNth(n);
//     Scenario(faulty);
//     if (!faulty.failed()) break;           // There was no n-th call.
//   }
//
// A Close that fails has closed the descriptor, as close(2) does. Any thread; hooks are called
// under a mutex and must make no system call through this object.
class FaultySyscalls : public Syscalls {
 public:
  // An errno to fail with, or 0 to let the call pass.
  using Hook = std::function<int(const SysCallInfo&)>;

  explicit FaultySyscalls(Syscalls& target = Syscalls::Real()) : target_(target) {}

  // Asked before every call that no other rule fails. Empty: none.
  void SetHook(Hook hook);
  // Fails call number `n` from now (from 0) with `error`, by default with TypicalErrno, and resets
  // the count.
  void FailNth(uint64_t n, int error = 0);
  // Fails the next `times` calls of this kind.
  void FailNext(SysCall call, int error, uint64_t times = 1);
  // Fails all calls of this kind; 0 ends it.
  void FailAll(SysCall call, int error);
  // Recv, Send, SendFile, Read and Write move at most so many bytes.
  void SetMaxTransfer(size_t bytes);
  // RecvMany and SendMany move at most so many messages.
  void SetMaxMessages(size_t messages);
  // Ends all faults.
  void Clear();

  void ResetCount();
  uint64_t calls() const;              // Since the count was reset.
  uint64_t calls(SysCall call) const;  // Since this object was made.
  bool failed() const;                 // Since the last FailNth.
  SysCallInfo last_failed() const;     // Valid if failed().

  int Socket(int domain, int type, int protocol) override;
  int Bind(int fd, const sockaddr* address, socklen_t length) override;
  int Listen(int fd, int backlog) override;
  int Accept(int fd, sockaddr* address, socklen_t* length) override;
  int Connect(int fd, const sockaddr* address, socklen_t length) override;
  int Shutdown(int fd, int how) override;
  int Close(int fd) override;
  ssize_t Recv(int fd, void* data, size_t length) override;
  ssize_t Send(int fd, std::span<const iovec> iovecs) override;
  ssize_t SendFile(int socket, int file, off_t* offset, size_t length) override;
  int RecvMany(int fd, std::span<mmsghdr> messages, int flags) override;
  int SendMany(int fd, std::span<mmsghdr> messages) override;
  ssize_t RecvError(int fd, msghdr* message) override;
  ssize_t Read(int fd, void* data, size_t length) override;
  ssize_t Write(int fd, const void* data, size_t length) override;
  int GetSockOpt(int fd, int level, int name, void* value, socklen_t* length) override;
  int SetSockOpt(int fd, int level, int name, const void* value, socklen_t length) override;
  int GetSockName(int fd, sockaddr* address, socklen_t* length) override;
  int GetPeerName(int fd, sockaddr* address, socklen_t* length) override;
  int EpollCreate() override;
  int EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event) override;
  int EpollWait(int epoll_fd, std::span<epoll_event> events, int timeout_ms) override;
  int EventFd() override;
  int TimerFd() override;
  int TimerFdSet(int fd, TimePoint when) override;
  int SignalFd(int fd, const sigset_t* mask) override;
  TimePoint Now() override { return target_.Now(); }

 private:
  static constexpr size_t kCalls = static_cast<size_t>(SysCall::kCount);
  struct Rule {
    int error = 0;
    uint64_t times = 0;
  };

  // The errno to fail with, or 0; counts the call.
  int Ask(SysCall call, int fd);
  int Decide(const SysCallInfo& info) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  size_t Limit(size_t length) const;
  std::span<mmsghdr> Limit(std::span<mmsghdr> messages) const;

  Syscalls& target_;
  mutable Mutex mutex_;
  Hook hook_ ABSL_GUARDED_BY(mutex_);
  uint64_t fail_at_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<uint64_t>::max();
  int fail_with_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<Rule, kCalls> rules_ ABSL_GUARDED_BY(mutex_) = {};
  size_t max_transfer_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<size_t>::max();
  size_t max_messages_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<size_t>::max();
  uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<uint64_t, kCalls> counts_ ABSL_GUARDED_BY(mutex_) = {};
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  SysCallInfo last_failed_ ABSL_GUARDED_BY(mutex_) = {};
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_FAULTY_SYSCALLS_H_
