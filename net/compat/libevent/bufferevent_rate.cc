// Rate limits of single bufferevents: token buckets that fill once a tick.

#include "net/compat/libevent/internal/bufferevent_rate.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

constexpr ev_ssize_t kNoLimit = std::numeric_limits<ev_ssize_t>::max();

// What one read or write takes at most by default, as far as callers are told. A read that nobody
// has set a bound for takes more, so that a fast stream costs fewer calls.
constexpr size_t kDefaultMax = 16384;
constexpr size_t kDefaultRead = 65536;
// A write is not bounded by default: what the socket does not take stays in the buffer.
constexpr size_t kDefaultWrite = std::numeric_limits<int>::max();

ev_ssize_t Refilled(ev_ssize_t level, size_t rate, size_t burst, uint64_t ticks) {
  const auto full = static_cast<ev_ssize_t>(burst);
  const auto each = static_cast<ev_ssize_t>(rate);
  // Compared by division, since the product may be too large.
  if ((static_cast<__int128>(full) - level) / static_cast<__int128>(ticks) < each) return full;
  return level + static_cast<ev_ssize_t>(ticks) * each;
}

void Update(RateLimit* rate, event_base* base) {
  rate->bucket.Update(*rate->cfg, TickOf(base, *rate->cfg));
}

bool HasOwnLimit(const BufferEvent* bev) {
  return bev->rate != nullptr && bev->rate->cfg != nullptr;
}

void AwaitRefill(RateLimit* rate) {
  if (event_pending(&rate->refill, EV_TIMEOUT, nullptr) == 0) {
    event_add(&rate->refill, &rate->cfg->tick);
  }
}

// Suspends what has no tokens, and resumes what has.
void ApplyBucket(BufferEvent* bev) {
  RateLimit* rate = bev->rate;
  if (rate->bucket.read > 0) {
    ResumeRead(bev, kSuspendRate);
  } else {
    SuspendRead(bev, kSuspendRate);
  }
  if (rate->bucket.write > 0) {
    ResumeWrite(bev, kSuspendRate);
  } else {
    SuspendWrite(bev, kSuspendRate);
  }
  if (rate->bucket.read <= 0 || rate->bucket.write <= 0) AwaitRefill(rate);
}

void OnRefill(evutil_socket_t, short, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  BufferEventScope scope(bev);
  if (bev->is_gone || !HasOwnLimit(bev)) return;
  Update(bev->rate, LoopOf(bev));
  ApplyBucket(bev);
}

// What may go one way now, by the bound of a single call and the limits.
ev_ssize_t MaxNow(BufferEvent* bev, bool is_write, size_t single) {
  ev_ssize_t most = static_cast<ev_ssize_t>(single);
  RateLimit* rate = bev->rate;
  if (rate == nullptr) return most;
  if (rate->cfg != nullptr) {
    Update(rate, LoopOf(bev));
    most = is_write ? rate->bucket.write : rate->bucket.read;
  }
  if (rate->group != nullptr) most = std::min(most, GroupShare(bev, is_write));
  return std::max<ev_ssize_t>(most, 0);
}

void Count(BufferEvent* bev, ev_ssize_t size, bool is_write) {
  RateLimit* rate = bev->rate;
  if (rate == nullptr) return;
  if (rate->cfg != nullptr) {
    (is_write ? rate->bucket.write : rate->bucket.read) -= size;
    ApplyBucket(bev);
  }
  if (rate->group != nullptr) GroupCount(bev, size, is_write);
}

size_t Single(size_t set, size_t fallback) { return set != 0 ? set : fallback; }

size_t CheckedSingle(size_t size) { return size > static_cast<size_t>(kNoLimit) ? 0 : size; }

}  // namespace

void TokenBucket::Init(const ev_token_bucket_cfg& cfg, uint64_t tick, bool keep) {
  if (keep) {
    read = std::min(read, static_cast<ev_ssize_t>(cfg.read_burst));
    write = std::min(write, static_cast<ev_ssize_t>(cfg.write_burst));
  } else {
    read = static_cast<ev_ssize_t>(cfg.read_rate);
    write = static_cast<ev_ssize_t>(cfg.write_rate);
  }
  last_tick = tick;
}

bool TokenBucket::Update(const ev_token_bucket_cfg& cfg, uint64_t tick) {
  if (tick <= last_tick) return false;
  const uint64_t ticks = tick - last_tick;
  last_tick = tick;
  read = Refilled(read, cfg.read_rate, cfg.read_burst, ticks);
  write = Refilled(write, cfg.write_rate, cfg.write_burst, ticks);
  return true;
}

uint64_t TickOf(event_base* base, const ev_token_bucket_cfg& cfg) {
  timeval now = {};
  event_base_gettimeofday_cached(base, &now);
  const uint64_t msec =
      static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_usec) / 1000;
  return msec / cfg.tick_msec;
}

RateLimit* RateOf(BufferEvent* bev) {
  if (bev->rate == nullptr) bev->rate = New<RateLimit>();
  return bev->rate;
}

size_t MaxToRead(BufferEvent* bev) {
  return static_cast<size_t>(MaxNow(bev, false, Single(bev->max_read, kDefaultRead)));
}

size_t MaxToWrite(BufferEvent* bev) {
  return static_cast<size_t>(MaxNow(bev, true, Single(bev->max_write, kDefaultWrite)));
}

void CountRead(BufferEvent* bev, size_t size) { Count(bev, static_cast<ev_ssize_t>(size), false); }

void CountWritten(BufferEvent* bev, size_t size) {
  Count(bev, static_cast<ev_ssize_t>(size), true);
}

