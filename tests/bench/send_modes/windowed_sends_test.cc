#include "bench/send_modes/windowed_sends.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "bench/load/message_frame.h"
#include "bench/load/run_until.h"
#include "bench/send_modes/sender_pool.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/connection_handle.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

// A server on the loop of the test that notes who sends when, and acknowledges a moment later, so
// that whatever is to be under way at once is.
class WindowedSendsTest : public LeakCheckTest {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create();
    ASSERT_TRUE(loop.ok()) << loop.status();
    loop_ = *std::move(loop);
    ConnectionCallbacks callbacks;
    callbacks.on_open = [this](Connection& connection) {
      const size_t number = numbers_.size();
      numbers_[connection.id().slot] = number;
      connection.EmplaceData<FrameCounter>();
    };
    callbacks.on_bytes = [this](Connection& connection, Buffer& input) {
      if (connection.data<FrameCounter>()->Feed(input) > 0) OnMessage(connection);
    };
    auto server = StreamServer::Listen(*loop_, SocketAddress::LoopbackV4(0), std::move(callbacks));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void TearDown() override {
    pool_.reset();
    server_.reset();
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  void OnMessage(Connection& connection) {
    order_.push_back(numbers_[connection.id().slot]);
    peak_ = std::max(peak_, ++under_way_);
    if (order_.size() == abort_at_) {
      --under_way_;
      connection.Abort();
      return;
    }
    loop_->RunAfter(std::chrono::milliseconds(2), [this, handle = connection.handle()] {
      --under_way_;
      Connection* const open = handle.Get();
      if (open != nullptr && !silent_) open->Write(std::string_view(&kAck, 1));
    });
  }

  void Connect(size_t connections) {
    pool_ = std::make_unique<SenderPool>(*loop_, server_->address(),
                                         SenderPoolOptions{.connections = connections});
    pool_->Connect();
    Until([&] { return pool_->connected() && server_->connections() == connections; });
    ASSERT_EQ(pool_->open(), connections);
  }
  void Until(absl::FunctionRef<bool()> done) { ASSERT_TRUE(RunUntil(*loop_, done).ok()); }

  Watchdog watchdog_{std::chrono::seconds(120)};
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<SenderPool> pool_;
  std::map<uint32_t, size_t> numbers_;  // By slot: the how-many-th connection it is.
  std::vector<size_t> order_;           // Whose messages came.
  size_t under_way_ = 0;
  size_t peak_ = 0;
  size_t abort_at_ = SIZE_MAX;
  bool silent_ = false;
};

TEST_F(WindowedSendsTest, SequentialGoesRoundAndHasOneUnderWay) {
  Connect(4);
  WindowedSends sends(*pool_, 1, 3);
  sends.Start();
  Until([&] { return sends.done(); });
  EXPECT_EQ(order_, (std::vector<size_t>{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(peak_, 1u);
  EXPECT_EQ(sends.answered(), 12u);
  EXPECT_EQ(sends.lost(), 0u);
  EXPECT_EQ(sends.latency().count(), 12u);
  // Twelve timers of 2 ms one after the other.
  EXPECT_GE(sends.wall(), std::chrono::milliseconds(24));
}

TEST_F(WindowedSendsTest, ParallelHasAllUnderWayAtOnce) {
  Connect(5);
  WindowedSends sends(*pool_, 5, 4);
  sends.Start();
  Until([&] { return sends.done(); });
  EXPECT_EQ(peak_, 5u);
  EXPECT_EQ(sends.answered(), 20u);
  for (size_t connection = 0; connection < 5; ++connection) {
    EXPECT_EQ(std::count(order_.begin(), order_.end(), connection), 4);
  }
}

TEST_F(WindowedSendsTest, WindowBetweenIsNeverExceeded) {
  Connect(6);
  WindowedSends sends(*pool_, 2, 5);
  sends.Start();
  Until([&] { return sends.done(); });
  EXPECT_EQ(peak_, 2u);
  EXPECT_EQ(sends.answered(), 30u);
}

TEST_F(WindowedSendsTest, ALostConnectionLosesItsMessagesOnly) {
  Connect(3);
  abort_at_ = 2;  // The first message of the second connection.
  WindowedSends sends(*pool_, 1, 4);
  sends.Start();
  Until([&] { return sends.done(); });
  EXPECT_EQ(sends.answered(), 8u);
  EXPECT_EQ(sends.lost(), 4u);
  EXPECT_EQ(pool_->open(), 2u);
  ASSERT_EQ(pool_->errors().size(), 1u);
  EXPECT_TRUE(pool_->errors().begin()->first.starts_with("connection 1: ended: peer_reset"))
      << pool_->errors().begin()->first;
}

TEST_F(WindowedSendsTest, ASilentServerIsGivenUp) {
  Connect(3);
  silent_ = true;
  WindowedSends sends(*pool_, 3, 2);
  sends.Start();
  Until([&] { return order_.size() == 3 && under_way_ == 0; });
  EXPECT_FALSE(sends.done());
  pool_->GiveUpWaiting("no reply within 1 s");
  Until([&] { return sends.done(); });
  EXPECT_EQ(sends.lost(), 6u);
  EXPECT_EQ(pool_->errors().size(), 3u);
}

TEST_F(WindowedSendsTest, ClosingInGoodOrderIsNoError) {
  Connect(3);
  pool_->Close();
  Until([&] { return pool_->closed(); });
  EXPECT_TRUE(pool_->errors().empty());
}

}  // namespace
}  // namespace spindle::bench
