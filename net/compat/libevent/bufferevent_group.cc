// Groups of bufferevents that share a rate limit.
//
// Locks of bufferevents are taken before that of their group. Whoever holds the group's and wants a
// member's can only try; a member that was missed finds out when it next asks for its share, or is
// resumed one tick later.

#include <algorithm>

#include "net/compat/libevent/internal/bufferevent_rate.h"
#include "net/compat/libevent/internal/memory.h"

namespace spindle::compat {
namespace {

using Group = bufferevent_rate_limit_group;

ev_ssize_t& Level(Group* group, bool is_write) {
  return is_write ? group->bucket.write : group->bucket.read;
}

bool& IsSuspended(Group* group, bool is_write) {
  return is_write ? group->write_suspended : group->read_suspended;
}

void SuspendMember(BufferEvent* bev, bool is_write) {
  if (is_write) {
    SuspendWrite(bev, kSuspendGroup);
  } else {
    SuspendRead(bev, kSuspendGroup);
  }
}

void ResumeMember(BufferEvent* bev, bool is_write) {
  if (is_write) {
    ResumeWrite(bev, kSuspendGroup);
  } else {
    ResumeRead(bev, kSuspendGroup);
  }
}

// The group's lock is held.
void SuspendAll(Group* group, bool is_write) {
  IsSuspended(group, is_write) = true;
  for (BufferEvent* member : group->members) {
    if (!TryAcquire(member->lock.get())) continue;
    SuspendMember(member, is_write);
    ReleaseLock(member);
  }
}

// The group's lock is held. Members that could not be locked are resumed in the next tick.
void ResumeAll(Group* group, bool is_write) {
  bool missed = false;
  IsSuspended(group, is_write) = false;
  for (BufferEvent* member : group->members) {
    if (!TryAcquire(member->lock.get())) {
      missed = true;
      continue;
    }
    ResumeMember(member, is_write);
    ReleaseLock(member);
  }
  (is_write ? group->write_missed : group->read_missed) = missed;
}

// The bucket's level has changed. The group's lock is held.
void Apply(Group* group, bool is_write) {
  if (Level(group, is_write) <= 0) {
    SuspendAll(group, is_write);
  } else if (IsSuspended(group, is_write)) {
    ResumeAll(group, is_write);
  }
}

void OnTick(evutil_socket_t, short, void* arg) {
  auto* group = static_cast<Group*>(arg);
  ScopedLock lock(group->lock);
  group->bucket.Update(group->cfg, TickOf(group->refill.ev_base, group->cfg));
  for (const bool is_write : {false, true}) {
    const bool missed = is_write ? group->write_missed : group->read_missed;
    const bool enough = Level(group, is_write) >= static_cast<ev_ssize_t>(group->min_share);
    if (missed || (IsSuspended(group, is_write) && enough)) ResumeAll(group, is_write);
  }
}

// The least share must be one that a tick can give.
void SetMinShare(Group* group, size_t share) {
  group->wanted_min_share = share;
  group->min_share = std::min({share, group->cfg.read_rate, group->cfg.write_rate});
}

int Decrement(Group* group, ev_ssize_t size, bool is_write) {
  ScopedLock lock(group->lock);
  Level(group, is_write) -= size;
  Apply(group, is_write);
  return 0;
}

}  // namespace

ev_ssize_t GroupShare(BufferEvent* bev, bool is_write) {
  Group* group = bev->rate->group;
  ScopedLock lock(group->lock);
  if (IsSuspended(group, is_write)) {
    SuspendMember(bev, is_write);
    return 0;
  }
  const ev_ssize_t share = Level(group, is_write) / static_cast<ev_ssize_t>(group->members.size());
  return std::max(share, static_cast<ev_ssize_t>(group->min_share));
}

void GroupCount(BufferEvent* bev, ev_ssize_t size, bool is_write) {
  Group* group = bev->rate->group;
  ScopedLock lock(group->lock);
  (is_write ? group->total_written : group->total_read) += static_cast<uint64_t>(size);
  Level(group, is_write) -= size;
  Apply(group, is_write);
}

void LeaveGroup(BufferEvent* bev) {
  RateLimit* rate = bev->rate;
  if (rate == nullptr || rate->group == nullptr) return;
  Group* group = rate->group;
  ScopedLock lock(group->lock);
  group->members.erase(bev);
  rate->group = nullptr;
}

}  // namespace spindle::compat