void LeaveRate(BufferEvent* bev) {
  RateLimit* rate = bev->rate;
  if (rate == nullptr) return;
  LeaveGroup(bev);
  if (rate->has_refill) event_del_noblock(&rate->refill);
}

void FreeRate(BufferEvent* bev) { Delete(std::exchange(bev->rate, nullptr)); }

}  // namespace spindle::compat

using namespace spindle::compat;

extern "C" {

ev_token_bucket_cfg* ev_token_bucket_cfg_new(size_t read_rate, size_t read_burst, size_t write_rate,
                                             size_t write_burst, const timeval* tick_len) {
  if (read_rate > read_burst || write_rate > write_burst) return nullptr;
  if (read_rate < 1 || write_rate < 1) return nullptr;
  if (read_burst > EV_RATE_LIMIT_MAX || write_burst > EV_RATE_LIMIT_MAX) return nullptr;
  auto* cfg = New<ev_token_bucket_cfg>();
  if (cfg == nullptr) return nullptr;
  cfg->tick = tick_len != nullptr ? *tick_len : timeval{.tv_sec = 1, .tv_usec = 0};
  cfg->tick_msec = std::max(
      1u, static_cast<unsigned>(cfg->tick.tv_sec * 1000 + cfg->tick.tv_usec / 1000) & 0x3fffffffu);
  cfg->read_rate = read_rate;
  cfg->read_burst = read_burst;
  cfg->write_rate = write_rate;
  cfg->write_burst = write_burst;
  return cfg;
}

void ev_token_bucket_cfg_free(ev_token_bucket_cfg* cfg) { Delete(cfg); }

int bufferevent_set_rate_limit(bufferevent* bufev, ev_token_bucket_cfg* cfg) {
  BufferEventScope scope(bufev);
  BufferEvent* bev = Impl(bufev);
  if (cfg == nullptr) {
    if (!HasOwnLimit(bev)) return 0;
    bev->rate->cfg = nullptr;
    event_del(&bev->rate->refill);
    ResumeRead(bev, kSuspendRate);
    ResumeWrite(bev, kSuspendRate);
    return 0;
  }
  event_base* base = LoopOf(bev);
  RateLimit* rate = base != nullptr ? RateOf(bev) : nullptr;
  if (rate == nullptr) return -1;
  if (rate->cfg == cfg) return 0;
  const bool had_limit = rate->cfg != nullptr;
  if (rate->has_refill) event_del(&rate->refill);
  rate->cfg = cfg;
  rate->bucket.Init(*cfg, TickOf(base, *cfg), had_limit);
  event_assign(&rate->refill, base, -1, EV_FINALIZE, OnRefill, bev);
  rate->has_refill = true;
  ApplyBucket(bev);
  return 0;
}

const ev_token_bucket_cfg* bufferevent_get_token_bucket_cfg(const bufferevent* bev) {
  BufferEventScope scope(const_cast<bufferevent*>(bev));
  return Impl(bev)->rate != nullptr ? Impl(bev)->rate->cfg : nullptr;
}

int bufferevent_set_max_single_read(bufferevent* bev, size_t size) {
  BufferEventScope scope(bev);
  Impl(bev)->max_read = CheckedSingle(size);
  return 0;
}

int bufferevent_set_max_single_write(bufferevent* bev, size_t size) {
  BufferEventScope scope(bev);
  Impl(bev)->max_write = CheckedSingle(size);
  return 0;
}

ev_ssize_t bufferevent_get_max_single_read(bufferevent* bev) {
  BufferEventScope scope(bev);
  return static_cast<ev_ssize_t>(Single(Impl(bev)->max_read, kDefaultMax));
}

ev_ssize_t bufferevent_get_max_single_write(bufferevent* bev) {
  BufferEventScope scope(bev);
  return static_cast<ev_ssize_t>(Single(Impl(bev)->max_write, kDefaultMax));
}

ev_ssize_t bufferevent_get_max_to_read(bufferevent* bev) {
  BufferEventScope scope(bev);
  return MaxNow(Impl(bev), false, Single(Impl(bev)->max_read, kDefaultMax));
}

ev_ssize_t bufferevent_get_max_to_write(bufferevent* bev) {
  BufferEventScope scope(bev);
  return MaxNow(Impl(bev), true, Single(Impl(bev)->max_write, kDefaultMax));
}

ev_ssize_t bufferevent_get_read_limit(bufferevent* bev) {
  BufferEventScope scope(bev);
  if (!HasOwnLimit(Impl(bev))) return kNoLimit;
  Update(Impl(bev)->rate, LoopOf(Impl(bev)));
  return Impl(bev)->rate->bucket.read;
}

ev_ssize_t bufferevent_get_write_limit(bufferevent* bev) {
  BufferEventScope scope(bev);
  if (!HasOwnLimit(Impl(bev))) return kNoLimit;
  Update(Impl(bev)->rate, LoopOf(Impl(bev)));
  return Impl(bev)->rate->bucket.write;
}

int bufferevent_decrement_read_limit(bufferevent* bev, ev_ssize_t decr) {
  BufferEventScope scope(bev);
  if (!HasOwnLimit(Impl(bev))) return -1;
  Impl(bev)->rate->bucket.read -= decr;
  ApplyBucket(Impl(bev));
  return 0;
}

int bufferevent_decrement_write_limit(bufferevent* bev, ev_ssize_t decr) {
  BufferEventScope scope(bev);
  if (!HasOwnLimit(Impl(bev))) return -1;
  Impl(bev)->rate->bucket.write -= decr;
  ApplyBucket(Impl(bev));
  return 0;
}

}  // extern "C"
