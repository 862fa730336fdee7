#include "net/loop/signal_watcher.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/errno_status.h"
#include "base/live_counter.h"
#include "base/strings.h"
#include "net/loop/fd_watcher.h"
#include "net/loop/internal/owned_callback.h"
#include "net/loop/io_host.h"

namespace spindle {
namespace {

// How many watchers of this thread want a signal blocked that was not blocked before the first.
constinit thread_local std::array<uint16_t, _NSIG> blocked_here{};

// Blocks signals in this thread while alive.
class SignalBlock {
 public:
  explicit SignalBlock(const std::vector<int>& signals) : thread_(pthread_self()) {
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    sigset_t added;
    sigemptyset(&added);
    for (const int signal : signals) {
      uint16_t& count = blocked_here[static_cast<size_t>(signal)];
      // Blocked by others before: theirs to unblock.
      if (count == 0 && sigismember(&before, signal) == 1) continue;
      ++count;
      ours_.push_back(signal);
      sigaddset(&added, signal);
    }
    pthread_sigmask(SIG_BLOCK, &added, nullptr);
  }
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;
  ~SignalBlock() {
    SPINDLE_CHECK(pthread_equal(thread_, pthread_self()))
        << "a SignalWatcher is destroyed on the thread that created it";
    sigset_t free;
    sigemptyset(&free);
    for (const int signal : ours_) {
      if (--blocked_here[static_cast<size_t>(signal)] == 0) sigaddset(&free, signal);
    }
    pthread_sigmask(SIG_UNBLOCK, &free, nullptr);
  }

 private:
  const pthread_t thread_;
  std::vector<int> ours_;
};

absl::Status Check(std::span<const int> signals) {
  if (signals.empty()) return absl::InvalidArgumentError("no signals to watch");
  for (const int signal : signals) {
    sigset_t probe;
    sigemptyset(&probe);
    // The C library keeps some numbers to itself and refuses them here.
    const bool is_signal = sigaddset(&probe, signal) == 0;
    const auto never = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    if (is_signal && std::find(never.begin(), never.end(), signal) == never.end()) continue;
    return absl::InvalidArgumentError(Concat("signal ", signal, " cannot be watched"));
  }
  return absl::OkStatus();
}

}  // namespace

// Members go in reverse: the watcher, the descriptor, then the signals' former fate.
class SignalWatcher::Impl : private LiveCounted<SignalWatcher> {
 public:
  Impl(Syscalls& syscalls, std::vector<int> signals, Callback callback)
      : syscalls_(syscalls), block_(signals), callback_(std::move(callback)) {}
  ~Impl() {
    watcher_.reset();
    if (fd_ >= 0) syscalls_.Close(fd_);
  }

  absl::Status Start(EventLoop& loop, const std::vector<int>& signals) {
    sigset_t mask;
    sigemptyset(&mask);
    for (const int signal : signals) sigaddset(&mask, signal);
    fd_ = syscalls_.SignalFd(-1, &mask);
    if (fd_ < 0) return ErrnoStatus("signalfd", -fd_);
    auto watcher = FdWatcher::Create(loop, fd_, Interest::kRead, Trigger::kLevel,
                                     [this](FdEvents) { ReadSignals(); });
    if (!watcher.ok()) return watcher.status();
    watcher_ = *std::move(watcher);
    return absl::OkStatus();
  }

 private:
  // Level-triggered, so what a bounded batch leaves is for the next turn.
  void ReadSignals() {
    for (int i = 0; i < 16; ++i) {
      signalfd_siginfo info;
      // EAGAIN: none left, or another watcher has taken it.
      if (syscalls_.Read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
      if (!callback_.Run(static_cast<int>(info.ssi_signo), info)) return;
    }
  }

  Syscalls& syscalls_;
  const SignalBlock block_;
  int fd_ = -1;
  OwnedCallback<int, const signalfd_siginfo&> callback_;
  std::unique_ptr<FdWatcher> watcher_;
};

absl::StatusOr<std::unique_ptr<SignalWatcher>> SignalWatcher::Create(EventLoop& loop,
                                                                     std::span<const int> signals,
                                                                     Callback callback) {
  if (absl::Status status = Check(signals); !status.ok()) return status;
  std::vector<int> distinct(signals.begin(), signals.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  auto impl = std::make_unique<Impl>(IoHost::Of(loop).syscalls(), distinct, std::move(callback));
  if (absl::Status status = impl->Start(loop, distinct); !status.ok()) return status;
  return std::unique_ptr<SignalWatcher>(new SignalWatcher(std::move(impl)));
}

SignalWatcher::SignalWatcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SignalWatcher::~SignalWatcher() = default;

}  // namespace spindle
