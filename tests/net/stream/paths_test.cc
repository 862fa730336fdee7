// The short path of plain connections and the general one, which a callback for drained output or a
// deadline asks for, do the same: each test runs on both, with everything that a system call can
// answer.

#include <errno.h>
#include <pthread.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

enum class Path {
  kPlain,
  kDrained,   // The server has on_drained.
  kDeadline,  // The server's connections have an idle timeout.
  kLeftOver,  // Plain, but the first message of each connection is left for the second call.
};

std::string PathName(const testing::TestParamInfo<Path>& info) {
  const char* const names[] = {"Plain", "Drained", "Deadline", "LeftOver"};
  return names[static_cast<int>(info.param)];
}

// An echo server and a bare peer, on one loop that the test turns by hand.
class PathsTest : public LeakCheckTest, public testing::WithParamInterface<Path> {
 protected:
  PathsTest() {
    // The peer acts between two turns: they must not wait for it.
    env_->client_loop().RunEvery(std::chrono::milliseconds(1), [] {});
  }
  void Listen(ConnectionCallbacks callbacks, StreamServerOptions options = {}) {
    if (GetParam() == Path::kDrained) callbacks.on_drained = [this](Connection&) { ++drained_; };
    if (GetParam() == Path::kDeadline) options.connection.idle_timeout = std::chrono::hours(1);
    server_ = env_->Listen(audit_.Watch(std::move(callbacks)), std::move(options));
  }
  void ListenForEcho(StreamServerOptions options = {}) {
    Listen({.on_bytes =
                [this](Connection& c, Buffer& in) {
                  if (GetParam() == Path::kLeftOver && !std::exchange(left_, true)) return;
                  c.Write(std::move(in));
                }},
           std::move(options));
  }
  void Connect(int receive_buffer = 0) {
    left_ = false;
    peer_ = RawPeer::Connect(server_->address(), receive_buffer);
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
    if (GetParam() == Path::kLeftOver) {
      ASSERT_TRUE(peer_.Send("1"));
      env_->Settle();
      expected_ = "1";
    }
    env_->Settle();
  }
  // Sends `text` and takes what is answered until it is all there.
  bool Echoes(const std::string& text) {
    size_t sent = 0;
    expected_ += text;
    return env_->RunUntil([&] {
      if (sent < text.size()) {
        const ssize_t taken =
            send(peer_.fd(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (taken > 0) sent += static_cast<size_t>(taken);
      }
      peer_.Receive();
      return peer_.received().size() >= expected_.size();
    }) && peer_.received() == expected_;
  }
  void TearDown() override {
    peer_.Close();
    server_.reset();
    env_.reset();
    LeakCheckTest::TearDown();
  }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  FaultySyscalls faulty_;
  StreamAudit audit_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(Machine{}, faulty_);
  std::unique_ptr<StreamServer> server_;
  RawPeer peer_;
  std::string expected_;
  int drained_ = 0;
  bool left_ = false;  // The first message was left unread.
};

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26 + i / 1000 % 5);
  return text;
}

TEST_P(PathsTest, InterruptedCallsAreRepeated_R7) {
  ListenForEcho();
  Connect();
  for (int times = 1; times <= 3; ++times) {
    const uint64_t reads = faulty_.calls(SysCall::kRecv);
    faulty_.FailNext(SysCall::kRecv, EINTR, static_cast<uint64_t>(times));
    ASSERT_TRUE(Echoes("read it again"));
    EXPECT_GE(faulty_.calls(SysCall::kRecv) - reads, static_cast<uint64_t>(times) + 1);
    const uint64_t writes = faulty_.calls(SysCall::kSend);
    faulty_.FailNext(SysCall::kSend, EINTR, static_cast<uint64_t>(times));
    ASSERT_TRUE(Echoes("write it again"));
    EXPECT_EQ(faulty_.calls(SysCall::kSend) - writes, static_cast<uint64_t>(times) + 1);
  }
  EXPECT_EQ(audit_.closed(), 0u);
}

