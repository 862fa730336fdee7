#include "net/loop/io_host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/owned_fd.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "tests/testing/leak_check.h"

namespace spindle {
namespace {

class TestSlot final : public IoSlot {
 public:
  explicit TestSlot(IoHost& host) : host_(host) {}
  ~TestSlot() {
    if (token().valid()) host_.Detach(*this);  // Else the loop may be gone.
  }

  void OnIoEvent(const IoEvent& event) override {
    flags = event.flags;
    ++events;
    if (on_event) on_event();
  }
  void OnReady() override {
    ++readies;
    if (on_ready) on_ready();
  }
  void OnFlush() override {
    ++flushes;
    if (on_flush) on_flush();
  }
  void OnLoopGone() override {
    ++gone;
    host_.Detach(*this);
    if (on_gone) on_gone();
  }

  int events = 0, readies = 0, flushes = 0, gone = 0;
  uint32_t flags = 0;
  std::function<void()> on_event, on_ready, on_flush, on_gone;

 private:
  IoHost& host_;
};

class TestWork final : public DeferredWork {
 public:
  explicit TestWork(std::function<void()> f) : action(std::move(f)) {}
  void OnDeferred() override { action(); }
  std::function<void()> action;
};

OwnedFd NewEventFd(unsigned value) { return OwnedFd(eventfd(value, EFD_NONBLOCK | EFD_CLOEXEC)); }

class IoHostTest : public LeakCheckTest {
 protected:
  IoHostTest() : loop_(*EventLoop::Create()), host_(IoHost::Of(*loop_)) {}
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }
  void Turn() { ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok()); }

  std::unique_ptr<EventLoop> loop_;
  IoHost& host_;
};

TEST_F(IoHostTest, SlotGetsEventsFromAttachToDetach) {
  const OwnedFd fd = NewEventFd(1);
  TestSlot slot(host_);
  EXPECT_FALSE(slot.token().valid());
  ASSERT_TRUE(host_.Attach(slot, fd.get(), Interest::kReadWrite, Trigger::kLevel).ok());
  EXPECT_EQ(slot.fd(), fd.get());
  EXPECT_EQ(host_.live_slots(), 1u);
  Turn();
  EXPECT_EQ(slot.events, 1);
  EXPECT_EQ(slot.flags, kIoReadable | kIoWritable);
  host_.Detach(slot);
  host_.Detach(slot);
  EXPECT_EQ(host_.live_slots(), 0u);
  Turn();
  EXPECT_EQ(slot.events, 1);
  EXPECT_EQ(loop_->Stats().stale_events, 1u) << "the registration is still the back end's";
}

TEST_F(IoHostTest, AttachRefusesWhatCannotBe) {
  const OwnedFd fd = NewEventFd(0);
  TestSlot a(host_), b(host_);
  const auto attach = [&](TestSlot& slot, int number) {
    return host_.Attach(slot, number, Interest::kRead, Trigger::kLevel).code();
  };
  EXPECT_EQ(attach(a, -1), EBADF);
  EXPECT_EQ(attach(a, SlotToken::kMaxFd + 1), EMFILE);
  EXPECT_EQ(attach(a, fd.get()), 0);
  EXPECT_EQ(attach(b, fd.get()), EEXIST);
  EXPECT_EQ(host_.AttachUnwatched(b, fd.get()).code(), EEXIST);
  // Closed behind the loop's back: the next user of the number is refused, not mixed up.
  host_.backend().Remove(a.token());
  EXPECT_EQ(attach(b, fd.get()), EEXIST);
  host_.Detach(a);
  EXPECT_EQ(attach(b, fd.get()), 0);
}

TEST_F(IoHostTest, ReadyMarkGivesOneCallInTheNextTurnWhichDoesNotSleep) {
  const OwnedFd fd = NewEventFd(0);
  TestSlot slot(host_);
  host_.MarkReady(slot);  // Detached: nothing happens.
  ASSERT_TRUE(host_.Attach(slot, fd.get(), Interest::kRead, Trigger::kEdge).ok());
  host_.MarkReady(slot);
  host_.MarkReady(slot);
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kBlock).ok());
  EXPECT_EQ(slot.readies, 1);
  slot.on_ready = [&] { host_.MarkReady(slot); };
  host_.MarkReady(slot);
  for (int turn = 0; turn < 5; ++turn) ASSERT_TRUE(loop_->RunOnce(WaitMode::kBlock).ok());
  EXPECT_EQ(slot.readies, 6) << "once in each turn";
}

TEST_F(IoHostTest, MarksDieWithTheRegistration) {
  const OwnedFd fd = NewEventFd(0);
  TestSlot slot(host_);
  ASSERT_TRUE(host_.Attach(slot, fd.get(), Interest::kRead, Trigger::kEdge).ok());
  host_.MarkReady(slot);
  host_.MarkFlush(slot);
  host_.backend().Remove(slot.token());
  host_.Detach(slot);
  ASSERT_TRUE(host_.Attach(slot, fd.get(), Interest::kRead, Trigger::kEdge).ok());
  Turn();
  EXPECT_EQ(slot.readies, 0);
  EXPECT_EQ(slot.flushes, 0);
  host_.MarkReady(slot);
  Turn();
  EXPECT_EQ(slot.readies, 1);
}

