#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_BUFFEREVENT_RATE_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_BUFFEREVENT_RATE_H_

#include <event2/bufferevent.h>
#include <event2/event_struct.h>

#include <cstddef>
#include <cstdint>
#include <set>

#include "net/compat/libevent/internal/bufferevent.h"

// A tick's tokens are bytes. Rates are per tick, bursts the most that a bucket holds.
struct ev_token_bucket_cfg {
  size_t read_rate = 0;
  size_t read_burst = 0;
  size_t write_rate = 0;
  size_t write_burst = 0;
  timeval tick = {};
  unsigned tick_msec = 0;
};

namespace spindle::compat {

// What may still be read and written; below zero after a read that was larger.
struct TokenBucket {
  ev_ssize_t read = 0;
  ev_ssize_t write = 0;
  uint64_t last_tick = 0;

  // Full at `tick`; or, if `keep`, what is there, but no more than the bursts.
  void Init(const ev_token_bucket_cfg& cfg, uint64_t tick, bool keep);
  // Adds the tokens of the ticks since then. False if there was none.
  bool Update(const ev_token_bucket_cfg& cfg, uint64_t tick);
};

// The number of the tick that `base` is in.
uint64_t TickOf(event_base* base, const ev_token_bucket_cfg& cfg);

// The rate limits of one bufferevent: its own, its group's, or both. Under the bufferevent's lock.
struct RateLimit {
  const ev_token_bucket_cfg* cfg = nullptr;  // null: no limit of its own
  TokenBucket bucket;
  event refill = {};  // waits for tokens
  bool has_refill = false;
  bufferevent_rate_limit_group* group = nullptr;
};

// Gives `bev` an object for limits if it has none.
RateLimit* RateOf(BufferEvent* bev);

// ---- Groups (bufferevent_group.cc). The locks of bufferevents are taken before a group's.

// What a member may read or write at most, by the group's bucket.
ev_ssize_t GroupShare(BufferEvent* bev, bool is_write);
// Takes the bytes from the group's bucket.
void GroupCount(BufferEvent* bev, ev_ssize_t size, bool is_write);
void LeaveGroup(BufferEvent* bev);

}  // namespace spindle::compat

struct bufferevent_rate_limit_group {
  void* lock = nullptr;
  ev_token_bucket_cfg cfg;
  spindle::compat::TokenBucket bucket;
  std::set<spindle::compat::BufferEvent*> members;
  event refill = {};  // once every tick
  size_t min_share = 0;
  size_t wanted_min_share = 64;
  bool read_suspended = false;
  bool write_suspended = false;
  bool read_missed = false;  // a member was left suspended
  bool write_missed = false;
  uint64_t total_read = 0;
  uint64_t total_written = 0;
};

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_BUFFEREVENT_RATE_H_
