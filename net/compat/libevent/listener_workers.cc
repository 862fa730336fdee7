#include "net/compat/libevent/internal/listener_workers.h"

#include <event2/thread.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

#include "net/compat/libevent/internal/lock.h"
#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {
namespace {

thread_local ListenerWorker* this_worker = nullptr;

int ReadListenerLoops() {
  const char* text = std::getenv("SPINDLE_LISTENER_LOOPS");
  if (text == nullptr) return 1;
  int loops = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, loops);
  if (error != std::errc() || rest != end || loops < 1 || loops > kMaxListenerLoops) {
    LogWarning("SPINDLE_LISTENER_LOOPS=%s is no number from 1 to %d; listeners have one loop", text,
               kMaxListenerLoops);
    return 1;
  }
  return loops;
}

}  // namespace

std::shared_ptr<ListenerWorker> ListenerWorker::Start(int fd, event_callback_fn on_readable,
                                                      void* listener) {
  // Other threads end it, so its base must have a lock.
  if (!LockingEnabled() && evthread_use_pthreads() != 0) return nullptr;
  std::shared_ptr<ListenerWorker> worker(new ListenerWorker(listener));
  worker->base_ = event_base_new();
  if (worker->base_ == nullptr) return nullptr;
  event_assign(&worker->readable_, worker->base_, fd, EV_READ | EV_PERSIST, on_readable, listener);
  try {
    std::thread([worker] { worker->Run(); }).detach();
  } catch (const std::system_error&) {
    event_base_free(worker->base_);
    return nullptr;
  }
  return worker;
}

void ListenerWorker::Run() {
  this_worker = this;
  bool released = false;
  while (!released) {
    event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY);
    MutexLock lock(mutex_);
    released = released_;
  }
  event_base_dispatch(base_);  // until its last connection has gone
  event_base_free(base_);
}

void ListenerWorker::Release() {
  event_del(&readable_);
  MutexLock lock(mutex_);
  released_ = true;
  event_base_loopbreak(base_);
}

event_base* ListenerWorker::BaseHere(const void* listener) {
  return this_worker != nullptr && this_worker->listener_ == listener ? this_worker->base_
                                                                      : nullptr;
}

int ListenerLoops() {
  static const int loops = ReadListenerLoops();
  return loops;
}

}  // namespace spindle::compat