TEST_F(IoHostTest, ReadySlotMayDetachOrDestroyAnotherOne) {
  const OwnedFd fd = NewEventFd(0), other_fd = NewEventFd(0);
  TestSlot slot(host_);
  auto other = std::make_unique<TestSlot>(host_);
  ASSERT_TRUE(host_.Attach(slot, fd.get(), Interest::kRead, Trigger::kEdge).ok());
  ASSERT_TRUE(host_.Attach(*other, other_fd.get(), Interest::kRead, Trigger::kEdge).ok());
  slot.on_ready = [&] { other.reset(); };
  host_.MarkReady(slot);
  host_.MarkReady(*other);
  Turn();
  EXPECT_EQ(slot.readies, 1);
}

TEST_F(IoHostTest, FlushesRunAtTheEndOfTheTurnAndMayMarkOthers) {
  const OwnedFd fd = NewEventFd(1), other_fd = NewEventFd(0);
  std::string order;
  TestSlot slot(host_), other(host_);
  ASSERT_TRUE(host_.Attach(slot, fd.get(), Interest::kRead, Trigger::kEdge).ok());
  ASSERT_TRUE(host_.Attach(other, other_fd.get(), Interest::kRead, Trigger::kEdge).ok());
  slot.on_event = [&] {
    order += 'e';
    host_.MarkFlush(slot);
    host_.MarkFlush(slot);
  };
  loop_->Post([&] { order += 't'; });
  slot.on_flush = [&] {
    order += 'f';
    host_.MarkFlush(other);
  };
  other.on_flush = [&] { order += 'o'; };
  Turn();
  EXPECT_EQ(order, "etfo");
}

TEST_F(IoHostTest, FlushesThatMarkEachOtherForEverDoNotHoldTheTurn) {
  const OwnedFd fd = NewEventFd(0);
  TestSlot slot(host_);
  ASSERT_TRUE(host_.Attach(slot, fd.get(), Interest::kRead, Trigger::kEdge).ok());
  slot.on_flush = [&] { host_.MarkFlush(slot); };
  host_.MarkFlush(slot);
  Turn();
  const int in_one_turn = slot.flushes;
  EXPECT_GE(in_one_turn, 1);
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kBlock).ok()) << "what is left keeps the loop awake";
  EXPECT_GT(slot.flushes, in_one_turn);
}

TEST_F(IoHostTest, DeferredWorkRunsOnceAfterTheFlushesAndCanBeCancelled) {
  int ran = 0;
  TestWork work([&] { ++ran; });
  auto cancelled = std::make_unique<TestWork>([] { FAIL(); });
  host_.Defer(work);
  host_.Defer(work);
  host_.Defer(*cancelled);
  cancelled.reset();
  Turn();
  EXPECT_EQ(ran, 1);
  // Put off again in its own call: the next turn, which does not sleep.
  work.action = [&] {
    if (++ran < 4) host_.Defer(work);
  };
  host_.Defer(work);
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kBlock).ok());
  EXPECT_EQ(ran, 2);
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kBlock).ok());
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kBlock).ok());
  EXPECT_EQ(ran, 4);
}

TEST_F(IoHostTest, DeferredWorkMayDestroyItsNeighbour) {
  std::unique_ptr<TestWork> second;
  int ran = 0;
  TestWork first([&] {
    ++ran;
    second.reset();
  });
  second = std::make_unique<TestWork>([] { FAIL(); });
  host_.Defer(first);
  host_.Defer(*second);
  Turn();
  EXPECT_EQ(ran, 1);
}

TEST_F(IoHostTest, EndOfTheLoopReachesEverySlotAndRefusesNewOnes) {
  const OwnedFd fd = NewEventFd(0), other_fd = NewEventFd(0);
  auto slot = std::make_unique<TestSlot>(host_);
  auto other = std::make_unique<TestSlot>(host_);
  auto late = std::make_unique<TestSlot>(host_);
  ASSERT_TRUE(host_.Attach(*slot, fd.get(), Interest::kRead, Trigger::kEdge).ok());
  ASSERT_TRUE(host_.AttachUnwatched(*other, other_fd.get()).ok());
  int refused = 0, deferred = 0;
  TestWork work([&] { ++deferred; });
  slot->on_gone = [&] {
    refused = host_.Attach(*late, fd.get(), Interest::kRead, Trigger::kEdge).code();
    EXPECT_EQ(host_.AttachUnwatched(*late, fd.get()).code(), ECANCELED);
    host_.Defer(work);
    other.reset();  // It has not been told yet.
  };
  loop_.reset();
  EXPECT_EQ(slot->gone, 1);
  EXPECT_EQ(refused, ECANCELED);
  EXPECT_EQ(deferred, 1);
  // Their destructors must not touch the loop any more; they are detached.
  EXPECT_FALSE(slot->token().valid());
  EXPECT_FALSE(late->token().valid());
}

