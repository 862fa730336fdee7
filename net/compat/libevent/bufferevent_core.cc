// The parts common to all kinds of bufferevents: life, callbacks, suspension, timers.

#include <cerrno>
#include <utility>

#include "net/compat/libevent/internal/bufferevent.h"
#include "net/compat/libevent/internal/deferred.h"
#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {
namespace {

void WatchInput(evbuffer*, size_t, size_t, void* arg) {
  HeedHighWatermark(static_cast<BufferEvent*>(arg));
}

void Schedule(BufferEvent* bev) {
  event_base* base = LoopOf(bev);
  if (base != nullptr && ScheduleDeferred(base, &bev->deferred)) Ref(bev);
}

// A callback that has left a full buffer is called again: nothing else would do so, for nothing
// more is read.
void RepeatIfFull(BufferEvent* bev) {
  if (bev->wm_read.high == 0 || (bev->enabled & EV_READ) == 0) return;
  if (evbuffer_get_length(bev->input) < bev->wm_read.high) return;
  Trigger(bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

// Calls one of the user's callbacks, without the lock if the options say so.
template <typename Callback, typename... Arguments>
void Call(BufferEvent* bev, Callback callback, Arguments... arguments) {
  const bool unlocked = (bev->options & BEV_OPT_UNLOCK_CALLBACKS) != 0;
  void* const arg = bev->cbarg;
  if (unlocked) ReleaseLock(bev);
  callback(bev, arguments..., arg);
  if (unlocked) AcquireLock(bev);
}

void RunDeferred(event_callback*, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  AcquireLock(bev);
  // That it is connected happened before all the rest.
  if ((bev->event_due & BEV_EVENT_CONNECTED) != 0 && bev->errorcb != nullptr) {
    bev->event_due &= ~BEV_EVENT_CONNECTED;
    Call(bev, bev->errorcb, static_cast<short>(BEV_EVENT_CONNECTED));
  }
  if (bev->read_due && bev->readcb != nullptr) {
    bev->read_due = false;
    Call(bev, bev->readcb);
    RepeatIfFull(bev);
  }
  if (bev->write_due && bev->writecb != nullptr) {
    bev->write_due = false;
    Call(bev, bev->writecb);
  }
  if (bev->event_due != 0 && bev->errorcb != nullptr) {
    const short what = std::exchange(bev->event_due, 0);
    errno = std::exchange(bev->error_due, 0);
    Call(bev, bev->errorcb, what);
  }
  UnrefAndUnlock(bev);
}

// In the loop, when nothing of the bufferevent is called any more.
void Finalize(event_callback*, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  // Whoever gave the last reference away may still be letting go of the lock.
  const SharedLock lock = bev->lock;
  Acquire(lock.get());
  DropParts(bev);
  Unlock(lock.get());
  bev->lock.reset();
  bev->be_ops->destroy(bev);
}

void OnReadTimer(evutil_socket_t, short, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  BufferEventScope scope(bev);
  if (bev->is_gone) return;
  Disable(bev, EV_READ);
  RunEventCallback(bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

void OnWriteTimer(evutil_socket_t, short, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  BufferEventScope scope(bev);
  if (bev->is_gone) return;
  Disable(bev, EV_WRITE);
  RunEventCallback(bev, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING, 0);
}

}  // namespace

bool InitBufferEvent(BufferEvent* bev, event_base* base, const bufferevent_ops* ops, int options,
                     SharedLock lock) {
  if ((options & (BEV_OPT_UNLOCK_CALLBACKS | BEV_OPT_DEFER_CALLBACKS)) ==
      BEV_OPT_UNLOCK_CALLBACKS) {
    LogWarning("bufferevent: BEV_OPT_UNLOCK_CALLBACKS needs BEV_OPT_DEFER_CALLBACKS");
    return false;
  }
  bev->ev_base = base;
  bev->be_ops = ops;
  bev->options = options;
  bev->input = evbuffer_new();
  bev->output = evbuffer_new();
  if (bev->input == nullptr || bev->output == nullptr) {
    DropParts(bev);
    return false;
  }
  bev->enabled = EV_WRITE;
  if ((options & BEV_OPT_THREADSAFE) != 0) {
    bev->lock = lock != nullptr ? std::move(lock) : NewSharedLock();
    ShareLock(bev->input, bev->lock);
    ShareLock(bev->output, bev->lock);
  }
  InitDeferred(&bev->deferred, base != nullptr ? DefaultPriority(base) : 0, RunDeferred, bev);
  SetWatch(bev->input, WatchInput, bev);
  return true;
}

void DropParts(BufferEvent* bev) {
  FreeRate(bev);
  for (evbuffer** buffer : {&bev->input, &bev->output}) {
    if (*buffer == nullptr) continue;
    SetWatch(*buffer, nullptr, nullptr);
    evbuffer_free(std::exchange(*buffer, nullptr));
  }
}

BufferEventScope::BufferEventScope(bufferevent* bev) : bev_(Impl(bev)) {
  AcquireLock(bev_);
  Ref(bev_);
}

BufferEventScope::~BufferEventScope() { UnrefAndUnlock(bev_); }

void AcquireLock(BufferEvent* bev) { Acquire(bev->lock.get()); }

void ReleaseLock(BufferEvent* bev) { Unlock(bev->lock.get()); }

void Ref(BufferEvent* bev) { ++bev->refs; }

bool UnrefAndUnlock(BufferEvent* bev) {
  if (--bev->refs > 0 || bev->is_gone) {
    ReleaseLock(bev);
    return false;
  }
  bev->is_gone = true;
  const SharedLock lock = bev->lock;
  event_base* base = LoopOf(bev);
  bev->be_ops->unlink(bev);
  LeaveRate(bev);
  event_del_noblock(&bev->ev_read);
  event_del_noblock(&bev->ev_write);
  if (base != nullptr) FinalizeDeferred(base, &bev->deferred, Finalize);
  Unlock(lock.get());
  if (base == nullptr) Finalize(nullptr, bev);
  return true;
}

event_base* LoopOf(const BufferEvent* bev) {
  return bev->ev_base != nullptr ? bev->ev_base : bev->ev_read.ev_base;
}

void RunReadCallback(BufferEvent* bev, int options) {
  if (bev->readcb == nullptr) return;
  if (((bev->options | options) & BEV_OPT_DEFER_CALLBACKS) != 0) {
    bev->read_due = true;
    Schedule(bev);
    return;
  }
  bev->readcb(bev, bev->cbarg);
  RepeatIfFull(bev);
}

void RunWriteCallback(BufferEvent* bev, int options) {
  if (bev->writecb == nullptr) return;
  if (((bev->options | options) & BEV_OPT_DEFER_CALLBACKS) != 0) {
    bev->write_due = true;
    Schedule(bev);
    return;
  }
  bev->writecb(bev, bev->cbarg);
}

void RunEventCallback(BufferEvent* bev, short what, int options) {
  if (bev->errorcb == nullptr) return;
  if (((bev->options | options) & BEV_OPT_DEFER_CALLBACKS) != 0) {
    bev->event_due |= what;
    bev->error_due = errno;
    Schedule(bev);
    return;
  }
  bev->errorcb(bev, what, bev->cbarg);
}

void Trigger(BufferEvent* bev, short iotype, int options) {
  const bool always = (options & BEV_TRIG_IGNORE_WATERMARKS) != 0;
  if ((iotype & EV_READ) != 0 && (always || evbuffer_get_length(bev->input) >= bev->wm_read.low)) {
    RunReadCallback(bev, options);
  }
  if ((iotype & EV_WRITE) != 0 &&
      (always || evbuffer_get_length(bev->output) <= bev->wm_write.low)) {
    RunWriteCallback(bev, options);
  }
}

void SuspendRead(BufferEvent* bev, SuspendReason reason) {
  if (bev->read_suspended == 0) bev->be_ops->disable(bev, EV_READ);
  bev->read_suspended |= reason;
}

void ResumeRead(BufferEvent* bev, SuspendReason reason) {
  if ((bev->read_suspended & reason) == 0) return;
  bev->read_suspended &= static_cast<uint16_t>(~reason);
  if (bev->read_suspended == 0 && (bev->enabled & EV_READ) != 0) {
    bev->be_ops->enable(bev, EV_READ);
  }
}

void SuspendWrite(BufferEvent* bev, SuspendReason reason) {
  if (bev->write_suspended == 0) bev->be_ops->disable(bev, EV_WRITE);
  bev->write_suspended |= reason;
}

void ResumeWrite(BufferEvent* bev, SuspendReason reason) {
  if ((bev->write_suspended & reason) == 0) return;
  bev->write_suspended &= static_cast<uint16_t>(~reason);
  if (bev->write_suspended == 0 && (bev->enabled & EV_WRITE) != 0) {
    bev->be_ops->enable(bev, EV_WRITE);
  }
}

void HeedHighWatermark(BufferEvent* bev) {
  if (bev->wm_read.high != 0 && bev->input->length >= bev->wm_read.high) {
    SuspendRead(bev, kSuspendWatermark);
  } else {
    ResumeRead(bev, kSuspendWatermark);
  }
}

int Enable(BufferEvent* bev, short events) {
  bev->enabled = static_cast<short>(bev->enabled | events);
  short possible = events;
  if (bev->read_suspended != 0) possible &= ~EV_READ;
  if (bev->write_suspended != 0) possible &= ~EV_WRITE;
  return possible == 0 ? 0 : bev->be_ops->enable(bev, possible);
}

int Disable(BufferEvent* bev, short events) {
  bev->enabled = static_cast<short>(bev->enabled & ~events);
  return bev->be_ops->disable(bev, events);
}

int AddWithTimeout(event* ev, const timeval& timeout) {
  return event_add(ev, timeout.tv_sec != 0 || timeout.tv_usec != 0 ? &timeout : nullptr);
}

void InitTimers(BufferEvent* bev) {
  event_assign(&bev->ev_read, bev->ev_base, -1, EV_FINALIZE, OnReadTimer, bev);
  event_assign(&bev->ev_write, bev->ev_base, -1, EV_FINALIZE, OnWriteTimer, bev);
}

void AdjustTimers(BufferEvent* bev) {
  if ((bev->enabled & EV_READ) != 0 && bev->read_suspended == 0) {
    RestartReadTimer(bev);
  } else {
    StopReadTimer(bev);
  }
  if ((bev->enabled & EV_WRITE) != 0 && bev->write_suspended == 0 &&
      evbuffer_get_length(bev->output) > 0) {
    RestartWriteTimer(bev);
  } else {
    StopWriteTimer(bev);
  }
}

void RestartReadTimer(BufferEvent* bev) {
  if (evutil_timerisset(&bev->timeout_read)) {
    event_add(&bev->ev_read, &bev->timeout_read);
  } else {
    StopReadTimer(bev);
  }
}

void RestartWriteTimer(BufferEvent* bev) {
  if (evutil_timerisset(&bev->timeout_write)) {
    event_add(&bev->ev_write, &bev->timeout_write);
  } else {
    StopWriteTimer(bev);
  }
}

void StopReadTimer(BufferEvent* bev) { event_del(&bev->ev_read); }

void StopWriteTimer(BufferEvent* bev) { event_del(&bev->ev_write); }

}  // namespace spindle::compat
