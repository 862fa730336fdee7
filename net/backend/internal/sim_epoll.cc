#include "net/backend/internal/sim_epoll.h"

#include <errno.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "net/backend/internal/sim_world.h"

namespace spindle {
namespace {

// What stays of the events when a one-shot registration is spent.
constexpr uint32_t kModeBits = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;

}  // namespace

SimEpoll::~SimEpoll() {
  for (auto& [fd, watch] : watches_by_fd_) std::erase(watch->file->watches_, watch.get());
}

int SimEpoll::Control(int operation, int fd, SimFile& file, const epoll_event* event) {
  const auto found = watches_by_fd_.find(fd);
  switch (operation) {
    case EPOLL_CTL_ADD: {
      if (found != watches_by_fd_.end()) return -EEXIST;
      auto watch =
          std::make_unique<SimWatch>(SimWatch{.epoll = this,
                                              .file = &file,
                                              .fd = fd,
                                              .events = event->events | EPOLLERR | EPOLLHUP,
                                              .data = event->data});
      file.watches_.push_back(watch.get());
      QueueIfReady(*watch);
      watches_by_fd_.emplace(fd, std::move(watch));
      return 0;
    }
    case EPOLL_CTL_MOD: {
      if (found == watches_by_fd_.end()) return -ENOENT;
      SimWatch& watch = *found->second;
      if ((watch.events | event->events) & EPOLLEXCLUSIVE) return -EINVAL;
      watch.events = event->events | EPOLLERR | EPOLLHUP;
      watch.data = event->data;
      QueueIfReady(watch);
      return 0;
    }
    case EPOLL_CTL_DEL: {
      if (found == watches_by_fd_.end()) return -ENOENT;
      std::erase(file.watches_, found->second.get());
      Forget(*found->second);
      return 0;
    }
    default:
      return -EINVAL;
  }
}

void SimEpoll::Detach(SimFile& file) {
  for (SimWatch* watch : std::exchange(file.watches_, {})) watch->epoll->Forget(*watch);
}

void SimEpoll::Forget(SimWatch& watch) {
  Unqueue(watch);
  watches_by_fd_.erase(watch.fd);
}

void SimEpoll::OnWake(SimWatch& watch, uint32_t bits) {
  if ((watch.events & ~kModeBits) == 0) return;
  if (bits != 0 && (bits & watch.events) == 0) return;
  Enqueue(watch);
}

void SimEpoll::Enqueue(SimWatch& watch) {
  if (watch.queued) return;
  watch.place = ready_.insert(ready_.end(), &watch);
  watch.queued = true;
}

void SimEpoll::QueueIfReady(SimWatch& watch) {
  const uint32_t bits = watch.file->Poll();
  watch.file->NotePolled();
  if (bits & watch.events) Enqueue(watch);
}

void SimEpoll::Unqueue(SimWatch& watch) {
  if (!watch.queued) return;
  ready_.erase(watch.place);
  watch.queued = false;
}

int SimEpoll::Wait(std::span<epoll_event> events) {
  const SimFaults& faults = world_.options().faults;
  SimCounters& counters = world_.counters();
  ++wait_serial_;
  if (ready_.size() > 1 && world_.Roll(faults.shuffle_ready, counters.shuffled_ready)) Shuffle();
  if (ready_.size() > 1 && events.size() > 1 && world_.Roll(faults.cut_ready, counters.cut_ready)) {
    events = events.first(1);
  }
  std::list<SimWatch*> scan;
  scan.swap(ready_);
  size_t count = 0;
  while (!scan.empty() && count < events.size()) {
    SimWatch& watch = *scan.front();
    scan.pop_front();
    watch.queued = false;
    const uint32_t bits = watch.file->Poll() & watch.events;
    watch.file->NotePolled();
    if (bits == 0) continue;
    if (Report(watch, bits, events[count++])) Enqueue(watch);
  }
  // What did not fit comes first next time.
  ready_.splice(ready_.begin(), scan);
  if (count < events.size() && !watches_by_fd_.empty() &&
      world_.RollOnly(faults.spurious_readiness) && ReportSpuriously(events[count])) {
    ++count;
    ++counters.spurious_readiness;
  }
  counters.events_reported += count;
  return static_cast<int>(count);
}

// Returns whether the registration stays on the list.
bool SimEpoll::Report(SimWatch& watch, uint32_t bits, epoll_event& event) {
  SimCounters& counters = world_.counters();
  event.events = bits;
  event.data = watch.data;
  watch.last_wait = wait_serial_;
  if (bits & EPOLLRDHUP) ++counters.rdhup_reported;
  if (bits & EPOLLHUP) ++counters.hup_reported;
  if (bits & EPOLLERR) ++counters.err_reported;
  world_.Trace(static_cast<uint64_t>(watch.fd), bits);
  if (watch.events & EPOLLONESHOT) {
    watch.events &= kModeBits;
    return false;
  }
  return (watch.events & EPOLLET) == 0;
}

bool SimEpoll::ReportSpuriously(epoll_event& event) {
  const auto pick = static_cast<ptrdiff_t>(world_.random().Uniform(watches_by_fd_.size()));
  SimWatch& watch = *std::next(watches_by_fd_.begin(), pick)->second;
  const uint32_t bits = watch.events & watch.file->SpuriousBits();
  if (bits == 0 || watch.queued || watch.last_wait == wait_serial_) return false;
  Report(watch, bits, event);
  return true;
}

void SimEpoll::Shuffle() {
  std::vector<SimWatch*> order(ready_.begin(), ready_.end());
  world_.random().Shuffle(order);
  for (SimWatch* watch : order) ready_.splice(ready_.end(), ready_, watch->place);
}

bool SimEpoll::AnythingReady() const {
  return std::any_of(ready_.begin(), ready_.end(), [](const SimWatch* watch) {
    return (watch->file->Poll() & watch->events) != 0;
  });
}

ssize_t SimEpoll::Read(void*, size_t) { return -EINVAL; }
ssize_t SimEpoll::Write(const void*, size_t) { return -EINVAL; }

}  // namespace spindle
