#include "bench/netlab/delay_box.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/random.h"
#include "net/types/interest.h"

namespace spindle::bench {
namespace {

// Packets per callback: then the other direction has its turn.
constexpr int kBatch = 64;

}  // namespace

DelayBox::DelayBox(OwnedFd a, OwnedFd b, const DelayBoxOptions& options)
    : a_(std::move(a)),
      b_(std::move(b)),
      directions_{Direction(options.a_to_b, options.seed, options),
                  Direction(options.b_to_a, Random(options.seed).Next(), options)} {
  directions_[0].from = directions_[1].to = a_.get();
  directions_[0].to = directions_[1].from = b_.get();
}

absl::StatusOr<std::unique_ptr<DelayBox>> DelayBox::Start(OwnedFd a, OwnedFd b,
                                                          const DelayBoxOptions& options) {
  std::unique_ptr<DelayBox> box(new DelayBox(std::move(a), std::move(b), options));
  absl::StatusOr<std::unique_ptr<EventLoopThread>> thread =
      EventLoopThread::Start({.loop = {.name = "delay-box"}});
  if (!thread.ok()) return thread.status();
  box->thread_ = *std::move(thread);
  absl::Status status;
  box->thread_->ref().CallAndWait([&] { status = box->Begin(); });
  if (!status.ok()) return status;
  return box;
}

DelayBox::~DelayBox() {
  if (thread_ == nullptr) return;
  thread_->ref().CallAndWait([this] {
    for (Direction& direction : directions_) direction.watcher.reset();
    thread_->loop().Cancel(timer_);
  });
}

absl::Status DelayBox::Begin() {
  // The lowest of the real-time priorities.
  const sched_param priority = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
  real_time_ = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) == 0;
  for (Direction& direction : directions_) {
    absl::StatusOr<std::unique_ptr<FdWatcher>> watcher =
        FdWatcher::Create(thread_->loop(), direction.from, Interest::kRead, Trigger::kLevel,
                          [this, &direction](FdEvents) { Receive(direction); });
    if (!watcher.ok()) return watcher.status();
    direction.watcher = *std::move(watcher);
  }
  return absl::OkStatus();
}

DelayBox::Stats DelayBox::stats() const {
  Stats stats;
  thread_->ref().CallAndWait([&] {
    stats = {directions_[0].stats, directions_[1].stats, real_time_};
    stats.a_to_b.max_queue = directions_[0].model.max_waiting();
    stats.b_to_a.max_queue = directions_[1].model.max_waiting();
  });
  return stats;
}

void DelayBox::Receive(Direction& direction) {
  for (int i = 0; i < kBatch && ReceiveOne(direction); ++i) ReleaseDue();
  SetTimer();
}

bool DelayBox::ReceiveOne(Direction& direction) {
  const std::span<std::byte> room = direction.held.Room();
  const ssize_t size = read(direction.from, room.data(), room.size());
  if (size <= 0) {
    // A device that is gone would be reported again and again.
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) direction.watcher.reset();
    return false;
  }
  const auto bytes = static_cast<size_t>(size);
  const LinkModel::Verdict verdict = direction.model.Offer(Clock::now(), bytes);
  switch (verdict.fate) {
    case PacketFate::kQueueFull:
      ++direction.stats.queue_full;
      break;
    case PacketFate::kLost:
      ++direction.stats.lost;
      break;
    case PacketFate::kArrives:
      if (!direction.held.Hold(bytes, verdict.due)) ++direction.stats.lab_dropped;
      break;
  }
  return true;
}

void DelayBox::ReleaseDue() {
  for (Direction& direction : directions_) ReleaseDue(direction);
}

void DelayBox::ReleaseDue(Direction& direction) {
  while (direction.held.size() > 0) {
    const Duration late = Clock::now() - direction.held.next_due();
    if (late < Duration::zero()) return;
    const std::span<const std::byte> packet = direction.held.next();
    // The kernel takes a whole packet or none: none if the device is down or without memory.
    if (write(direction.to, packet.data(), packet.size()) >= 0) {
      ++direction.stats.packets;
      direction.stats.bytes += packet.size();
      direction.stats.late.Record(late);
    } else {
      ++direction.stats.lab_dropped;
    }
    direction.held.Pop();
  }
}

void DelayBox::SetTimer() {
  const TimePoint due = std::min(directions_[0].held.next_due(), directions_[1].held.next_due());
  if (due == timer_due_) return;
  EventLoop& loop = thread_->loop();
  loop.Cancel(timer_);
  timer_due_ = due;
  if (due == kNever) return;
  timer_ = loop.RunAt(due, [this] {
    timer_due_ = kNever;
    ReleaseDue();
    SetTimer();
  });
}

}  // namespace spindle::bench