using namespace spindle::compat;

extern "C" {

bufferevent_rate_limit_group* bufferevent_rate_limit_group_new(event_base* base,
                                                               const ev_token_bucket_cfg* cfg) {
  auto* group = New<bufferevent_rate_limit_group>();
  if (group == nullptr) return nullptr;
  group->lock = NewLock();
  group->cfg = *cfg;
  group->bucket.Init(*cfg, TickOf(base, *cfg), false);
  SetMinShare(group, group->wanted_min_share);
  event_assign(&group->refill, base, -1, EV_PERSIST, OnTick, group);
  event_add(&group->refill, &cfg->tick);
  return group;
}

int bufferevent_rate_limit_group_set_cfg(bufferevent_rate_limit_group* g,
                                         const ev_token_bucket_cfg* cfg) {
  if (g == nullptr || cfg == nullptr) return -1;
  ScopedLock lock(g->lock);
  const bool same_tick =
      g->cfg.tick.tv_sec == cfg->tick.tv_sec && g->cfg.tick.tv_usec == cfg->tick.tv_usec;
  g->cfg = *cfg;
  g->bucket.Init(*cfg, TickOf(g->refill.ev_base, *cfg), true);
  if (!same_tick) event_add(&g->refill, &g->cfg.tick);
  SetMinShare(g, g->wanted_min_share);
  return 0;
}

int bufferevent_rate_limit_group_set_min_share(bufferevent_rate_limit_group* g, size_t share) {
  if (share > static_cast<size_t>(EV_SSIZE_MAX)) return -1;
  ScopedLock lock(g->lock);
  SetMinShare(g, share);
  return 0;
}

void bufferevent_rate_limit_group_free(bufferevent_rate_limit_group* g) {
  event_del(&g->refill);
  FreeLock(g->lock);
  Delete(g);
}

int bufferevent_add_to_rate_limit_group(bufferevent* bufev, bufferevent_rate_limit_group* g) {
  if (g == nullptr) return bufferevent_remove_from_rate_limit_group(bufev);
  BufferEventScope scope(bufev);
  BufferEvent* bev = Impl(bufev);
  RateLimit* rate = RateOf(bev);
  if (rate == nullptr) return -1;
  if (rate->group == g) return 0;
  LeaveGroup(bev);
  ScopedLock lock(g->lock);
  rate->group = g;
  g->members.insert(bev);
  for (const bool is_write : {false, true}) {
    if (IsSuspended(g, is_write)) {
      SuspendMember(bev, is_write);
    } else {
      ResumeMember(bev, is_write);
    }
  }
  return 0;
}

int bufferevent_remove_from_rate_limit_group(bufferevent* bufev) {
  BufferEventScope scope(bufev);
  BufferEvent* bev = Impl(bufev);
  if (bev->rate == nullptr || bev->rate->group == nullptr) return 0;
  LeaveGroup(bev);
  ResumeMember(bev, false);
  ResumeMember(bev, true);
  return 0;
}

ev_ssize_t bufferevent_rate_limit_group_get_read_limit(bufferevent_rate_limit_group* g) {
  ScopedLock lock(g->lock);
  return g->bucket.read;
}

ev_ssize_t bufferevent_rate_limit_group_get_write_limit(bufferevent_rate_limit_group* g) {
  ScopedLock lock(g->lock);
  return g->bucket.write;
}

int bufferevent_rate_limit_group_decrement_read(bufferevent_rate_limit_group* g, ev_ssize_t decr) {
  return Decrement(g, decr, false);
}

int bufferevent_rate_limit_group_decrement_write(bufferevent_rate_limit_group* g, ev_ssize_t decr) {
  return Decrement(g, decr, true);
}

void bufferevent_rate_limit_group_get_totals(bufferevent_rate_limit_group* grp,
                                             ev_uint64_t* total_read_out,
                                             ev_uint64_t* total_written_out) {
  ScopedLock lock(grp->lock);
  if (total_read_out != nullptr) *total_read_out = grp->total_read;
  if (total_written_out != nullptr) *total_written_out = grp->total_written;
}

void bufferevent_rate_limit_group_reset_totals(bufferevent_rate_limit_group* grp) {
  ScopedLock lock(grp->lock);
  grp->total_read = grp->total_written = 0;
}

}  // extern "C"
