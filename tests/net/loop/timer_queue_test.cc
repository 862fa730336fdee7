#include "net/loop/timer_queue.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

TimePoint At(int64_t ns) { return TimePoint(Duration(ns)); }

class Entry final : public TimerEntry {
 public:
  explicit Entry(std::vector<int>& log, int name = 0) : log_(log), name_(name) {}
  void OnTimer() override {
    log_.push_back(name_);
    if (action) action();
  }

  std::function<void()> action;

 private:
  std::vector<int>& log_;
  const int name_;
};

TEST(TimerQueueTest, RunsInOrderOfDeadlineThenOfAdding) {
  std::vector<int> log;
  Entry a(log, 1), b(log, 2), c(log, 3), d(log, 4);
  TimerQueue queue;
  queue.Add(a, At(30));
  queue.Add(b, At(10));
  queue.Add(c, At(20));
  queue.Add(d, At(10));
  EXPECT_EQ(queue.earliest(), At(10));
  EXPECT_EQ(queue.RunDue(At(20)), 3u);
  EXPECT_EQ(log, (std::vector<int>{2, 4, 3}));
  EXPECT_EQ(queue.earliest(), At(30));
  queue.Remove(a);
  EXPECT_EQ(queue.earliest(), kNever);
  EXPECT_TRUE(queue.empty());
}

TEST(TimerQueueTest, AddMovesAScheduledEntry) {
  std::vector<int> log;
  Entry a(log, 1);
  TimerQueue queue;
  queue.Add(a, At(10));
  queue.Add(a, At(30));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.RunDue(At(20)), 0u);
  EXPECT_EQ(queue.RunDue(At(30)), 1u);
  EXPECT_FALSE(a.scheduled());
}

TEST(TimerQueueTest, EntryAddedByACallbackWaitsForTheNextRun) {
  std::vector<int> log;
  Entry a(log, 1);
  TimerQueue queue;
  a.action = [&] { queue.Add(a, At(0)); };
  queue.Add(a, At(5));
  EXPECT_EQ(queue.RunDue(At(10)), 1u);
  EXPECT_EQ(queue.RunDue(At(10)), 1u);
  a.action = nullptr;
  queue.Remove(a);
}

TEST(TimerQueueTest, SiblingRemovedOrMovedInTheSameBatchDoesNotRun_T1) {
  std::vector<int> log;
  Entry a(log, 1), b(log, 2), c(log, 3);
  TimerQueue queue;
  a.action = [&] {
    queue.Remove(b);
    queue.Add(c, At(100));
  };
  queue.Add(a, At(5));
  queue.Add(b, At(5));
  queue.Add(c, At(5));
  EXPECT_EQ(queue.RunDue(At(10)), 1u);
  EXPECT_EQ(queue.RunDue(At(99)), 0u);
  EXPECT_EQ(queue.RunDue(At(100)), 1u);
  EXPECT_EQ(log, (std::vector<int>{1, 3}));
}

TEST(TimerQueueTest, EntryMayDestroyItselfAndItsSiblings) {
  std::vector<int> log;
  TimerQueue queue;
  auto a = std::make_unique<Entry>(log, 1);
  auto b = std::make_unique<Entry>(log, 2);
  a->action = [&] {
    queue.Remove(*b);
    b.reset();
    const std::unique_ptr<Entry> self = std::move(a);
    self->action = nullptr;
  };
  // The action dies with its entry: keep what runs alive until it returns.
  std::function<void()> action = a->action;
  a->action = [action] { action(); };
  queue.Add(*a, At(1));
  queue.Add(*b, At(1));
  EXPECT_EQ(queue.RunDue(At(1)), 1u);
  EXPECT_TRUE(queue.empty());
}

TEST(TimerQueueTest, QueueMayDieBeforeItsEntries) {
  std::vector<int> log;
  Entry a(log, 1);
  {
    TimerQueue queue;
    queue.Add(a, At(1));
    EXPECT_TRUE(a.scheduled());
  }
  EXPECT_FALSE(a.scheduled());
}