TEST_F(IoHostTest, BlockIsLentAndTakenBack) {
  ChunkRef block = host_.TakeBlock();
  ASSERT_TRUE(block);
  const Chunk* const first = block.get();
  ChunkRef second = host_.TakeBlock();
  ASSERT_TRUE(second);
  EXPECT_NE(second.get(), first);
  host_.GiveBackBlock(std::move(block));
  block = host_.TakeBlock();
  EXPECT_EQ(block.get(), first);
}

// ---- Connections that an acceptor on another thread has registered.

class TestTarget final : public AdoptTarget {
 public:
  explicit TestTarget(IoHost& host) : host_(host) {}
  void Adopt(SlotToken token, const SocketAddress&) override {
    ++adopted;
    slots.push_back(std::make_unique<TestSlot>(host_));
    host_.AttachAdopted(*slots.back(), token);
    if (on_adopt) on_adopt();
  }
  int adopted = 0;
  std::vector<std::unique_ptr<TestSlot>> slots;
  std::function<void()> on_adopt;

 private:
  IoHost& host_;
};

TEST_F(IoHostTest, HandedOverConnectionIsAdoptedWithItsFirstEvent) {
  const OwnedFd fd = NewEventFd(1);
  TestTarget target(host_);
  auto queue = host_.hand_over_queue();
  EXPECT_TRUE(queue->empty());
  ASSERT_TRUE(
      queue->HandOver(SlotToken::Next(fd.get()), Interest::kRead, target, SocketAddress()).ok());
  EXPECT_FALSE(queue->empty());
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kBlock).ok());
  ASSERT_EQ(target.adopted, 1);
  EXPECT_EQ(target.slots[0]->events, 1);
  EXPECT_TRUE(queue->empty());
}

TEST_F(IoHostTest, FailedRegistrationHandsNothingOver) {
  TestTarget target(host_);
  auto queue = host_.hand_over_queue();
  const IoError error =
      queue->HandOver(SlotToken::Next(9999), Interest::kRead, target, SocketAddress());
  EXPECT_EQ(error.code(), EBADF);
  Turn();
  EXPECT_EQ(target.adopted, 0);
}

TEST_F(IoHostTest, AdoptionMayTakeTheRestOfTheQueueItself) {
  const OwnedFd a = NewEventFd(0), b = NewEventFd(0), c = NewEventFd(0);
  TestTarget target(host_);
  auto queue = host_.hand_over_queue();
  for (const OwnedFd* fd : {&a, &b, &c}) {
    ASSERT_TRUE(
        queue->HandOver(SlotToken::Next(fd->get()), Interest::kRead, target, SocketAddress()).ok());
  }
  target.on_adopt = [&] {
    target.on_adopt = nullptr;
    host_.TakeHandedOver();
    EXPECT_EQ(target.adopted, 3);
  };
  host_.TakeHandedOver();
  EXPECT_EQ(target.adopted, 3);
}

TEST_F(IoHostTest, EndOfTheLoopTakesTheQueueAndClosesIt) {
  const OwnedFd a = NewEventFd(0), b = NewEventFd(0);
  auto target = std::make_unique<TestTarget>(host_);
  const auto queue = host_.hand_over_queue();
  ASSERT_TRUE(
      queue->HandOver(SlotToken::Next(a.get()), Interest::kRead, *target, SocketAddress()).ok());
  loop_.reset();
  ASSERT_EQ(target->adopted, 1);
  EXPECT_EQ(target->slots[0]->gone, 1);
  EXPECT_EQ(
      queue->HandOver(SlotToken::Next(b.get()), Interest::kRead, *target, SocketAddress()).code(),
      ECANCELED);
  target->slots.clear();
}

TEST_F(IoHostTest, EveryConnectionOfTwoAcceptorsIsAdoptedBeforeItsEvent) {
  constexpr int kEach = 3000;
  TestTarget target(host_);
  std::atomic<int> failures{0}, running{2};
  std::vector<std::thread> acceptors;
  std::vector<std::vector<OwnedFd>> fds(2);
  for (auto& mine : fds) {
    acceptors.emplace_back([&, queue = host_.hand_over_queue()] {
      for (int i = 0; i < kEach; ++i) {
        mine.push_back(NewEventFd(1));
        if (!queue
                 ->HandOver(SlotToken::Next(mine.back().get()), Interest::kRead, target,
                            SocketAddress())
                 .ok()) {
          ++failures;
        }
      }
      --running;
    });
  }
  while (running.load() > 0 || target.adopted < 2 * kEach) Turn();
  for (std::thread& acceptor : acceptors) acceptor.join();
  for (int i = 0; i < 50; ++i) Turn();
  EXPECT_EQ(failures.load(), 0);
  EXPECT_EQ(loop_->Stats().stale_events, 0u);
  for (const auto& slot : target.slots) EXPECT_EQ(slot->events, 1);
}

}  // namespace
}  // namespace spindle
