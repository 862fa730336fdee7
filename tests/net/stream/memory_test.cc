// How much memory peers can make a server use that are slower than it: measured as what the process
// holds in memory, not as what the queues say of themselves.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/process_usage.h"
#include "gtest/gtest.h"
#include "net/stream/stream_server.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

constexpr size_t kMiB = 1024 * 1024;

class MemoryTest : public LeakCheckTest {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers keep what was freed";
#endif
    env_ = std::make_unique<StreamEnv>(Machine{});
    // The peers read between two turns: they must not wait for them.
    env_->client_loop().RunEvery(std::chrono::milliseconds(1), [] {});
    watchdog_ = std::make_unique<Watchdog>(std::chrono::minutes(4));
  }
  void Listen(ConnectionCallbacks callbacks, ConnectionOptions options) {
    StreamServerOptions server_options;
    server_options.connection = options;
    server_ = env_->Listen(audit_.Watch(std::move(callbacks)), std::move(server_options));
  }
  // Looks whether there is more than ever before.
  void Measure() { highest_ = std::max(highest_, ResidentBytes()); }
  void TearDown() override {
    peers_.clear();
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  std::unique_ptr<Watchdog> watchdog_;
  StreamAudit audit_;
  std::unique_ptr<StreamEnv> env_;
  std::unique_ptr<StreamServer> server_;
  std::vector<RawPeer> peers_;
  size_t highest_ = 0;
};

// Takes up to 64 KiB of what has come. Keeps nothing.
size_t TakeSome(const RawPeer& peer) {
  static char block[65536];
  const ssize_t got = recv(peer.fd(), block, sizeof block, 0);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

// A producer that heeds on_pause writes 400 MB to a peer that reads slowly.
TEST_F(MemoryTest, ProducerThatHeedsTheMarksHoldsNoMoreThanThey_R8) {
  constexpr uint64_t kTotal = 400 * kMiB;
  constexpr size_t kHigh = 2 * kMiB;
  const std::string piece(100'000, 'x');
  uint64_t written = 0;
  bool paused = false;
  const auto produce = [&](Connection& c) {
    for (int i = 0; i < 10 && written < kTotal && !paused; ++i) {
      ASSERT_TRUE(c.Write(piece).ok());
      written += piece.size();
    }
  };
  ConnectionHandle handle;
  Listen({.on_open = [&](Connection& c) { handle = c.handle(); },
          .on_pause = [&](Connection&) { paused = true; },
          .on_resume = [&](Connection&) { paused = false; }},
         {.high_water_mark = kHigh, .low_water_mark = kHigh / 4});
  peers_.push_back(RawPeer::Connect(server_->address()));
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
  const size_t before = ResidentBytes();
  uint64_t received = 0;
  while (received < kTotal || received < written) {
    // A million bytes for each 64 KiB that the peer reads.
    if (!paused) handle.Run(produce);
    ASSERT_TRUE(env_->client_loop().RunOnce(WaitMode::kPoll).ok());
    received += TakeSome(peers_[0]);
    Measure();
  }
  // Half for the queue, half for the allocator and the blocks of the loop.
  EXPECT_LT(highest_, before + 4 * kHigh + 8 * kMiB);
}

// Many peers that never read, and a producer that writes on: the policy holds each queue at its
// limit.
TEST_F(MemoryTest, PeersThatNeverReadHoldNoMoreThanTheirLimit_R8) {
  constexpr size_t kPeers = 200;
  constexpr size_t kLimit = 256 * 1024;
  std::vector<ConnectionHandle> handles;
  Listen({.on_open = [&](Connection& c) { handles.push_back(c.handle()); }},
         {.high_water_mark = kLimit / 2,
          .low_water_mark = kLimit / 4,
          .output_limit = kLimit,
          .output_limit_policy = OutputLimitPolicy::kRefuse,
          .send_buffer = 4096});
  for (size_t i = 0; i < kPeers; ++i) peers_.push_back(RawPeer::Connect(server_->address(), 4096));
  ASSERT_TRUE(env_->RunUntil([&] { return handles.size() == kPeers; }));
  const size_t before = ResidentBytes();
  uint64_t offered = 0;
  uint64_t refused = 0;
  const std::string piece(10'000, 'x');
  for (int round = 0; round < 200; ++round) {
    for (const ConnectionHandle& handle : handles) {
      handle.Run([&](Connection& c) {
        offered += piece.size();
        if (!c.Write(piece).ok()) refused += piece.size();
      });
    }
    env_->Settle();
    Measure();
  }
  EXPECT_EQ(offered, 200 * kPeers * piece.size());
  EXPECT_GT(refused, offered / 2);
  EXPECT_LT(highest_, before + kPeers * (kLimit + 64 * 1024) * 11 / 10);
  EXPECT_GT(highest_, before + kPeers * kLimit / 2) << "the peers did not fill their queues";
}

// A peer that sends as fast as it can to a reader that pauses after every message.
TEST_F(MemoryTest, PausedReaderLeavesTheRestInTheKernel_R8) {
  constexpr uint64_t kTotal = 300 * kMiB;
  uint64_t received = 0;
  ConnectionHandle paused;
  Listen({.on_bytes =
              [&](Connection& c, Buffer& in) {
                received += in.size();
                in.Clear();
                c.PauseReading();
                paused = c.handle();
              }},
         {});
  peers_.push_back(RawPeer::Connect(server_->address()));
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
  const size_t before = ResidentBytes();
  int quiet = 0;
  while (received < kTotal) {
    if (peers_[0].SendUntilFull() == 0 && ++quiet % 4 == 0 && paused) {
      std::exchange(paused, ConnectionHandle()).ResumeReading();
    }
    ASSERT_TRUE(env_->client_loop().RunOnce(WaitMode::kPoll).ok());
    Measure();
  }
  EXPECT_LT(highest_, before + 8 * kMiB);
}

}  // namespace
}  // namespace spindle
