// Bufferevents that change what passes through another one.

#include <event2/event.h>

#include <utility>

#include "net/compat/libevent/internal/bufferevent.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

struct FilterEvent : BufferEvent {
  BufferEvent* under = nullptr;  // a reference
  bufferevent_filter_cb filter_input = nullptr;
  bufferevent_filter_cb filter_output = nullptr;
  void (*free_context)(void*) = nullptr;
  void* context = nullptr;
  bool filtering_output = false;
};

FilterEvent* ToFilter(BufferEvent* bev) { return static_cast<FilterEvent*>(bev); }

// The filter that changes nothing.
bufferevent_filter_result PassOn(evbuffer* from, evbuffer* to, ev_ssize_t limit,
                                 bufferevent_flush_mode, void*) {
  const int result = limit >= 0 ? evbuffer_remove_buffer(from, to, static_cast<size_t>(limit))
                                : evbuffer_add_buffer(to, from);
  return result >= 0 ? BEV_OK : BEV_ERROR;
}

// What `to` may still take below a high watermark; -1: all.
ev_ssize_t RoomBelow(size_t high, evbuffer* to) {
  if (high == 0) return -1;
  const size_t length = evbuffer_get_length(to);
  return length >= high ? 0 : static_cast<ev_ssize_t>(high - length);
}

bool InputIsFull(const FilterEvent* filter, bufferevent_flush_mode mode) {
  return mode == BEV_NORMAL && RoomBelow(filter->wm_read.high, filter->input) == 0;
}

bool UnderlyingIsFull(const FilterEvent* filter, bufferevent_flush_mode mode) {
  return mode == BEV_NORMAL && RoomBelow(filter->under->wm_write.high, filter->under->output) == 0;
}

// Filters what has come. True if something has been filtered.
bool FilterInput(FilterEvent* filter, bufferevent_flush_mode mode) {
  if (mode == BEV_NORMAL && ((filter->enabled & EV_READ) == 0 || InputIsFull(filter, mode))) {
    return false;
  }
  bool done = false;
  bufferevent_filter_result result;
  evbuffer* from = filter->under->input;
  do {
    const ev_ssize_t limit =
        mode == BEV_NORMAL ? RoomBelow(filter->wm_read.high, filter->input) : -1;
    result = filter->filter_input(from, filter->input, limit, mode, filter->context);
    if (result == BEV_OK) done = true;
  } while (result == BEV_OK && (filter->enabled & EV_READ) != 0 && evbuffer_get_length(from) > 0 &&
           !InputIsFull(filter, mode));
  if (done) RestartReadTimer(filter);
  return done;
}

bool MoreOutput(const FilterEvent* filter, bufferevent_flush_mode mode) {
  return (filter->enabled & EV_WRITE) != 0 && evbuffer_get_length(filter->output) > 0 &&
         !UnderlyingIsFull(filter, mode);
}

// Filters what is to be sent. True if something has been filtered.
bool FilterOutput(FilterEvent* filter, bufferevent_flush_mode mode) {
  if (mode == BEV_NORMAL && !MoreOutput(filter, mode)) return false;
  bool done = false;
  bool again;
  evbuffer* to = filter->under->output;
  // A write callback may add more, which is taken below rather than in a call inside this one.
  filter->filtering_output = true;
  do {
    bool did_some = false;
    bufferevent_filter_result result;
    do {
      const ev_ssize_t limit =
          mode == BEV_NORMAL ? RoomBelow(filter->under->wm_write.high, to) : -1;
      result = filter->filter_output(filter->output, to, limit, mode, filter->context);
      if (result == BEV_OK) did_some = done = true;
    } while (result == BEV_OK && MoreOutput(filter, mode));
    if (did_some) Trigger(filter, EV_WRITE, 0);
    again = did_some && result == BEV_OK && MoreOutput(filter, mode);
  } while (again);
  filter->filtering_output = false;
  if (done) RestartWriteTimer(filter);
  return done;
}

void ReadMore(FilterEvent* filter, int options) {
  if (FilterInput(filter, BEV_NORMAL)) Trigger(filter, EV_READ, options);
}

// The user has taken something: there may be room for more.
void WatchFilterInput(evbuffer*, size_t, size_t deleted, void* arg) {
  auto* filter = static_cast<FilterEvent*>(arg);
  BufferEventScope scope(filter);
  HeedHighWatermark(filter);
  if (deleted == 0 || filter->wm_read.high == 0) return;
  if (!InputIsFull(filter, BEV_NORMAL) && evbuffer_get_length(filter->under->input) > 0) {
    ReadMore(filter, BEV_OPT_DEFER_CALLBACKS);  // not inside the call that took it
  }
}

void WatchFilterOutput(evbuffer*, size_t added, size_t, void* arg) {
  auto* filter = static_cast<FilterEvent*>(arg);
  if (added == 0 || filter->filtering_output) return;
  BufferEventScope scope(filter);
  FilterOutput(filter, BEV_NORMAL);
}