// EAGAIN right after readiness: the bytes come with the next event.
TEST_P(PathsTest, ReadinessThatWasNotTrueIsNoError_R7) {
  ListenForEcho();
  Connect();
  faulty_.FailNext(SysCall::kRecv, EAGAIN);
  ASSERT_TRUE(peer_.Send("first, "));
  env_->Settle();
  EXPECT_EQ(audit_.closed(), 0u);
  expected_ += "first, ";
  ASSERT_TRUE(Echoes("second"));
}

// A socket that takes nothing, though it had room: the rest goes when it becomes writable.
TEST_P(PathsTest, SocketThatTakesNothingIsWaitedFor_R7) {
  ListenForEcho({.connection = {.send_buffer = 4096}});
  Connect();
  faulty_.FailNext(SysCall::kSend, EAGAIN);
  ASSERT_TRUE(Echoes("later"));
  ASSERT_TRUE(Echoes("and at once"));
  EXPECT_EQ(audit_.closed(), 0u);
}

// Every size around the loop's block of 64 KiB: a block that is full may be followed by more, one
// that is not is not.
TEST_P(PathsTest, BlocksOfEverySizeComeBack_R1) {
  ListenForEcho();
  Connect();
  for (const size_t size : {1, 2, 1000, 65503, 65504, 65505, 65535, 65536, 65537, 131072, 200000}) {
    ASSERT_TRUE(Echoes(Pattern(size))) << size;
    ASSERT_TRUE(Echoes("?")) << size;
  }
  EXPECT_EQ(audit_.closed(), 0u);
  const uint64_t bytes = expected_.size();
  peer_.ShutdownWrite();
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == 1; }));
  EXPECT_EQ(audit_.sent(), bytes);
  EXPECT_EQ(audit_.received(), bytes);
}

// The peer reads slowly through small buffers: each answer is stuck in the middle.
TEST_P(PathsTest, StuckOutputGoesOnWhereItStopped_R1) {
  RecordReader reader;
  ListenForEcho({.connection = {.send_buffer = 4096}});
  Connect(4096);
  RecordWriter writer;
  for (const size_t size : {100, 60'000, 20'000, 1, 65'000}) ASSERT_TRUE(Echoes(writer.Next(size)));
  reader.Feed(std::string_view(peer_.received()).substr(GetParam() == Path::kLeftOver ? 1 : 0));
  EXPECT_EQ(reader.records(), 5u);
}

TEST_P(PathsTest, FinAfterDataInOneEvent_R4) {
  ListenForEcho();
  for (const size_t size : {10, 65504, 65536, 150'000}) {
    Connect();
    const uint64_t closed = audit_.closed();
    expected_ += Pattern(size);
    ASSERT_TRUE(peer_.Send(Pattern(size)));
    peer_.ShutdownWrite();
    ASSERT_TRUE(env_->RunUntil([&] { return peer_.Receive() == RawPeer::State::kEof; }));
    EXPECT_EQ(peer_.received(), expected_);
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == closed + 1; }));
    EXPECT_EQ(audit_.last_reason().kind, CloseKind::kPeerClosed);
    peer_.Close();
    expected_.clear();
  }
}

TEST_P(PathsTest, ErrorsOfReadAndWriteEndTheConnectionOnce_D2) {
  ListenForEcho();
  struct Case {
    SysCall call;
    int error;
    CloseReason reason;
  };
  const Case cases[] = {
      {SysCall::kRecv, ECONNRESET, {CloseKind::kPeerReset, IoError(ECONNRESET, IoOp::kRead)}},
      {SysCall::kRecv, ENOMEM, {CloseKind::kIoError, IoError(ENOMEM, IoOp::kRead)}},
      {SysCall::kSend, ENOBUFS, {CloseKind::kIoError, IoError(ENOBUFS, IoOp::kWrite)}},
  };
  for (const Case& one : cases) {
    Connect();
    const uint64_t closed = audit_.closed();
    faulty_.FailNext(one.call, one.error);
    ASSERT_TRUE(peer_.Send("for nothing"));
    ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == closed + 1; }));
    EXPECT_EQ(audit_.last_reason(), one.reason);
    env_->Settle();
    EXPECT_EQ(audit_.closed(), closed + 1);
    peer_.Close();
  }
}

