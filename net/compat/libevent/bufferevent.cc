// The functions of event2/bufferevent.h that serve all kinds of bufferevents.

#include "net/compat/libevent/internal/bufferevent.h"

#include <cerrno>

using namespace spindle::compat;

namespace {

// What trigger functions take of their options.
constexpr int kTriggerOptions = BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS;

}  // namespace

extern "C" {

void bufferevent_free(bufferevent* bufev) {
  BufferEvent* bev = Impl(bufev);
  AcquireLock(bev);
  bufferevent_setcb(bufev, nullptr, nullptr, nullptr, nullptr);
  UnrefAndUnlock(bev);
}

void bufferevent_incref(bufferevent* bufev) {
  BufferEvent* bev = Impl(bufev);
  AcquireLock(bev);
  Ref(bev);
  ReleaseLock(bev);
}

int bufferevent_decref(bufferevent* bufev) {
  BufferEvent* bev = Impl(bufev);
  AcquireLock(bev);
  return UnrefAndUnlock(bev) ? 1 : 0;
}

void bufferevent_lock(bufferevent* bufev) { AcquireLock(Impl(bufev)); }

void bufferevent_unlock(bufferevent* bufev) { ReleaseLock(Impl(bufev)); }

event_base* bufferevent_get_base(bufferevent* bev) { return bev->ev_base; }

evbuffer* bufferevent_get_input(bufferevent* bufev) { return bufev->input; }

evbuffer* bufferevent_get_output(bufferevent* bufev) { return bufev->output; }

int bufferevent_get_priority(const bufferevent* bufev) {
  if (event_initialized(&bufev->ev_read)) return event_get_priority(&bufev->ev_read);
  return bufev->ev_base != nullptr ? event_base_get_npriorities(bufev->ev_base) / 2 : 0;
}

void bufferevent_setcb(bufferevent* bufev, bufferevent_data_cb readcb, bufferevent_data_cb writecb,
                       bufferevent_event_cb eventcb, void* cbarg) {
  BufferEvent* bev = Impl(bufev);
  AcquireLock(bev);
  bev->readcb = readcb;
  bev->writecb = writecb;
  bev->errorcb = eventcb;
  bev->cbarg = cbarg;
  ReleaseLock(bev);
}

void bufferevent_getcb(bufferevent* bufev, bufferevent_data_cb* readcb_ptr,
                       bufferevent_data_cb* writecb_ptr, bufferevent_event_cb* eventcb_ptr,
                       void** cbarg_ptr) {
  BufferEvent* bev = Impl(bufev);
  AcquireLock(bev);
  if (readcb_ptr != nullptr) *readcb_ptr = bev->readcb;
  if (writecb_ptr != nullptr) *writecb_ptr = bev->writecb;
  if (eventcb_ptr != nullptr) *eventcb_ptr = bev->errorcb;
  if (cbarg_ptr != nullptr) *cbarg_ptr = bev->cbarg;
  ReleaseLock(bev);
}

int bufferevent_enable(bufferevent* bufev, short event) {
  BufferEventScope scope(bufev);
  return Enable(Impl(bufev), event);
}

int bufferevent_disable(bufferevent* bufev, short event) {
  BufferEventScope scope(bufev);
  return Disable(Impl(bufev), event);
}

short bufferevent_get_enabled(bufferevent* bufev) {
  BufferEventScope scope(bufev);
  return bufev->enabled;
}

int bufferevent_setfd(bufferevent* bufev, evutil_socket_t fd) {
  BufferEventScope scope(bufev);
  return bufev->be_ops->set_fd != nullptr ? bufev->be_ops->set_fd(Impl(bufev), fd) : -1;
}

evutil_socket_t bufferevent_getfd(bufferevent* bufev) {
  BufferEventScope scope(bufev);
  return bufev->be_ops->get_fd != nullptr ? bufev->be_ops->get_fd(Impl(bufev)) : -1;
}

bufferevent* bufferevent_get_underlying(bufferevent* bufev) {
  BufferEventScope scope(bufev);
  return bufev->be_ops->underlying != nullptr ? bufev->be_ops->underlying(Impl(bufev)) : nullptr;
}

int bufferevent_write(bufferevent* bufev, const void* data, size_t size) {
  return evbuffer_add(bufev->output, data, size);
}

int bufferevent_write_buffer(bufferevent* bufev, evbuffer* buf) {
  return evbuffer_add_buffer(bufev->output, buf);
}

size_t bufferevent_read(bufferevent* bufev, void* data, size_t size) {
  const int n = evbuffer_remove(bufev->input, data, size);
  return static_cast<size_t>(n);
}

int bufferevent_read_buffer(bufferevent* bufev, evbuffer* buf) {
  return evbuffer_add_buffer(buf, bufev->input);
}

int bufferevent_set_timeouts(bufferevent* bufev, const timeval* timeout_read,
                             const timeval* timeout_write) {
  BufferEventScope scope(bufev);
  bufev->timeout_read = timeout_read != nullptr ? *timeout_read : timeval{};
  bufev->timeout_write = timeout_write != nullptr ? *timeout_write : timeval{};
  bufev->be_ops->adjust_timeouts(Impl(bufev));
  return 0;
}

// The name of libevent 1.x, in seconds.
void bufferevent_settimeout(bufferevent* bufev, int timeout_read, int timeout_write) {
  const timeval read = {.tv_sec = timeout_read, .tv_usec = 0};
  const timeval write = {.tv_sec = timeout_write, .tv_usec = 0};
  bufferevent_set_timeouts(bufev, timeout_read != 0 ? &read : nullptr,
                           timeout_write != 0 ? &write : nullptr);
}

void bufferevent_setwatermark(bufferevent* bufev, short events, size_t lowmark, size_t highmark) {
  BufferEventScope scope(bufev);
  if ((events & EV_WRITE) != 0) bufev->wm_write = {.low = lowmark, .high = highmark};
  if ((events & EV_READ) == 0) return;
  bufev->wm_read = {.low = lowmark, .high = highmark};
  HeedHighWatermark(Impl(bufev));
}

int bufferevent_getwatermark(bufferevent* bufev, short events, size_t* lowmark, size_t* highmark) {
  if (events != EV_READ && events != EV_WRITE) return -1;
  BufferEventScope scope(bufev);
  const event_watermark& mark = events == EV_READ ? bufev->wm_read : bufev->wm_write;
  if (lowmark != nullptr) *lowmark = mark.low;
  if (highmark != nullptr) *highmark = mark.high;
  return 0;
}

int bufferevent_flush(bufferevent* bufev, short iotype, bufferevent_flush_mode mode) {
  BufferEventScope scope(bufev);
  return bufev->be_ops->flush != nullptr ? bufev->be_ops->flush(Impl(bufev), iotype, mode) : -1;
}

void bufferevent_trigger(bufferevent* bufev, short iotype, int options) {
  BufferEventScope scope(bufev);
  Trigger(Impl(bufev), iotype, options & kTriggerOptions);
}

void bufferevent_trigger_event(bufferevent* bufev, short what, int options) {
  BufferEventScope scope(bufev);
  RunEventCallback(Impl(bufev), what, options & kTriggerOptions);
}

}  // extern "C"
