// What a connection asks epoll for, and when: read from the system calls themselves.

#include <errno.h>
#include <sys/epoll.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

constexpr uint32_t kReadMask = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET;
constexpr uint32_t kFullMask = kReadMask | EPOLLOUT;

// One epoll_ctl(2).
struct Control {
  int operation;
  int fd;
  uint32_t events;
  friend bool operator==(const Control&, const Control&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Control& control) {
    const char* const names[] = {"?", "add", "delete", "modify"};
    return out << names[control.operation] << " " << control.fd << " for 0x" << std::hex
               << control.events << std::dec;
  }
};

// The kernel, and a record of every epoll_ctl. Any thread.
class RecordingSyscalls : public FaultySyscalls {
 public:
  int EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event) override {
    const int result = FaultySyscalls::EpollCtl(epoll_fd, operation, fd, event);
    if (result == 0) {
      MutexLock lock(mutex_);
      controls_.push_back(Control{operation, fd, event == nullptr ? 0 : event->events});
    }
    return result;
  }
  // Since the last call of this.
  std::vector<Control> Take() {
    MutexLock lock(mutex_);
    return std::exchange(controls_, {});
  }

 private:
  Mutex mutex_;
  std::vector<Control> controls_ ABSL_GUARDED_BY(mutex_);
};

using Controls = std::vector<Control>;

class InterestTest : public LeakCheckTest {
 protected:
  void Start(size_t workers, ConnectionCallbacks callbacks, StreamServerOptions options = {}) {
    env_ = std::make_unique<StreamEnv>(Machine{Machine::Kind::kKernel, workers}, syscalls_);
    // The peer reads between two turns: they must not wait for it.
    if (workers == 0) env_->client_loop().RunEvery(std::chrono::milliseconds(1), [] {});
    server_ = env_->Listen(std::move(callbacks), std::move(options));
    syscalls_.Take();
  }
  // Turns until nothing happens any more; how many events there were.
  uint64_t Settle() {
    const uint64_t before = env_->client_loop().Stats().events;
    env_->Settle();
    return env_->client_loop().Stats().events - before;
  }
  void TearDown() override {
    peer_.Close();
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  RecordingSyscalls syscalls_;
  std::unique_ptr<StreamEnv> env_;
  std::unique_ptr<StreamServer> server_;
  RawPeer peer_;
};

// One registration, for reading, in the life of a connection whose output never gets stuck.
TEST_F(InterestTest, EchoIsRegisteredOnceForReadingAlone_R2) {
  int fd = -1;
  Start(0, {.on_bytes = [&](Connection& c, Buffer& in) {
          fd = static_cast<int>(c.id().slot);
          c.Write(std::move(in));
        }});
  peer_ = RawPeer::Connect(server_->address());
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    expected += std::to_string(i);
    ASSERT_TRUE(peer_.Send(std::to_string(i)));
    ASSERT_TRUE(env_->RunUntil([&] {
      peer_.Receive();
      return peer_.received() == expected;
    }));
  }
  EXPECT_EQ(syscalls_.Take(), (Controls{{EPOLL_CTL_ADD, fd, kReadMask}}));
  peer_.Close();
  ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 0; }));
  EXPECT_EQ(syscalls_.Take(), Controls());
}

// Stuck output asks for writability once, whatever follows; and with nothing queued, a socket that
// has become writable wakes nobody.
TEST_F(InterestTest, WritabilityIsAskedForWhenOutputIsStuckAndWakesNobodyLater_R2) {
  ConnectionHandle handle;
  int drained = 0;
  Start(0, {.on_bytes =
                [&](Connection& c, Buffer& in) {
                  handle = c.handle();
                  in.Clear();
                },
            .on_drained =
                [&](Connection& c) {
                  ++drained;
                  EXPECT_EQ(c.output_queued(), 0u);
                }});
  peer_ = RawPeer::Connect(server_->address(), 4096);
  ASSERT_TRUE(peer_.Send("x"));
  ASSERT_TRUE(env_->RunUntil([&] { return static_cast<bool>(handle); }));
  const int fd = static_cast<int>(handle.id().slot);
  EXPECT_EQ(syscalls_.Take(), (Controls{{EPOLL_CTL_ADD, fd, kReadMask}}));
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(handle.Write(std::string(20'000'000, 'x')));
    Settle();
    EXPECT_EQ(drained, round - 1) << "the peer reads nothing";
    ASSERT_TRUE(env_->RunUntil([&] {
      peer_.Receive();
      return drained == round;
    }));
    EXPECT_EQ(syscalls_.Take(),
              round == 1 ? (Controls{{EPOLL_CTL_MOD, fd, kFullMask}}) : Controls());
    Settle();
    peer_.Receive();  // The socket becomes writable once more, for nothing.
    EXPECT_LE(Settle(), 1u);
    EXPECT_EQ(Settle(), 0u);
    EXPECT_EQ(drained, round);
  }
}

