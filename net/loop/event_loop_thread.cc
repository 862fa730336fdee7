#include "net/loop/event_loop_thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/live_counter.h"
#include "base/logging.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/loop/internal/call_waiter.h"

namespace spindle {
namespace {

// Blocks the signals that are not for loop threads while alive: a thread inherits its mask.
class MaskForNewThread {
 public:
  MaskForNewThread() {
    sigset_t mask;
    sigfillset(&mask);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) {
      sigdelset(&mask, signal);
    }
    pthread_sigmask(SIG_BLOCK, &mask, &before_);
  }
  MaskForNewThread(const MaskForNewThread&) = delete;
  MaskForNewThread& operator=(const MaskForNewThread&) = delete;
  ~MaskForNewThread() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

absl::Status PinThisThread(int cpu) {
  if (cpu < 0) return absl::OkStatus();
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  int error = EINVAL;
  if (cpu < CPU_SETSIZE) {
    CPU_SET(cpu, &cpus);
    error = pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
  }
  return error == 0 ? absl::OkStatus() : ErrnoStatus(Concat("pin to processor ", cpu), error);
}

}  // namespace

// What the two sides share. The thread owns the loop.
class EventLoopThread::Body : private LiveCounted<EventLoopThread> {
 public:
  explicit Body(EventLoopThreadOptions options) : options_(std::move(options)) {}

  // Makes the thread and waits until its loop runs, or until it has failed and ended.
  static absl::Status Start(const std::shared_ptr<Body>& body) {
    auto argument = std::make_unique<std::shared_ptr<Body>>(body);
    int error = 0;
    {
      MaskForNewThread mask;
      error = pthread_create(&body->thread_, nullptr, &Body::Main, argument.get());
    }
    if (error != 0) return ErrnoStatus("pthread_create", error);
    static_cast<void>(argument.release());  // Main's.
    absl::Status status = body->WaitUntilStarted();
    if (!status.ok()) body->Join();
    return status;
  }

  void Stop() {
    // In this order: the thread destroys the loop as soon as both have happened.
    loop_->Quit();
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  void Join() {
    ended_.WaitServingCalls();
    pthread_join(thread_, nullptr);
  }
  void Detach() { pthread_detach(thread_); }

  // True where waiting for the thread's end would wait for the caller itself.
  bool WaitingWouldHang() const {
    return pthread_equal(pthread_self(), thread_) || loop_->IsInLoop();
  }
  EventLoop& loop() const { return *loop_; }

 private:
  static void* Main(void* argument) {
    const std::unique_ptr<std::shared_ptr<Body>> body(
        static_cast<std::shared_ptr<Body>*>(argument));
    (*body)->RunThread();
    (*body)->ended_.Finish();
    return nullptr;
  }

  void RunThread() {
    pthread_setname_np(pthread_self(), options_.loop.name.substr(0, 15).c_str());
    if (absl::Status status = PinThisThread(options_.cpu); !status.ok()) return Started(status);
    auto loop = EventLoop::Create(options_.loop);
    if (!loop.ok()) return Started(loop.status());
    loop_ = loop->get();
    // From inside the loop: whoever learns that it has started finds it held by this thread.
    loop_->Post([this] { Started(absl::OkStatus()); });
    if (absl::Status status = loop_->Run(); !status.ok()) {
      SPINDLE_LOG(Error) << "loop '" << loop_->name() << "' ends: " << status;
      Started(status);
    }
    WaitForStop();
  }

  // The first call counts.
  void Started(const absl::Status& status) {
    MutexLock lock(mutex_);
    if (started_) return;
    started_ = true;
    start_status_ = status;
    stop_ = !status.ok();
    changed_.NotifyAll();
  }
  absl::Status WaitUntilStarted() {
    MutexLock lock(mutex_);
    while (!started_) changed_.Wait(mutex_);
    return start_status_;
  }
  void WaitForStop() {
    MutexLock lock(mutex_);
    while (!stop_) changed_.Wait(mutex_);
  }

  const EventLoopThreadOptions options_;
  pthread_t thread_{};         // Written before the thread can be asked for it.
  EventLoop* loop_ = nullptr;  // Written before `started_`.
  CallWaiter ended_;

  Mutex mutex_;
  CondVar changed_;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status start_status_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<EventLoopThread>> EventLoopThread::Start(
    EventLoopThreadOptions options) {
  auto body = std::make_shared<Body>(std::move(options));
  if (absl::Status status = Body::Start(body); !status.ok()) return status;
  return std::unique_ptr<EventLoopThread>(new EventLoopThread(std::move(body)));
}

EventLoopThread::EventLoopThread(std::shared_ptr<Body> body) : body_(std::move(body)) {}

EventLoopThread::~EventLoopThread() {
  const bool detach = body_->WaitingWouldHang();
  body_->Stop();
  if (detach) {
    body_->Detach();
  } else {
    body_->Join();
  }
}

EventLoop& EventLoopThread::loop() const { return body_->loop(); }

LoopRef EventLoopThread::ref() const { return body_->loop().ref(); }

}  // namespace spindle