// Random operations against an ordered multimap: from outside and from inside callbacks.
class TimerQueueModel {
 public:
  explicit TimerQueueModel(uint64_t seed) : random_(seed) {
    for (int i = 0; i < 200; ++i) {
      entries_.push_back(std::make_unique<ModelEntry>(*this, static_cast<size_t>(i)));
      places_.push_back(std::nullopt);
    }
  }
  ~TimerQueueModel() {
    for (auto& entry : entries_) queue_.Remove(*entry);
  }

  void Run(int operations) {
    while (operations_ < operations && !::testing::Test::HasFailure()) {
      Operate();
      if (random_.OneIn(8)) Advance();
      ASSERT_EQ(queue_.earliest(), model_.empty() ? kNever : model_.begin()->first);
      ASSERT_EQ(queue_.size(), model_.size());
    }
    EXPECT_GT(ran_, operations / 20);
    EXPECT_GT(removed_while_due_, 0);
  }

 private:
  using Model = std::multimap<TimePoint, size_t>;  // Equal keys stay in the order of insertion.

  class ModelEntry final : public TimerEntry {
   public:
    ModelEntry(TimerQueueModel& model, size_t index) : model_(model), index_(index) {}
    void OnTimer() override { model_.OnTimer(index_); }

   private:
    TimerQueueModel& model_;
    const size_t index_;
  };

  void Operate() {
    ++operations_;
    const size_t i = random_.Uniform(entries_.size());
    if (random_.OneIn(3)) {
      if (std::erase(expected_, i) > 0) ++removed_while_due_;
      Forget(i);
      queue_.Remove(*entries_[i]);
      ASSERT_FALSE(entries_[i]->scheduled());
      return;
    }
    // Past, present, near and far; many equal.
    const TimePoint when = now_ + Duration(static_cast<int64_t>(random_.Uniform(40)) - 8);
    std::erase(expected_, i);
    Forget(i);
    places_[i] = model_.emplace(when, i);
    queue_.Add(*entries_[i], when);
    ASSERT_TRUE(entries_[i]->scheduled());
  }

  void Advance() {
    now_ += Duration(static_cast<int64_t>(random_.Uniform(20)));
    while (!model_.empty() && model_.begin()->first <= now_) {
      const size_t i = model_.begin()->second;
      expected_.push_back(i);
      Forget(i);
    }
    queue_.RunDue(now_);
    ASSERT_TRUE(expected_.empty()) << "due timers that did not run";
  }

  void OnTimer(size_t index) {
    ++ran_;
    ASSERT_FALSE(expected_.empty());
    ASSERT_EQ(expected_.front(), index);
    expected_.erase(expected_.begin());
    ASSERT_FALSE(entries_[index]->scheduled());
    for (uint64_t i = random_.Uniform(3); i > 0; --i) Operate();
  }

  void Forget(size_t i) {
    if (places_[i]) model_.erase(*places_[i]);
    places_[i] = std::nullopt;
  }

  Random random_;
  TimePoint now_ = At(1'000'000);
  TimerQueue queue_;
  std::vector<std::unique_ptr<ModelEntry>> entries_;
  Model model_;
  std::vector<std::optional<Model::iterator>> places_;
  std::vector<size_t> expected_;  // Due in this turn and not yet run, in order.
  int operations_ = 0;
  int ran_ = 0;
  int removed_while_due_ = 0;
};

// Ten million operations; sanitizers slow each of them down too much for that.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kModelSeeds = 10;
#else
constexpr uint64_t kModelSeeds = 100;
#endif

TEST(TimerQueueTest, RandomOperationsMatchTheModel_T2) {
  for (uint64_t seed = 1; seed <= kModelSeeds; ++seed) {
    SCOPED_TRACE(seed);
    TimerQueueModel model(seed);
    model.Run(100'000);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace spindle
