// Bufferevents on sockets, and on whatever else epoll(7) takes.
//
// Output is not written where it is added, but from the loop, after the callbacks that are due
// already: the event for writing is made active by hand. So what several calls add goes out in one
// write, and a socket that takes all of it is never watched for room.

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/compat/libevent/internal/bufferevent.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

bool IsRetriable(int error) { return error == EAGAIN || error == EINTR; }

// Takes the event for writing out of the loop, with its period: it may be made active by hand
// later, and must not be added again by that.
void StopWriting(BufferEvent* bev) {
  event_del(&bev->ev_write);
  bev->ev_write.ev_.ev_io.ev_timeout = {};
}

// Tries to write in this pass of the loop, unless the socket is being watched for room.
void WriteSoon(BufferEvent* bev) {
  if (event_pending(&bev->ev_write, EV_WRITE, nullptr) != 0) return;
  event_active(&bev->ev_write, EV_WRITE, 1);
}

void WatchOutput(evbuffer*, size_t added, size_t, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  if (added == 0 || bev->ev_write.ev_fd < 0) return;
  if ((bev->enabled & EV_WRITE) == 0 || bev->write_suspended != 0 || bev->connecting) return;
  WriteSoon(bev);
}

void FailReading(BufferEvent* bev, short what) {
  const int error = errno;
  Disable(bev, EV_READ);
  errno = error;
  RunEventCallback(bev, static_cast<short>(what | BEV_EVENT_READING), 0);
}

void FailWriting(BufferEvent* bev, short what) {
  const int error = errno;
  Disable(bev, EV_WRITE);
  errno = error;
  RunEventCallback(bev, static_cast<short>(what | BEV_EVENT_WRITING), 0);
}

// As much as may be read now; 0 if the high watermark is reached.
size_t Wanted(BufferEvent* bev) {
  const size_t most = MaxToRead(bev);
  if (bev->wm_read.high == 0) return most;
  const size_t length = evbuffer_get_length(bev->input);
  if (length >= bev->wm_read.high) {
    SuspendRead(bev, kSuspendWatermark);
    return 0;
  }
  return std::min(most, bev->wm_read.high - length);
}

void OnReadable(evutil_socket_t fd, short events, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  BufferEventScope scope(bev);
  if (bev->is_gone) return;
  if (events == EV_TIMEOUT) {
    FailReading(bev, BEV_EVENT_TIMEOUT);
    return;
  }
  // The outcome of the connect is to be told first, by the event for writing.
  if (bev->connecting) return;
  const size_t wanted = Wanted(bev);
  if (bev->read_suspended != 0 || wanted == 0) return;
  evbuffer_unfreeze(bev->input, 0);
  const int n = evbuffer_read(bev->input, fd, static_cast<int>(wanted));
  evbuffer_freeze(bev->input, 0);
  if (n < 0 && IsRetriable(errno)) return;
  if (n <= 0) {
    FailReading(bev, n == 0 ? BEV_EVENT_EOF : BEV_EVENT_ERROR);
    return;
  }
  CountRead(bev, static_cast<size_t>(n));
  Trigger(bev, EV_READ, 0);
}

// Whether the connect is over; `error` is its errno.
bool ConnectIsOver(evutil_socket_t fd, int* error) {
  socklen_t size = sizeof(*error);
  *error = 0;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &size) < 0) *error = errno;
  return *error == 0 || (!IsRetriable(*error) && *error != EINPROGRESS);
}

// Reports the outcome of a connect. True if there is something to write now.
bool FinishConnect(BufferEvent* bev, evutil_socket_t fd) {
  int error = 0;
  if (!ConnectIsOver(fd, &error)) {
    AddWithTimeout(&bev->ev_write, bev->timeout_write);
    return false;
  }
  if (std::exchange(bev->connect_refused, false) && error == 0) error = ECONNREFUSED;
  bev->connecting = false;
  if (error != 0) {
    StopWriting(bev);
    event_del(&bev->ev_read);
    errno = error;
    RunEventCallback(bev, BEV_EVENT_ERROR, 0);
    return false;
  }
  RunEventCallback(bev, BEV_EVENT_CONNECTED, 0);
  if ((bev->enabled & EV_WRITE) != 0 && bev->write_suspended == 0) return true;
  StopWriting(bev);
  return false;
}

