#ifndef SPINDLE_NET_BACKEND_EPOLL_BACKEND_H_
#define SPINDLE_NET_BACKEND_EPOLL_BACKEND_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "net/backend/io_backend.h"

namespace spindle {

// The epoll(7) back end: one epoll set, a timerfd and an eventfd. Both are edge-triggered and never
// read: each write of the eventfd is an edge of its own, and arming the timerfd anew clears its
// count.
//
// A child of fork shares the epoll set with its parent. Whatever the child destroys leaves the
// parent's registrations alone: Remove does nothing in a process other than the one that made the
// back end.
class EpollBackend final : public IoBackend {
 public:
  // `syscalls` must outlive the back end and its wakers. Errors: EMFILE, ENFILE, ENOMEM.
  static absl::StatusOr<std::unique_ptr<EpollBackend>> Create(Syscalls& syscalls);
  ~EpollBackend() override;

  std::string_view name() const override { return "epoll"; }
  absl::StatusOr<size_t> Wait(std::span<IoEvent> out, WaitMode mode) override;
  IoError ArmTimer(TimePoint when) override;
  TimePoint Now() override { return syscalls_.Now(); }
  std::shared_ptr<Waker> waker() override;
  IoError Add(SlotToken token, Interest interest, Trigger trigger) override;
  IoError Modify(SlotToken token, Interest interest, Trigger trigger) override;
  void Remove(SlotToken token) override;
  int pollable_fd() const override { return epoll_fd_; }

  // For the simulator's driver.
  int epoll_fd() const { return epoll_fd_; }

 private:
  class EventFdWaker;

  explicit EpollBackend(Syscalls& syscalls) : IoBackend(syscalls) {}
  absl::Status Init();
  IoError Control(int operation, SlotToken token, Interest interest, Trigger trigger);

  uint64_t fork_generation_ = 0;  // That of the process which made this.
  int epoll_fd_ = -1;
  int timer_fd_ = -1;
  std::shared_ptr<EventFdWaker> waker_;
  std::vector<epoll_event> kernel_events_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_EPOLL_BACKEND_H_
