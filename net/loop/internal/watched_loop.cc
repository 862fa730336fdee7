#include "net/loop/internal/watched_loop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "base/errno_status.h"
#include "base/logging.h"
#include "base/mutex.h"
#include "base/parse.h"
#include "base/strings.h"
#include "net/loop/internal/stack_capture.h"
#include "net/loop/watchdog.h"

namespace spindle {
namespace {

constexpr Duration kLogPeriod = std::chrono::seconds(1);
constexpr Duration kShortestPeriod = std::chrono::milliseconds(1);
constexpr Duration kLongestPeriod = std::chrono::milliseconds(250);

}  // namespace

// The thread that looks at all watched loops, and the list of them. One per process, never freed: a
// child of fork has its own, as it has neither its parent's thread nor a mutex that can be trusted.
//
// Invariant: the thread runs while the list is not empty, and it touches a loop under the mutex
// only, so that none goes away while it is looked at.
class WatchdogThread {
 public:
  static WatchdogThread& Get() {
    static constinit std::atomic<WatchdogThread*> current{nullptr};
    WatchdogThread* known = current.load(std::memory_order_acquire);
    while (known == nullptr || known->process_ != getpid()) {
      auto fresh = std::make_unique<WatchdogThread>();
      if (current.compare_exchange_strong(known, fresh.get())) return *fresh.release();
    }
    return *known;
  }

  absl::Status Add(WatchedLoop& loop) {
    MutexLock lock(mutex_);
    while (ending_) changed_.Wait(mutex_);
    if (loops_.empty()) {
      if (absl::Status status = StartThread(); !status.ok()) return status;
    }
    loops_.push_back(&loop);
    changed_.NotifyAll();
    return absl::OkStatus();
  }

  void Remove(WatchedLoop& loop) {
    pthread_t thread;
    {
      MutexLock lock(mutex_);
      std::erase(loops_, &loop);
      if (!loops_.empty()) return;
      ending_ = true;
      thread = thread_;
      changed_.NotifyAll();
    }
    pthread_join(thread, nullptr);
    MutexLock lock(mutex_);
    ending_ = false;
    changed_.NotifyAll();
  }

 private:
  // What is to be logged.
  struct Finding {
    std::string loop;
    Duration runs{0};
    pid_t thread = 0;
    uint64_t unsaid = 0;
    std::optional<CapturedStack> stack = std::nullopt;  // Nothing if the thread did not answer.
  };

  absl::Status StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&thread_, nullptr, &WatchdogThread::Main, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) return ErrnoStatus("thread of the watchdog", error);
    pthread_setname_np(thread_, "watchdog");
    return absl::OkStatus();
  }

  static void* Main(void* self) {
    static_cast<WatchdogThread*>(self)->Run();
    return nullptr;
  }

  void Run() {
    while (true) {
      std::vector<Finding> findings;
      {
        MutexLock lock(mutex_);
        if (!ending_) changed_.WaitUntil(mutex_, Clock::now() + Period());
        if (ending_) return;
        for (WatchedLoop* const loop : loops_) Look(*loop, findings);
      }
      for (const Finding& finding : findings) Log(finding);
    }
  }

  // Names take time, and the log's sink is the user's: without the mutex.
  static void Log(const Finding& finding) {
    std::string line = Concat("loop ", finding.loop, ": a callback runs for ",
                              FormatDuration(finding.runs), " already: ");
    if (finding.stack.has_value()) {
      Append(line, finding.stack->origin.ToString(), "; stack: ", finding.stack->ToString());
    } else {
      Append(line, "no stack, as its thread ", finding.thread, " does not take signal ",
             WatchdogSignal());
    }
    if (finding.unsaid > 0) Append(line, " [", finding.unsaid, " suppressed]");
    SPINDLE_LOG(Warning) << line;
  }

  Duration Period() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Duration shortest = kLongestPeriod;
    for (const WatchedLoop* const loop : loops_) shortest = std::min(shortest, loop->limit_ / 4);
    return std::max(shortest, kShortestPeriod);
  }

  // Adds what there is to say of `loop`. Under the mutex.
  static void Look(WatchedLoop& loop, std::vector<Finding>& findings) {
    WatchedLoop::Sight& sight = loop.sight_;
    const TimePoint now = Clock::now();
    const uint64_t count = loop.running_.count();
    if (count != sight.count || count % 2 == 0) {
      sight.count = count;
      sight.since = now;
      sight.report = loop.limit_;
      return;
    }
    const Duration runs = now - sight.since;
    if (runs < sight.report) return;
    sight.report = std::max(2 * sight.report, runs);
    if (now < sight.may_log) {
      ++sight.unsaid;
      return;
    }
    CapturedStack stack;
    const CaptureResult result = CaptureStack(loop.running_, count, stack);
    if (result == CaptureResult::kOver) return;
    sight.may_log = now + kLogPeriod;
    Finding finding{.loop = loop.name_,
                    .runs = runs,
                    .thread = loop.running_.thread(),
                    .unsaid = std::exchange(sight.unsaid, 0)};
    if (result == CaptureResult::kTaken) finding.stack = stack;
    findings.push_back(std::move(finding));
  }

  const pid_t process_ = getpid();
  Mutex mutex_;
  CondVar changed_;
  std::vector<WatchedLoop*> loops_ ABSL_GUARDED_BY(mutex_);
  pthread_t thread_ ABSL_GUARDED_BY(mutex_) = {};
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;  // The thread is being joined.
};

WatchedLoop::WatchedLoop(std::string loop_name, Duration limit)
    : name_(std::move(loop_name)), limit_(limit), process_(getpid()) {}

absl::StatusOr<std::unique_ptr<WatchedLoop>> WatchedLoop::Start(std::string loop_name,
                                                                Duration limit) {
  if (absl::Status status = PrepareStackCapture(); !status.ok()) return status;
  std::unique_ptr<WatchedLoop> loop(new WatchedLoop(std::move(loop_name), limit));
  if (absl::Status status = WatchdogThread::Get().Add(*loop); !status.ok()) return status;
  loop->added_ = true;
  return loop;
}

WatchedLoop::~WatchedLoop() {
  if (added_ && process_ == getpid()) WatchdogThread::Get().Remove(*this);
}

void WatchedLoop::AcceptSignal() { AcceptCaptureSignal(); }

}  // namespace spindle