// The peer has sent its last words and is gone while we write: they are read before the end.
TEST_P(PathsTest, LastWordsBeforeABrokenPipeAreRead_R5) {
  std::string words;
  Listen({.on_bytes = [&](Connection& c, Buffer& in) {
    words += in.ToString();
    in.Clear();
    c.Write("answer");
    if (words != "go") return;
    ASSERT_TRUE(peer_.Send("last words"));
    peer_.ShutdownWrite();
  }});
  peer_ = RawPeer::Connect(server_->address());
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
  faulty_.FailNext(SysCall::kSend, EPIPE);
  ASSERT_TRUE(peer_.Send("go"));
  ASSERT_TRUE(env_->RunUntil([&] { return audit_.closed() == 1; }));
  EXPECT_EQ(words, "golast words");
  EXPECT_EQ(audit_.last_reason().kind, CloseKind::kPeerReset);
}

// Whatever a callback does to its own connection, in the first message and in later ones.
TEST_P(PathsTest, ConnectionEndsOrChangesInItsCallback_D1) {
  const std::vector<std::function<void(Connection&, Buffer&)>> deeds = {
      [](Connection& c, Buffer&) { c.Abort(); },
      [](Connection& c, Buffer& in) {
        c.Write(std::move(in));
        c.Abort();
      },
      [](Connection& c, Buffer& in) {
        c.Write(std::move(in));
        c.Close();
      },
      [](Connection& c, Buffer& in) {
        c.Write(std::move(in));
        c.ShutdownWrite();
      },
      [](Connection& c, Buffer& in) {
        in.Clear();
        c.CloseAfterFlush(std::chrono::milliseconds(1));
      },
      [this](Connection& c, Buffer& in) {
        c.Write(std::move(in));
        server_.reset();
        EXPECT_TRUE(c.closed());
      },
      [this](Connection&, Buffer&) { server_.reset(); },
  };
  for (const auto& deed : deeds) {
    for (int later = 0; later < 3; ++later) {
      int messages = 0;
      Listen({.on_bytes = [&](Connection& c, Buffer& in) {
        if (messages++ == later) return deed(c, in);
        c.Write(std::move(in));
      }});
      const uint64_t closed = audit_.closed();
      peer_ = RawPeer::Connect(server_->address());
      ASSERT_TRUE(env_->RunUntil([&] { return audit_.open() == 1; }));
      ASSERT_TRUE(env_->RunUntil([&] {
        if (audit_.closed() == closed) peer_.Send("x");
        if (peer_.Receive() != RawPeer::State::kOpen) peer_.ShutdownWrite();
        return audit_.closed() == closed + 1;
      }));
      peer_.Close();
      server_.reset();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, PathsTest,
                         testing::Values(Path::kPlain, Path::kDrained, Path::kDeadline,
                                         Path::kLeftOver),
                         PathName);

// ---- Completion at once, again and again.

// Runs `body` on a thread with a stack of 64 KiB.
void RunOnSmallStack(std::function<void()> body) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr size_t kStack = 1024 * 1024;  // Sanitizers want more for the thread itself.
#else
  constexpr size_t kStack = 64 * 1024;
#endif
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStack), 0);
  pthread_t thread;
  const auto run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &body), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// Each on_drained writes the next piece, which the kernel takes at once.
TEST(RecursionTest, WritingWhenDrainedDoesNotRecurse_L10) {
  const Watchdog watchdog(std::chrono::minutes(4));
  RunOnSmallStack([] {
    constexpr int kWrites = 100'000;
    auto loop = *EventLoop::Create();
    uint64_t received = 0;
    auto server = *StreamServer::Listen(*loop, SocketAddress::LoopbackV4(0),
                                        {.on_bytes = [&](Connection&, Buffer& in) {
                                          received += in.size();
                                          in.Clear();
                                        }});
    int left = kWrites;
    StreamClient client(*loop, server->address(),
                        {.on_open = [](Connection& c) { c.Write("x"); },
                         .on_drained =
                             [&](Connection& c) {
                               if (--left > 0) {
                                 c.Write("x");
                               } else {
                                 c.Close();
                               }
                             },
                         .on_close = [&](Connection&, const CloseReason&) { loop->Quit(); }});
    client.Connect();
    EXPECT_TRUE(loop->Run().ok());
    EXPECT_EQ(received, static_cast<uint64_t>(kWrites));
  });
}

}  // namespace
}  // namespace spindle
