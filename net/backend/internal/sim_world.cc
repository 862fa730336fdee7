#include "net/backend/internal/sim_world.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace spindle {
namespace {

constexpr int kFirstFd = 3;

}  // namespace

SimByteHolder::SimByteHolder(SimWorld& world) : holder_world_(world) {
  world.holders_.insert(this);
}

SimByteHolder::~SimByteHolder() { holder_world_.holders_.erase(this); }

SimWorld::SimWorld(const SimOptions& options)
    : options_(options), random_(options.seed), now_(options.start), ports_(*this) {
  SPINDLE_CHECK(options.delay_min <= options.delay_max);
  SPINDLE_CHECK(options.max_segment > 0);
  SPINDLE_CHECK(options.send_buffer > 0 && options.receive_buffer > 0);
  SPINDLE_CHECK(options.first_ephemeral_port <= options.last_ephemeral_port);
}

SimWorld::~SimWorld() {
  // Events and files point at each other and at everything above.
  events_ = SimEventQueue();
  std::vector<std::shared_ptr<SimFile>> files = std::exchange(files_, {});
  files.clear();
}

uint64_t SimWorld::CountHeldBytes() const {
  uint64_t sum = 0;
  for (const SimByteHolder* holder : holders_) sum += holder->held_bytes();
  return sum;
}

void SimWorld::AdvanceTo(TimePoint time) {
  while (events_.next_time() <= time && events_.next_time() != kNever) {
    now_ = std::max(now_, events_.next_time());
    events_.TakeFirst()();
  }
  now_ = std::max(now_, time);
}

Duration SimWorld::UpTo(Duration limit) {
  return Duration(1 + static_cast<int64_t>(random_.Uniform(
                          static_cast<uint64_t>(std::max<int64_t>(1, limit.count())))));
}

Duration SimWorld::Moment() { return UpTo(std::chrono::microseconds(500)); }

Duration SimWorld::Delay() {
  const Duration spread = options_.delay_max - options_.delay_min;
  if (spread == Duration::zero()) return options_.delay_min;
  return options_.delay_min + Duration(random_.Uniform(static_cast<uint64_t>(spread.count()) + 1));
}

bool SimWorld::Roll(double probability, uint64_t& counter) {
  if (!RollOnly(probability)) return false;
  ++counter;
  return true;
}

void SimWorld::Trace(uint64_t a, uint64_t b) {
  for (const uint64_t value : {a, b}) {
    trace_hash_ = (trace_hash_ ^ value) * 0x9e3779b97f4a7c15u;
    trace_hash_ ^= trace_hash_ >> 29;
  }
}

SimFile* SimWorld::File(int fd) const {
  if (fd < 0 || static_cast<size_t>(fd) >= files_.size()) return nullptr;
  return files_[static_cast<size_t>(fd)].get();
}

std::shared_ptr<SimFile> SimWorld::SharedFile(int fd) const {
  return File(fd) == nullptr ? nullptr : files_[static_cast<size_t>(fd)];
}

bool SimWorld::HasRoom() {
  if (open_files_ + kFirstFd < static_cast<size_t>(std::max(options_.fd_limit, 0))) return true;
  ++counters_.fd_limit_hits;
  return false;
}

int SimWorld::Install(std::shared_ptr<SimFile> file) {
  size_t fd = std::max<size_t>(lowest_free_, kFirstFd);
  while (fd < files_.size() && files_[fd] != nullptr) ++fd;
  if (fd >= files_.size()) files_.resize(fd + 1);
  files_[fd] = std::move(file);
  ++open_files_;
  lowest_free_ = fd + 1;
  return static_cast<int>(fd);
}

std::shared_ptr<SimFile> SimWorld::Take(int fd) {
  if (File(fd) == nullptr) return nullptr;
  --open_files_;
  lowest_free_ = std::min(lowest_free_, static_cast<size_t>(fd));
  return std::exchange(files_[static_cast<size_t>(fd)], nullptr);
}

}  // namespace spindle