void OnUnderlyingRead(bufferevent*, void* arg) {
  auto* filter = static_cast<FilterEvent*>(arg);
  BufferEventScope scope(filter);
  ReadMore(filter, 0);
}

void OnUnderlyingWrite(bufferevent*, void* arg) {
  auto* filter = static_cast<FilterEvent*>(arg);
  BufferEventScope scope(filter);
  FilterOutput(filter, BEV_NORMAL);
}

void OnUnderlyingEvent(bufferevent*, short what, void* arg) {
  auto* filter = static_cast<FilterEvent*>(arg);
  BufferEventScope scope(filter);
  RunEventCallback(filter, what, 0);
}

int EnableFilter(BufferEvent* bev, short events) {
  if ((events & EV_WRITE) != 0) RestartWriteTimer(bev);
  if ((events & EV_READ) != 0) {
    RestartReadTimer(bev);
    ResumeRead(ToFilter(bev)->under, kSuspendFilter);
  }
  return 0;
}

int DisableFilter(BufferEvent* bev, short events) {
  if ((events & EV_WRITE) != 0) StopWriteTimer(bev);
  if ((events & EV_READ) != 0) {
    StopReadTimer(bev);
    SuspendRead(ToFilter(bev)->under, kSuspendFilter);
  }
  return 0;
}

int FlushFilter(BufferEvent* bev, short iotype, bufferevent_flush_mode mode) {
  FilterEvent* filter = ToFilter(bev);
  bool done = false;
  if ((iotype & EV_READ) != 0) done = FilterInput(filter, mode);
  if ((iotype & EV_WRITE) != 0) done = FilterOutput(filter, mode) || done;
  bufferevent_flush(filter->under, iotype, mode);
  return done ? 1 : 0;
}

int SetFilterFd(BufferEvent* bev, evutil_socket_t fd) {
  return bufferevent_setfd(ToFilter(bev)->under, fd);
}

evutil_socket_t FilterFd(BufferEvent* bev) { return bufferevent_getfd(ToFilter(bev)->under); }

bufferevent* Underlying(BufferEvent* bev) { return ToFilter(bev)->under; }

void UnlinkFilter(BufferEvent* bev) {
  FilterEvent* filter = ToFilter(bev);
  if ((filter->options & BEV_OPT_CLOSE_ON_FREE) != 0) {
    bufferevent_free(filter->under);  // the user's reference; another one goes with the filter
    return;
  }
  if (filter->under->errorcb == OnUnderlyingEvent) {
    bufferevent_setcb(filter->under, nullptr, nullptr, nullptr, nullptr);
  }
  ResumeRead(filter->under, kSuspendFilter);
}

void DestroyFilter(BufferEvent* bev) {
  FilterEvent* filter = ToFilter(bev);
  if (filter->free_context != nullptr) filter->free_context(filter->context);
  bufferevent_decref(filter->under);
  Delete(filter);
}

constexpr bufferevent_ops kFilterOps = {
    .name = "filter",
    .enable = EnableFilter,
    .disable = DisableFilter,
    .adjust_timeouts = AdjustTimers,
    .flush = FlushFilter,
    .set_fd = SetFilterFd,
    .get_fd = FilterFd,
    .underlying = Underlying,
    .unlink = UnlinkFilter,
    .destroy = DestroyFilter,
};

}  // namespace
}  // namespace spindle::compat

using namespace spindle::compat;

extern "C" {

bufferevent* bufferevent_filter_new(bufferevent* underlying, bufferevent_filter_cb input_filter,
                                    bufferevent_filter_cb output_filter, int options,
                                    void (*free_context)(void*), void* ctx) {
  BufferEvent* under = Impl(underlying);
  auto* filter = New<FilterEvent>();
  if (filter == nullptr) return nullptr;
  // One lock for both, so that neither is taken inside the other.
  if (under->lock != nullptr) options |= BEV_OPT_THREADSAFE;
  if (!InitBufferEvent(filter, underlying->ev_base, &kFilterOps, options, under->lock)) {
    Delete(filter);
    return nullptr;
  }
  filter->under = under;
  filter->filter_input = input_filter != nullptr ? input_filter : PassOn;
  filter->filter_output = output_filter != nullptr ? output_filter : PassOn;
  filter->free_context = free_context;
  filter->context = ctx;
  InitTimers(filter);
  SetWatch(filter->input, WatchFilterInput, filter);
  SetWatch(filter->output, WatchFilterOutput, filter);
  bufferevent_setcb(underlying, OnUnderlyingRead, OnUnderlyingWrite, OnUnderlyingEvent, filter);
  bufferevent_incref(underlying);
  bufferevent_enable(underlying, EV_READ | EV_WRITE);
  BufferEventScope scope(underlying);
  SuspendRead(under, kSuspendFilter);
  return filter;
}

}  // extern "C"