void OnWritable(evutil_socket_t fd, short events, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  BufferEventScope scope(bev);
  if (bev->is_gone) return;
  if (events == EV_TIMEOUT) {
    FailWriting(bev, BEV_EVENT_TIMEOUT);
    return;
  }
  const bool was_connecting = bev->connecting;
  if (was_connecting && !FinishConnect(bev, fd)) return;
  if (bev->write_suspended != 0) return;
  if (was_connecting) fd = bev->ev_write.ev_fd;  // what it told may have changed it
  int n = 0;
  if (evbuffer_get_length(bev->output) > 0) {
    const size_t most = MaxToWrite(bev);
    if (bev->write_suspended != 0 || most == 0) return;
    evbuffer_unfreeze(bev->output, 1);
    n = evbuffer_write_atmost(bev->output, fd, static_cast<ev_ssize_t>(most));
    evbuffer_freeze(bev->output, 1);
    if (n < 0 && IsRetriable(errno)) {
      if (event_pending(&bev->ev_write, EV_WRITE, nullptr) == 0) {
        AddWithTimeout(&bev->ev_write, bev->timeout_write);
      }
      return;
    }
    if (n <= 0) {
      FailWriting(bev, n == 0 ? BEV_EVENT_EOF : BEV_EVENT_ERROR);
      return;
    }
    CountWritten(bev, static_cast<size_t>(n));
  }
  if (evbuffer_get_length(bev->output) == 0) {
    StopWriting(bev);
  } else if (bev->write_suspended == 0 && event_pending(&bev->ev_write, EV_WRITE, nullptr) == 0) {
    AddWithTimeout(&bev->ev_write, bev->timeout_write);
  }
  if (n > 0 || !was_connecting) Trigger(bev, EV_WRITE, 0);
}

int EnableSocket(BufferEvent* bev, short events) {
  if ((events & EV_READ) != 0 && AddWithTimeout(&bev->ev_read, bev->timeout_read) != 0) return -1;
  if ((events & EV_WRITE) != 0 && AddWithTimeout(&bev->ev_write, bev->timeout_write) != 0) {
    return -1;
  }
  return 0;
}

int DisableSocket(BufferEvent* bev, short events) {
  if ((events & EV_READ) != 0) event_del(&bev->ev_read);
  // A connect is to be reported all the same.
  if ((events & EV_WRITE) != 0 && !bev->connecting) StopWriting(bev);
  return 0;
}

// Changes the timeouts of what is being waited for.
void AdjustSocketTimeouts(BufferEvent* bev) {
  if (event_pending(&bev->ev_read, EV_READ, nullptr) != 0) {
    if (evutil_timerisset(&bev->timeout_read)) {
      event_add(&bev->ev_read, &bev->timeout_read);
    } else {
      event_remove_timer(&bev->ev_read);
    }
  }
  if (event_pending(&bev->ev_write, EV_WRITE, nullptr) != 0) {
    if (evutil_timerisset(&bev->timeout_write)) {
      event_add(&bev->ev_write, &bev->timeout_write);
    } else {
      event_remove_timer(&bev->ev_write);
    }
  }
}

int FlushSocket(BufferEvent*, short, bufferevent_flush_mode) { return 0; }

void AssignEvents(BufferEvent* bev, event_base* base, evutil_socket_t fd) {
  event_assign(&bev->ev_read, base, fd, EV_READ | EV_PERSIST | EV_FINALIZE, OnReadable, bev);
  event_assign(&bev->ev_write, base, fd, EV_WRITE | EV_PERSIST | EV_FINALIZE, OnWritable, bev);
}

