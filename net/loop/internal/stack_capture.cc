#include "net/loop/internal/stack_capture.h"

#include <errno.h>
#include <execinfo.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <type_traits>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/errno_status.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/loop/internal/function_name.h"
#include "net/loop/watchdog.h"

namespace spindle {
namespace {

// The one request at a time. It belongs to who asks until `phase` says kAsked, then to the handler
// until that says kDone; the number, sent along with the signal, tells a late signal of an earlier
// request from this one's.
struct Request {
  enum Phase : uint64_t { kIdle, kAsked, kTaking, kDone };
  static uint64_t Mark(uint32_t number, Phase phase) { return uint64_t{number} << 2 | phase; }

  std::atomic<uint64_t> phase{Mark(0, kIdle)};
  uint32_t number = 0;
  const RunningCallback* running = nullptr;
  uint64_t count = 0;
  bool taken = false;
  CallbackOrigin origin;
  void* interrupted = nullptr;                  // Where the signal came, if the machine says so.
  void* frames[CapturedStack::kMaxFrames + 8];  // With those of the handler.
  int depth = 0;
  sem_t done;
};
static_assert(std::is_trivially_copyable_v<CallbackOrigin>);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

constinit std::atomic<int> chosen_signal{0};
constinit Mutex choosing;
constinit Request* request = nullptr;  // Never freed: a signal may be late.

void* ProgramCounter([[maybe_unused]] void* context) {
#if defined(__x86_64__)
  return reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<void*>(static_cast<ucontext_t*>(context)->uc_mcontext.pc);
#else
  return nullptr;
#endif
}

void OnSignal(int, siginfo_t* info, void* context) {
  if (info->si_code != SI_QUEUE || info->si_pid != getpid()) return;
  const int saved_errno = errno;
  const auto number = static_cast<uint32_t>(info->si_value.sival_int);
  Request& asked = *request;
  uint64_t expected = Request::Mark(number, Request::kAsked);
  if (asked.phase.compare_exchange_strong(expected, Request::Mark(number, Request::kTaking),
                                          std::memory_order_acquire)) {
    if (const CallbackOrigin* const origin = asked.running->origin(asked.count)) {
      asked.origin = *origin;
      asked.interrupted = ProgramCounter(context);
      asked.depth = backtrace(asked.frames, static_cast<int>(std::size(asked.frames)));
      asked.taken = true;
    }
    asked.phase.store(Request::Mark(number, Request::kDone), std::memory_order_release);
    sem_post(&asked.done);
  }
  errno = saved_errno;
}

bool IsFree(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
         action.sa_handler == SIG_DFL;
}

absl::Status Install(int signal) ABSL_EXCLUSIVE_LOCKS_REQUIRED(choosing) {
  if (request == nullptr) {
    request = new Request;
    SPINDLE_CHECK(sem_init(&request->done, 0, 0) == 0);
  }
  // The first walk loads a library, which no handler could.
  void* frame = nullptr;
  backtrace(&frame, 1);
  struct sigaction action = {};
  action.sa_sigaction = OnSignal;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (sigaction(signal, &action, nullptr) != 0) {
    return ErrnoStatus(Concat("handler for signal ", signal), errno);
  }
  chosen_signal.store(signal, std::memory_order_release);
  return absl::OkStatus();
}

// The request is done, or given up. True if the handler has dealt with it.
bool WaitForHandler(Request& asked) {
  timespec deadline = {};
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_nsec += 200'000'000;
  deadline.tv_sec += deadline.tv_nsec / 1'000'000'000;
  deadline.tv_nsec %= 1'000'000'000;
  while (sem_clockwait(&asked.done, CLOCK_MONOTONIC, &deadline) != 0) {
    if (errno == EINTR) continue;
    uint64_t expected = Request::Mark(asked.number, Request::kAsked);
    if (asked.phase.compare_exchange_strong(expected,
                                            Request::Mark(asked.number, Request::kIdle))) {
      return false;
    }
    while (sem_wait(&asked.done) != 0) {  // It has begun.
    }
    break;
  }
  return true;
}

}  // namespace

absl::Status SetWatchdogSignal(int signal) {
  MutexLock lock(choosing);
  if (WatchdogSignal() != 0) {
    return absl::FailedPreconditionError("the watchdog's signal has been chosen already");
  }
  for (const int fault : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    if (signal != fault) continue;
    return absl::InvalidArgumentError(Concat("signal ", signal, " has another meaning"));
  }
  if (signal < 1 || signal > SIGRTMAX) {
    return absl::InvalidArgumentError(Concat("no signal of a program's: ", signal));
  }
  if (!IsFree(signal)) {
    return absl::FailedPreconditionError(Concat("signal ", signal, " has a handler"));
  }
  return Install(signal);
}

int WatchdogSignal() { return chosen_signal.load(std::memory_order_acquire); }

absl::Status PrepareStackCapture() {
  MutexLock lock(choosing);
  if (WatchdogSignal() != 0) return absl::OkStatus();
  for (int signal = SIGRTMAX; signal >= SIGRTMIN; --signal) {
    if (IsFree(signal)) return Install(signal);
  }
  return absl::ResourceExhaustedError("no real-time signal without a handler for the watchdog");
}

CaptureResult CaptureStack(const RunningCallback& running, uint64_t count, CapturedStack& stack) {
  Request& asked = *request;
  ++asked.number;
  asked.running = &running;
  asked.count = count;
  asked.taken = false;
  // A fork may have left an answer to its parent's question here.
  while (sem_trywait(&asked.done) == 0) {
  }
  asked.phase.store(Request::Mark(asked.number, Request::kAsked), std::memory_order_release);
  siginfo_t info = {};
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_int = static_cast<int>(asked.number);
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), running.thread(), WatchdogSignal(), &info) != 0) {
    asked.phase.store(Request::Mark(asked.number, Request::kIdle));
    return errno == ESRCH ? CaptureResult::kOver : CaptureResult::kNoAnswer;
  }
  if (!WaitForHandler(asked)) return CaptureResult::kNoAnswer;
  SPINDLE_CHECK(asked.phase.load(std::memory_order_acquire) ==
                Request::Mark(asked.number, Request::kDone));
  asked.phase.store(Request::Mark(asked.number, Request::kIdle));
  if (!asked.taken) return CaptureResult::kOver;
  stack.origin = asked.origin;
  // Without the handler, and what the kernel has called it by.
  void** const end = asked.frames + asked.depth;
  void** begin = std::find(asked.frames, end, asked.interrupted);
  if (begin == end) begin = asked.frames;
  stack.depth = static_cast<int>(std::min<ptrdiff_t>(end - begin, CapturedStack::kMaxFrames));
  std::copy_n(begin, stack.depth, stack.frames);
  return CaptureResult::kTaken;
}

void AcceptCaptureSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, WatchdogSignal());
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

std::string CapturedStack::ToString() const {
  std::string text;
  for (int i = 0; i < depth; ++i) {
    // A return address lies behind the call, which may be the last of its function.
    Append(text, i == 0 ? "" : " < ",
           FunctionName(static_cast<const char*>(frames[i]) - (i == 0 ? 0 : 1)));
  }
  return text;
}

}  // namespace spindle
