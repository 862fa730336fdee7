#include "net/backend/internal/sim_file.h"

#include <errno.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/backend/internal/sim_epoll.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {
namespace {

constexpr uint64_t kEventFdMax = UINT64_MAX - 1;

}  // namespace

SimFile::~SimFile() {
  for (SimWatch* watch : std::exchange(watches_, {})) watch->epoll->Forget(*watch);
}

void SimFile::Wake(uint32_t bits) {
  for (SimWatch* watch : watches_) watch->epoll->OnWake(*watch, bits);
}

uint32_t SimEventFd::Poll() const {
  uint32_t bits = 0;
  if (count_ > 0) bits |= EPOLLIN;
  if (count_ < kEventFdMax) bits |= EPOLLOUT;
  return bits;
}

uint32_t SimEventFd::SpuriousBits() const { return EPOLLIN; }

ssize_t SimEventFd::Read(void* data, size_t length) {
  if (length < sizeof count_) return -EINVAL;
  if (count_ == 0) return -EAGAIN;
  std::memcpy(data, &count_, sizeof count_);
  count_ = 0;
  Wake(EPOLLOUT);
  return sizeof count_;
}

ssize_t SimEventFd::Write(const void* data, size_t length) {
  uint64_t add;
  if (length < sizeof add) return -EINVAL;
  std::memcpy(&add, data, sizeof add);
  if (add == UINT64_MAX) return -EINVAL;
  if (add > kEventFdMax - count_) return -EAGAIN;
  count_ += add;
  Wake(EPOLLIN);
  return sizeof add;
}

SimTimerFd::~SimTimerFd() { world_.events().Cancel(ring_); }

void SimTimerFd::Set(TimePoint when) {
  world_.events().Cancel(std::exchange(ring_, {}));
  ticks_ = 0;
  if (when == kNever) return;
  SimCounters& counters = world_.counters();
  const SimFaults& faults = world_.options().faults;
  if (faults.timer_late_max > Duration::zero() &&
      world_.Roll(faults.timer_late, counters.timer_late)) {
    when = SaturatingAdd(std::max(when, world_.now()), world_.UpTo(faults.timer_late_max));
  }
  if (when <= world_.now()) {
    Ring();
  } else {
    ring_ = world_.events().Schedule(when, [this] { Ring(); });
  }
}

void SimTimerFd::Ring() {
  ring_ = {};
  ++ticks_;
  Wake(EPOLLIN);
}

uint32_t SimTimerFd::Poll() const { return ticks_ > 0 ? EPOLLIN : 0u; }

uint32_t SimTimerFd::SpuriousBits() const { return EPOLLIN; }

ssize_t SimTimerFd::Read(void* data, size_t length) {
  if (length < sizeof ticks_) return -EINVAL;
  if (ticks_ == 0) return -EAGAIN;
  std::memcpy(data, &ticks_, sizeof ticks_);
  ticks_ = 0;
  return sizeof ticks_;
}

ssize_t SimTimerFd::Write(const void*, size_t) { return -EINVAL; }

}  // namespace spindle
