// Two bufferevents that are each other's peer, without a descriptor.

#include <algorithm>

#include "net/compat/libevent/internal/bufferevent.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

// One end. Both share one lock.
struct PairEvent : BufferEvent {
  PairEvent* partner = nullptr;  // null once that is gone
};

PairEvent* ToPair(BufferEvent* bev) { return static_cast<PairEvent*>(bev); }

bool WantsToTalk(const PairEvent* from, const PairEvent* to) {
  return (from->enabled & EV_WRITE) != 0 && from->write_suspended == 0 &&
         (to->enabled & EV_READ) != 0 && to->read_suspended == 0 &&
         evbuffer_get_length(from->output) > 0;
}

enum class Watermarks { kHonoured, kIgnored };

// Moves output of the one to the input of the other, as far as its high watermark allows.
void Transfer(PairEvent* from, PairEvent* to, Watermarks watermarks) {
  size_t size = evbuffer_get_length(from->output);
  if (to->wm_read.high != 0) {
    // A flush, too, fills the input up to the mark only; one that is full already takes all.
    const size_t present = evbuffer_get_length(to->input);
    if (present < to->wm_read.high) {
      size = std::min(size, to->wm_read.high - present);
    } else if (watermarks == Watermarks::kHonoured) {
      return;
    }
  }
  evbuffer_unfreeze(from->output, 1);
  evbuffer_unfreeze(to->input, 0);
  evbuffer_remove_buffer(from->output, to->input, size);
  evbuffer_freeze(from->output, 1);
  evbuffer_freeze(to->input, 0);
  if (size > 0) {
    RestartReadTimer(to);
    if (evbuffer_get_length(from->output) > 0) {
      RestartWriteTimer(from);
    } else {
      StopWriteTimer(from);
    }
  }
  Trigger(to, EV_READ, 0);
  Trigger(from, EV_WRITE, 0);
}

// Output has been added.
void WatchPairOutput(evbuffer*, size_t added, size_t deleted, void* arg) {
  auto* pair = static_cast<PairEvent*>(arg);
  BufferEventScope scope(pair);
  if (added <= deleted || pair->partner == nullptr) return;
  if (WantsToTalk(pair, pair->partner)) Transfer(pair, pair->partner, Watermarks::kHonoured);
}

int EnablePair(BufferEvent* bev, short events) {
  PairEvent* pair = ToPair(bev);
  PairEvent* partner = pair->partner;
  if ((events & EV_READ) != 0) RestartReadTimer(pair);
  if ((events & EV_WRITE) != 0 && evbuffer_get_length(pair->output) > 0) RestartWriteTimer(pair);
  if ((events & EV_READ) != 0 && partner != nullptr && WantsToTalk(partner, pair)) {
    Transfer(partner, pair, Watermarks::kHonoured);
  }
  if ((events & EV_WRITE) != 0 && partner != nullptr && WantsToTalk(pair, partner)) {
    Transfer(pair, partner, Watermarks::kHonoured);
  }
  return 0;
}

int DisablePair(BufferEvent* bev, short events) {
  if ((events & EV_READ) != 0) StopReadTimer(bev);
  if ((events & EV_WRITE) != 0) StopWriteTimer(bev);
  return 0;
}

int FlushPair(BufferEvent* bev, short iotype, bufferevent_flush_mode mode) {
  PairEvent* pair = ToPair(bev);
  PairEvent* partner = pair->partner;
  if (partner == nullptr) return -1;
  if (mode == BEV_NORMAL) return 0;
  BufferEventScope scope(partner);
  if ((iotype & EV_READ) != 0) Transfer(partner, pair, Watermarks::kIgnored);
  if ((iotype & EV_WRITE) != 0) Transfer(pair, partner, Watermarks::kIgnored);
  if (mode != BEV_FINISHED) return 0;
  // What this end has finished, the other end meets from the other side.
  short what = BEV_EVENT_EOF;
  if ((iotype & EV_READ) != 0) what |= BEV_EVENT_WRITING;
  if ((iotype & EV_WRITE) != 0) what |= BEV_EVENT_READING;
  RunEventCallback(partner, what, 0);
  return 0;
}

void UnlinkPair(BufferEvent* bev) {
  PairEvent* pair = ToPair(bev);
  if (pair->partner == nullptr) return;
  pair->partner->partner = nullptr;
  pair->partner = nullptr;
}

void DestroyPair(BufferEvent* bev) { Delete(ToPair(bev)); }

constexpr bufferevent_ops kPairOps = {
    .name = "pair",
    .enable = EnablePair,
    .disable = DisablePair,
    .adjust_timeouts = AdjustTimers,
    .flush = FlushPair,
    .set_fd = nullptr,
    .get_fd = nullptr,
    .underlying = nullptr,
    .unlink = UnlinkPair,
    .destroy = DestroyPair,
};

PairEvent* NewEnd(event_base* base, int options, const SharedLock& lock) {
  auto* pair = New<PairEvent>();
  if (pair == nullptr) return nullptr;
  if (!InitBufferEvent(pair, base, &kPairOps, options, lock)) {
    Delete(pair);
    return nullptr;
  }
  InitTimers(pair);
  SetWatch(pair->output, WatchPairOutput, pair);
  evbuffer_freeze(pair->input, 0);
  evbuffer_freeze(pair->output, 1);
  return pair;
}

}  // namespace
}  // namespace spindle::compat

using namespace spindle::compat;

extern "C" {

int bufferevent_pair_new(event_base* base, int options, bufferevent* pair[2]) {
  // A callback of one end must not run inside a call of the other's.
  options |= BEV_OPT_DEFER_CALLBACKS;
  PairEvent* first = NewEnd(base, options, nullptr);
  if (first == nullptr) return -1;
  PairEvent* second = NewEnd(base, options, first->lock);
  if (second == nullptr) {
    bufferevent_free(first);
    return -1;
  }
  first->partner = second;
  second->partner = first;
  pair[0] = first;
  pair[1] = second;
  return 0;
}

bufferevent* bufferevent_pair_get_partner(bufferevent* bev) {
  BufferEventScope scope(bev);
  return bev->be_ops == &kPairOps ? ToPair(Impl(bev))->partner : nullptr;
}

}  // extern "C"