int SetSocketFd(BufferEvent* bev, evutil_socket_t fd) {
  const int priority = bev->ev_read.ev_evcallback.evcb_pri;
  event_base* base = LoopOf(bev);
  event_del(&bev->ev_read);
  event_del(&bev->ev_write);
  evbuffer_unfreeze(bev->input, 0);
  evbuffer_unfreeze(bev->output, 1);
  AssignEvents(bev, base, fd);
  if (base != nullptr) {
    event_priority_set(&bev->ev_read, priority);
    event_priority_set(&bev->ev_write, priority);
  }
  return fd >= 0 ? Enable(bev, bev->enabled) : 0;
}

evutil_socket_t SocketFd(BufferEvent* bev) { return bev->ev_read.ev_fd; }

void UnlinkSocket(BufferEvent*) {}

void DestroySocket(BufferEvent* bev) {
  const evutil_socket_t fd = bev->ev_read.ev_fd;
  if ((bev->options & BEV_OPT_CLOSE_ON_FREE) != 0 && fd >= 0) evutil_closesocket(fd);
  Delete(bev);
}

}  // namespace

const bufferevent_ops kSocketOps = {
    .name = "socket",
    .enable = EnableSocket,
    .disable = DisableSocket,
    .adjust_timeouts = AdjustSocketTimeouts,
    .flush = FlushSocket,
    .set_fd = SetSocketFd,
    .get_fd = SocketFd,
    .underlying = nullptr,
    .unlink = UnlinkSocket,
    .destroy = DestroySocket,
};

}  // namespace spindle::compat

using namespace spindle::compat;

extern "C" {

bufferevent* bufferevent_socket_new(event_base* base, evutil_socket_t fd, int options) {
  auto* bev = New<BufferEvent>();
  if (bev == nullptr) return nullptr;
  if (!InitBufferEvent(bev, base, &kSocketOps, options, nullptr)) {
    Delete(bev);
    return nullptr;
  }
  AssignEvents(bev, base, fd);
  bev->deferred.evcb_pri = bev->ev_read.ev_evcallback.evcb_pri;
  evbuffer_set_flags(bev->output, EVBUFFER_FLAG_DRAINS_TO_FD);
  SetWatch(bev->output, WatchOutput, bev);
  evbuffer_freeze(bev->input, 0);
  evbuffer_freeze(bev->output, 1);
  return bev;
}

bufferevent* bufferevent_new(evutil_socket_t fd, bufferevent_data_cb readcb,
                             bufferevent_data_cb writecb, bufferevent_event_cb errorcb,
                             void* cbarg) {
  bufferevent* bev = bufferevent_socket_new(nullptr, fd, 0);
  if (bev != nullptr) bufferevent_setcb(bev, readcb, writecb, errorcb, cbarg);
  return bev;
}

int bufferevent_base_set(event_base* base, bufferevent* bufev) {
  BufferEventScope scope(bufev);
  if (bufev->be_ops != &kSocketOps) return -1;
  bufev->ev_base = base;
  if (event_base_set(base, &bufev->ev_read) != 0) return -1;
  Impl(bufev)->deferred.evcb_pri = bufev->ev_read.ev_evcallback.evcb_pri;
  return event_base_set(base, &bufev->ev_write);
}

int bufferevent_priority_set(bufferevent* bufev, int pri) {
  BufferEventScope scope(bufev);
  if (bufev->be_ops != &kSocketOps) return -1;
  if (event_priority_set(&bufev->ev_read, pri) != 0) return -1;
  if (event_priority_set(&bufev->ev_write, pri) != 0) return -1;
  Impl(bufev)->deferred.evcb_pri = static_cast<ev_uint8_t>(pri);
  return 0;
}

}  // extern "C"
