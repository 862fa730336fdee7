// Listening sockets from elsewhere, and for elsewhere: the variables that tell of them, servers on
// them, a successor that does not come.

#include "net/stream/inherited_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/stream/stream_server.h"
#include "net/stream/successor.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

// A socket of `family` at a free address, listening if so told.
OwnedFd Bound(int family = AF_INET, int type = SOCK_STREAM, bool listening = true) {
  OwnedFd fd(socket(family, type | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  const socklen_t length = SocketAddress::LoopbackV4(0).ToSockaddr(&storage);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  EXPECT_TRUE(!listening || listen(fd.get(), 16) == 0);
  return fd;
}

class VariablesTest : public testing::Test {
 protected:
  ~VariablesTest() override {
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET"}) {
      unsetenv(name);
    }
  }
  void Set(const std::string& fds, const std::string& pid = std::to_string(getpid())) {
    setenv("LISTEN_PID", pid.c_str(), 1);
    setenv("LISTEN_FDS", fds.c_str(), 1);
  }
};

TEST_F(VariablesTest, NoneIsNoSocket) {
  EXPECT_TRUE(TakeInheritedSockets()->empty());
  Set("0");
  EXPECT_TRUE(TakeInheritedSockets()->empty());
}

TEST_F(VariablesTest, ThoseOfAnotherProcessAreLeftAlone) {
  Set("1", std::to_string(getpid() + 1));
  EXPECT_TRUE(TakeInheritedSockets()->empty());
  EXPECT_EQ(getenv("LISTEN_FDS"), nullptr);
}

TEST_F(VariablesTest, NonsenseIsAnErrorThatQuotesIt) {
  for (const auto& [fds, pid] : std::vector<std::pair<std::string, std::string>>{
           {"-1", ""}, {"x", ""}, {"1x", ""}, {"100000", ""}, {"1", "pid"}, {"1", ""}}) {
    if (pid.empty() && fds != "1") {
      Set(fds);
    } else {
      Set(fds, pid);
    }
    const auto taken = TakeInheritedSockets();
    ASSERT_FALSE(taken.ok()) << fds << " " << pid;
    EXPECT_EQ(taken.status().code(), absl::StatusCode::kInvalidArgument);
  }
  Set("1000");  // Not so many are open.
  EXPECT_EQ(ErrnoOf(TakeInheritedSockets().status()), EBADF);
}

TEST_F(VariablesTest, ReadyGoesToNobodyIfNobodyAsks) {
  EXPECT_TRUE(NotifyReady().ok());
  setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
  EXPECT_EQ(ErrnoOf(NotifyReady()), ENOENT);
  EXPECT_TRUE(NotifyReady().ok());  // Once.
}

class ServerTest : public StreamEnvTest {
 protected:
  void TearDown() override {
    env_.reset();
    StreamEnvTest::TearDown();
  }
  std::unique_ptr<StreamServer> Listen(std::vector<OwnedFd> sockets,
                                       StreamServerOptions options = {}) {
    auto server = StreamServer::Listen(
        env_->pool(), std::move(sockets),
        {.on_bytes = [](Connection& connection, Buffer& in) { connection.Write(std::move(in)); }},
        std::move(options));
    EXPECT_TRUE(server.ok()) << server.status();
    return server.ok() ? *std::move(server) : nullptr;
  }
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(GetParam());

  void ExpectEcho(const SocketAddress& address) {
    RawPeer peer = RawPeer::Connect(address);
    EXPECT_TRUE(peer.Send("x"));
    EXPECT_TRUE(env_->RunUntil([&] { return peer.Receive(), peer.received() == "x"; }));
  }
};

std::vector<OwnedFd> List(OwnedFd a, OwnedFd b = OwnedFd()) {
  std::vector<OwnedFd> list;
  list.push_back(std::move(a));
  if (b) list.push_back(std::move(b));
  return list;
}

SocketAddress AddressOf(int fd) {
  sockaddr_storage storage;
  socklen_t length = sizeof storage;
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return SocketAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

TEST_P(ServerTest, ListensOnSeveralSocketsAtOnce) {
  OwnedFd a = Bound(), b = Bound();
  const SocketAddress first = AddressOf(a.get()), second = AddressOf(b.get());
  const auto server = Listen(List(std::move(a), std::move(b)));
  EXPECT_EQ(server->address(), first);
  ExpectEcho(first);
  ExpectEcho(second);
}

TEST_P(ServerTest, EachReusePortSocketBelongsToALoop) {
  OwnedFd a = Bound(), b = Bound();
  const SocketAddress first = AddressOf(a.get()), second = AddressOf(b.get());
  StreamServerOptions options;
  options.placement = Placement::kReusePort;
  const auto server = Listen(List(std::move(a), std::move(b)), std::move(options));
  ExpectEcho(first);
  ExpectEcho(first);
  ExpectEcho(second);
  EXPECT_EQ(server->stats().accepted_per_loop, (std::vector<uint64_t>{2, 1}));
}

TEST_P(ServerTest, WhatDoesNotListenIsRefused) {
  const auto refuses = [&](std::vector<OwnedFd> sockets) {
    const auto server = StreamServer::Listen(env_->pool(), std::move(sockets), {});
    return server.ok() ? "" : std::string(server.status().message());
  };
  EXPECT_EQ(refuses({}), "no socket to listen on");
  EXPECT_THAT(refuses(List(Bound(AF_INET, SOCK_STREAM, /*listening=*/false))),
              testing::HasSubstr("not a listening stream socket"));
  EXPECT_THAT(refuses(List(Bound(AF_INET, SOCK_DGRAM, /*listening=*/false))),
              testing::HasSubstr("not a listening stream socket"));
  EXPECT_THAT(refuses(List(OwnedFd(open("/dev/null", O_RDONLY | O_CLOEXEC)))),
              testing::HasSubstr("ENOTSOCK"));
}

TEST_P(ServerTest, DuplicatesGoOnWhenTheServerHasGone) {
  auto server = Listen(List(Bound()));
  const SocketAddress address = server->address();
  auto copies = server->DuplicateListeners();
  ASSERT_TRUE(copies.ok()) << copies.status();
  server->StopAccepting();
  EXPECT_EQ(ErrnoOf(server->DuplicateListeners().status()), EBADF);
  // It waits in the queue, which nobody serves now.
  RawPeer peer = RawPeer::Connect(address);
  EXPECT_TRUE(peer.Send("x"));
  server.reset();
  server = Listen(*std::move(copies));
  EXPECT_TRUE(env_->RunUntil([&] { return peer.Receive(), peer.received() == "x"; }));
}

TEST_P(ServerTest, AUnixPathThatWasHandedOnStays) {
  const std::string path = UniqueName("/tmp/spindle-inherited-");
  auto server = env_->TryListen(*SocketAddress::UnixPath(path), {});
  ASSERT_TRUE(server.ok());
  auto copies = (*server)->DuplicateListeners();
  server->reset();
  struct stat status;
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  Listen(*std::move(copies)).reset();
  EXPECT_EQ(stat(path.c_str(), &status), 0);  // Nor is it this one's to remove.
  unlink(path.c_str());
}

INSTANTIATE_TEST_SUITE_P(Kernel, ServerTest, testing::Values(Machine{Machine::Kind::kKernel, 2}),
                         MachineName);

class SuccessorTest : public LeakCheckTest {
 protected:
  // What became of the program, by `then` if that is what a test waits for.
  std::unique_ptr<Successor> Start(std::string script, Duration timeout = std::chrono::hours(1)) {
    auto successor = Successor::Start(
        *loop_, {.program = "/bin/sh", .arguments = {"-c", script}, .ready_timeout = timeout},
        [this](absl::Status status) {
          answer_ = std::move(status);
          loop_->Quit();
        });
    EXPECT_TRUE(successor.ok()) << successor.status();
    return *std::move(successor);
  }
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  std::unique_ptr<EventLoop> loop_ = *EventLoop::Create();
  std::optional<absl::Status> answer_;
};

TEST_F(SuccessorTest, IsKilledIfItIsTooSlow) {
  const auto successor = Start("exec sleep 1000", std::chrono::milliseconds(20));
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(answer_->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(kill(successor->pid(), 0), -1);
}

TEST_F(SuccessorTest, IsKilledWithItsOwnerAndSaysNothing) {
  auto successor = Start("exec sleep 1000");
  const pid_t pid = successor->pid();
  successor.reset();
  EXPECT_EQ(kill(pid, 0), -1);
  ASSERT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  EXPECT_FALSE(answer_.has_value());
}

TEST_F(SuccessorTest, SaysHowTheProcessEnded) {
  const auto failed = Start("exit 7");
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_THAT(std::string(answer_->message()), testing::HasSubstr("ended with status 7"));
  const auto killed = Start("kill -9 $$");
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_THAT(std::string(answer_->message()), testing::HasSubstr("ended by signal 9"));
}

TEST_F(SuccessorTest, GetsItsSocketsInOrderAndNothingElse) {
  SuccessorOptions options{.program = "/bin/sh"};
  options.sockets.push_back({.fd = Bound(), .name = "one"});
  options.sockets.push_back({.fd = Bound(), .name = "two"});
  std::string want;
  for (const InheritedSocket& socket : options.sockets) {
    struct stat status;
    fstat(socket.fd.get(), &status);
    want += "socket:[" + std::to_string(status.st_ino) + "] ";
  }
  const OwnedFd leaky(open("/dev/null", O_RDONLY));  // Without O_CLOEXEC.
  // Status 0 only if descriptors 3 and 4 are what they should be, 5 to 99 are closed, and the
  // variables are right.
  options.arguments = {
      "-c",
      "[ \"$(readlink /proc/$$/fd/3) $(readlink /proc/$$/fd/4) \" = \"" + want +
          "\" ] || exit 2\n"
          "[ $LISTEN_PID = $$ ] && [ $LISTEN_FDS = 2 ] && [ $LISTEN_FDNAMES = one:two ] || exit 3\n"
          "for i in $(seq 5 99); do [ ! -e /proc/$$/fd/$i ] || exit 4; done; exit 0"};
  const auto successor = Successor::Start(*loop_, std::move(options), [this](absl::Status status) {
    answer_ = std::move(status);
    loop_->Quit();
  });
  ASSERT_TRUE(successor.ok());
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_THAT(std::string(answer_->message()), testing::HasSubstr("ended with status 0"));
}

TEST_F(SuccessorTest, BadOptionsAreRefused) {
  const auto refused = [&](SuccessorOptions options) {
    return !Successor::Start(*loop_, std::move(options), [](absl::Status) {}).ok();
  };
  EXPECT_TRUE(refused({}));
  SuccessorOptions without_socket{.program = "/bin/true"};
  without_socket.sockets.emplace_back();
  EXPECT_TRUE(refused(std::move(without_socket)));
  SuccessorOptions with_colon{.program = "/bin/true"};
  with_colon.sockets.push_back({.fd = Bound(), .name = "a:b"});
  EXPECT_TRUE(refused(std::move(with_colon)));
}

}  // namespace
}  // namespace spindle