// Nothing was queued, so nothing has drained, whatever else makes a connection look at its output.
TEST_F(InterestTest, NothingWrittenNothingDrained_R2) {
  int drained = 0;
  std::atomic<int> closed{0};
  Start(0, {.on_bytes =
                [](Connection& c, Buffer& in) {
                  in.Clear();
                  c.Write("");
                  c.SetWaterMarks(0, 0);
                  c.handle().Run([](Connection& again) {
                    again.SetWaterMarks(10, 20);
                    again.ShutdownWrite();
                    again.handle().Run([](Connection& last) { last.Close(); });
                  });
                },
            .on_drained = [&](Connection&) { ++drained; },
            .on_close = [&](Connection&, const CloseReason&) { ++closed; }});
  peer_ = RawPeer::Connect(server_->address());
  ASSERT_TRUE(peer_.Send("x"));
  Settle();
  EXPECT_EQ(peer_.Receive(), RawPeer::State::kEof);
  EXPECT_EQ(peer_.received(), "");
  peer_.Close();
  ASSERT_TRUE(env_->RunUntil([&] { return closed == 1; }));
  EXPECT_EQ(drained, 0);
}

TEST_F(InterestTest, PausingAndResumingAskTheKernelForNothing_R2) {
  std::atomic<int> messages{0};
  Start(0, {.on_bytes = [&](Connection& c, Buffer& in) {
          in.Clear();
          ++messages;
          c.PauseReading();
          c.handle().ResumeReading();
        }});
  peer_ = RawPeer::Connect(server_->address());
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(peer_.Send("x"));
    ASSERT_TRUE(env_->RunUntil([&] { return messages == i; }));
  }
  EXPECT_EQ(syscalls_.Take().size(), 1u);
}

// Registered by the acceptor on the worker's set: for writing too only where an early event is
// wanted, and then stuck output needs no second call.
TEST_F(InterestTest, HandedOverConnectionIsRegisteredOnce_R2) {
  for (const bool early : {false, true}) {
    std::atomic<int> fd{-1};
    std::atomic<bool> drained{false};
    ConnectionCallbacks callbacks;
    callbacks.on_bytes = [&](Connection& c, Buffer& in) {
      fd = static_cast<int>(c.id().slot);
      in.Clear();
      c.Write(std::string(20'000'000, 'x'));
    };
    if (early) callbacks.on_open = [](Connection&) {};
    callbacks.on_drained = [&](Connection&) { drained = true; };
    Start(2, std::move(callbacks));
    peer_ = RawPeer::Connect(server_->address(), 4096);
    ASSERT_TRUE(peer_.Send("x"));
    ASSERT_TRUE(env_->RunUntil([&] {
      if (fd >= 0) peer_.Receive();
      return drained.load();
    }));
    Controls expected = {{EPOLL_CTL_ADD, fd, early ? kFullMask : kReadMask}};
    if (!early) expected.push_back({EPOLL_CTL_MOD, fd, kFullMask});
    EXPECT_EQ(syscalls_.Take(), expected);
    peer_.Close();
    server_.reset();
  }
}

TEST_F(InterestTest, ClientIsRegisteredOnceAsItsConnectionNeedsIt_R2) {
  Start(2, {.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }});
  int fd = -1;
  bool drained = false;
  StreamClient client(env_->client_loop(), server_->address(),
                      {.on_open =
                           [&](Connection& c) {
                             fd = static_cast<int>(c.id().slot);
                             c.Write(std::string(20'000'000, 'x'));
                           },
                       .on_drained = [&](Connection&) { drained = true; }});
  client.Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return drained; }));
  Controls ours = syscalls_.Take();
  std::erase_if(ours, [&](const Control& control) { return control.fd != fd; });
  EXPECT_EQ(ours, (Controls{{EPOLL_CTL_ADD, fd, kFullMask}}));
}

// A listener without descriptors watches nothing meanwhile, or the loop would spin.
TEST_F(InterestTest, ListenerWatchesNothingDuringAShortage_R2) {
  env_ = std::make_unique<StreamEnv>(Machine{}, syscalls_);
  syscalls_.Take();
  server_ = env_->Listen({});
  Controls controls = syscalls_.Take();
  ASSERT_EQ(controls.size(), 1u);
  const int fd = controls[0].fd;
  EXPECT_EQ(controls[0], (Control{EPOLL_CTL_ADD, fd, EPOLLIN}));
  syscalls_.FailNext(SysCall::kAccept, EMFILE);
  peer_ = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return server_->connections() == 1; }));
  controls = syscalls_.Take();
  std::erase_if(controls, [&](const Control& control) { return control.fd != fd; });
  EXPECT_EQ(controls, (Controls{{EPOLL_CTL_MOD, fd, 0}, {EPOLL_CTL_MOD, fd, EPOLLIN}}));
}

}  // namespace
}  // namespace spindle
