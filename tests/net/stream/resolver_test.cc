#include "net/stream/resolver.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

// A lookup that stops the helper thread where the test wants it.
class Gate {
 public:
  // Helper thread: says that it is here and waits until it is let through.
  void Pass() {
    MutexLock lock(mutex_);
    ++arrived_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
  }
  void WaitForArrival() {
    MutexLock lock(mutex_);
    while (arrived_ == 0) changed_.Wait(mutex_);
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  int arrived() {
    MutexLock lock(mutex_);
    return arrived_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int arrived_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

class ResolverTest : public LeakCheckTest {
 protected:
  void TearDown() override {
    resolver_.reset();
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  // Names are answered by 10.0.0.1 once the gate is open; "nowhere" does not exist.
  void Make() {
    resolver_ = std::make_unique<SystemResolver>(
        *loop_, SystemResolverOptions{
                    .lookup = [this](const std::string& host, const std::string& service) {
                      gate_.Pass();
                      if (host == "nowhere")
                        return ResolveResult(absl::NotFoundError("resolve nowhere"));
                      EXPECT_EQ(service, "80");
                      return ResolveResult(std::vector{*SocketAddress::FromIp("10.0.0.1", 80)});
                    }});
  }

  // A callback that notes what it got; the loop ends after `last` of them.
  Resolver::Callback Note(std::string name, size_t last = 1) {
    return [this, name = std::move(name), last](ResolveResult result) {
      EXPECT_TRUE(loop_->IsInLoop());
      answers_.push_back(
          name + " " +
          (result.ok() ? result->front().ToString() : std::string(result.status().message())));
      if (answers_.size() == last) loop_->Quit();
    };
  }

  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  Gate gate_;
  std::unique_ptr<SystemResolver> resolver_;
  Strings answers_;

 private:
  const Watchdog watchdog_{std::chrono::minutes(2)};
};

TEST_F(ResolverTest, NumericAddressesAreAnsweredFromTheLoopWithoutAThread) {
  Make();
  resolver_->Resolve("127.0.0.1", 80, Note("v4", 3));
  resolver_->Resolve("::1", "443", Note("v6", 3));
  resolver_->Resolve("", "443", Note("none", 3));
  EXPECT_TRUE(answers_.empty()) << "called inside Resolve";
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(answers_, (Strings{"v4 127.0.0.1:80", "v6 [::1]:443", "none resolve :443: empty"}));
  EXPECT_EQ(gate_.arrived(), 0);
}

TEST_F(ResolverTest, NamesAreAnsweredInOrderErrorsToo) {
  Make();
  gate_.Open();
  resolver_->Resolve("first", 80, Note("a", 3));
  resolver_->Resolve("nowhere", 80, Note("b", 3));
  resolver_->Resolve("third", 80, Note("c", 3));
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(answers_, (Strings{"a 10.0.0.1:80", "b resolve nowhere", "c 10.0.0.1:80"}));
}

TEST_F(ResolverTest, CancelWhileQueuedRunningAndAnswered) {
  Make();
  const ResolveId running = resolver_->Resolve("a", 80, Note("a"));
  gate_.WaitForArrival();
  const ResolveId queued = resolver_->Resolve("b", 80, Note("b"));
  const ResolveId answered = resolver_->Resolve("127.0.0.1", 80, Note("c"));
  resolver_->Resolve("d", 80, Note("d"));
  EXPECT_TRUE(resolver_->Cancel(running));
  EXPECT_TRUE(resolver_->Cancel(queued));
  EXPECT_TRUE(resolver_->Cancel(answered));
  EXPECT_FALSE(resolver_->Cancel(running)) << "twice";
  EXPECT_FALSE(resolver_->Cancel(ResolveId{}));
  gate_.Open();
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(answers_, Strings{"d 10.0.0.1:80"});
  EXPECT_EQ(gate_.arrived(), 2) << "a cancelled request was asked for";
}

TEST_F(ResolverTest, CancelInACallbackOfAnotherRequest) {
  Make();
  ResolveId second;
  resolver_->Resolve("127.0.0.1", 1, [&](ResolveResult) {
    EXPECT_TRUE(resolver_->Cancel(second));
    loop_->Post([&] { loop_->Quit(); });
  });
  second = resolver_->Resolve("127.0.0.1", 2, Note("second"));
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_TRUE(answers_.empty());
}

TEST_F(ResolverTest, CallbacksAreDestroyedUnrunWithTheResolver) {
  Make();
  auto alive = std::make_shared<int>();
  resolver_->Resolve("127.0.0.1", 80, [alive](ResolveResult) { FAIL(); });
  resolver_->Resolve("queued", 80, [alive](ResolveResult) { FAIL(); });
  gate_.Open();
  resolver_.reset();
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
}

TEST_F(ResolverTest, DestructorWaitsOnlyForTheLookupThatRuns) {
  Make();
  for (const char* name : {"a", "b", "c"}) resolver_->Resolve(name, 80, Note(name));
  gate_.WaitForArrival();
  gate_.Open();
  resolver_.reset();
  EXPECT_LE(gate_.arrived(), 3);
  EXPECT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  EXPECT_TRUE(answers_.empty());
}

TEST_F(ResolverTest, MayBeDestroyedInsideItsCallback) {
  Make();
  gate_.Open();
  resolver_->Resolve("name", 80, [&](ResolveResult result) {
    EXPECT_TRUE(result.ok());
    resolver_.reset();
    loop_->Quit();
  });
  resolver_->Resolve("127.0.0.1", 80, [](ResolveResult) {});
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(resolver_, nullptr);
}

TEST_F(ResolverTest, LoopMayEndFirst) {
  Make();
  gate_.Open();
  resolver_->Resolve("name", 80, Note("a"));
  loop_.reset();
  resolver_->Resolve("127.0.0.1", 80, Note("b"));
  resolver_.reset();
  EXPECT_TRUE(answers_.empty());
}

TEST_F(ResolverTest, SystemKnowsLocalhost) {
  resolver_ = std::make_unique<SystemResolver>(*loop_);
  std::optional<ResolveResult> result;
  resolver_->Resolve("localhost", 8080, [&](ResolveResult answer) {
    result = std::move(answer);
    loop_->Quit();
  });
  ASSERT_TRUE(loop_->Run().ok());
  ASSERT_TRUE(result->ok()) << result->status();
  for (const SocketAddress& address : **result) {
    EXPECT_TRUE(address.is_loopback()) << address;
    EXPECT_EQ(address.port(), 8080);
  }
  const ResolveResult now = ResolveNow("localhost", 8080);
  ASSERT_TRUE(now.ok());
  EXPECT_EQ(*now, **result);
}

TEST(ResolveNowTest, NumericAddressesAndNonsense) {
  EXPECT_EQ(*ResolveNow("::1", 80), std::vector{SocketAddress::LoopbackV6(80)});
  EXPECT_EQ(*ResolveNow("127.0.0.1", "0"), std::vector{SocketAddress::LoopbackV4(0)});
  EXPECT_EQ(ResolveNow("", 80).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ResolveNow(std::string_view("a\0b", 3), 80).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(ResolveNow("127.0.0.1", "65536").ok());
  EXPECT_FALSE(ResolveNow("127.0.0.1", "no-such-service").ok());
}

}  // namespace
}  // namespace spindle
