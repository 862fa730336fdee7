#include "net/backend/epoll_backend.h"

#include <errno.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>

#include "base/errno_status.h"

namespace spindle {
namespace {

// How often this process is the child of a fork; a back end of an earlier value is not ours to
// change.
std::atomic<uint64_t> g_fork_generation{0};

uint64_t ForkGeneration() {
  static const int registered = pthread_atfork(
      nullptr, nullptr, [] { g_fork_generation.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
  return g_fork_generation.load(std::memory_order_relaxed);
}

uint32_t EpollBits(Interest interest, Trigger trigger) {
  uint32_t bits = 0;
  if (Has(interest, Interest::kRead)) bits |= EPOLLIN;
  if (Has(interest, Interest::kWrite)) bits |= EPOLLOUT;
  if (Has(interest, Interest::kPeerClosed)) bits |= EPOLLRDHUP;
  if (Has(interest, Interest::kPriority)) bits |= EPOLLPRI;
  if (trigger == Trigger::kEdge || trigger == Trigger::kEdgeOneShot) bits |= EPOLLET;
  if (trigger == Trigger::kOneShot || trigger == Trigger::kEdgeOneShot) bits |= EPOLLONESHOT;
  return bits;
}

constexpr size_t kMaxEventsPerWait = 512;

}  // namespace

bool IoResult::would_block() const { return error == EAGAIN || error == EWOULDBLOCK; }

class EpollBackend::EventFdWaker final : public Waker {
 public:
  EventFdWaker(Syscalls& syscalls, int fd) : syscalls_(syscalls), fd_(fd) {}
  ~EventFdWaker() override { syscalls_.Close(fd_); }

  void Wake() override {
    const uint64_t one = 1;
    // Fails only when the counter is full, and then the loop has been woken long ago.
    while (syscalls_.Write(fd_, &one, sizeof one) == -EINTR) {
    }
  }
  int fd() const { return fd_; }

 private:
  Syscalls& syscalls_;
  const int fd_;
};

absl::StatusOr<std::unique_ptr<EpollBackend>> EpollBackend::Create(Syscalls& syscalls) {
  std::unique_ptr<EpollBackend> backend(new EpollBackend(syscalls));
  if (absl::Status status = backend->Init(); !status.ok()) return status;
  return backend;
}

absl::Status EpollBackend::Init() {
  fork_generation_ = ForkGeneration();
  epoll_fd_ = syscalls_.EpollCreate();
  if (epoll_fd_ < 0) return ErrnoStatus("epoll_create1", -epoll_fd_);
  timer_fd_ = syscalls_.TimerFd();
  if (timer_fd_ < 0) return ErrnoStatus("timerfd_create", -timer_fd_);
  const int event_fd = syscalls_.EventFd();
  if (event_fd < 0) return ErrnoStatus("eventfd", -event_fd);
  waker_ = std::make_shared<EventFdWaker>(syscalls_, event_fd);
  // Token 0 is no slot's: such an event only ends the wait.
  for (const int fd : {timer_fd_, event_fd}) {
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLET;
    const int result = syscalls_.EpollCtl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
    if (result < 0) return ErrnoStatus("epoll_ctl", -result);
  }
  kernel_events_.resize(kMaxEventsPerWait);
  return absl::OkStatus();
}

EpollBackend::~EpollBackend() {
  // The waker may outlive the set: closing the set is what ends the registration.
  if (timer_fd_ >= 0) syscalls_.Close(timer_fd_);
  if (epoll_fd_ >= 0) syscalls_.Close(epoll_fd_);
}

absl::StatusOr<size_t> EpollBackend::Wait(std::span<IoEvent> out, WaitMode mode) {
  const size_t room = std::min(out.size(), kernel_events_.size());
  const int count = syscalls_.EpollWait(epoll_fd_, std::span(kernel_events_).first(room),
                                        mode == WaitMode::kBlock ? -1 : 0);
  if (count == -EINTR) return size_t{0};
  if (count < 0) return ErrnoStatus("epoll_wait", -count);
  size_t filled = 0;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = kernel_events_[static_cast<size_t>(i)];
    if (event.data.u64 == 0) continue;
    out[filled++] = IoEvent{SlotToken::FromBits(event.data.u64), event.events};
  }
  return filled;
}

IoError EpollBackend::ArmTimer(TimePoint when) {
  const int result = syscalls_.TimerFdSet(timer_fd_, when);
  return result < 0 ? IoError(-result, IoOp::kPoll) : IoError();
}

std::shared_ptr<Waker> EpollBackend::waker() { return waker_; }

IoError EpollBackend::Control(int operation, SlotToken token, Interest interest, Trigger trigger) {
  epoll_event event = {};
  event.events = EpollBits(interest, trigger);
  event.data.u64 = token.bits();
  const int result = syscalls_.EpollCtl(epoll_fd_, operation, token.fd(), &event);
  return result < 0 ? IoError(-result, IoOp::kPoll) : IoError();
}

IoError EpollBackend::Add(SlotToken token, Interest interest, Trigger trigger) {
  return Control(EPOLL_CTL_ADD, token, interest, trigger);
}

IoError EpollBackend::Modify(SlotToken token, Interest interest, Trigger trigger) {
  return Control(EPOLL_CTL_MOD, token, interest, trigger);
}

void EpollBackend::Remove(SlotToken token) {
  if (fork_generation_ != ForkGeneration()) return;
  syscalls_.EpollCtl(epoll_fd_, EPOLL_CTL_DEL, token.fd(), nullptr);
}

}  // namespace spindle
