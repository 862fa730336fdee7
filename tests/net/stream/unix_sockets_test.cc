// What only Unix sockets have: paths that others may be using, peers with a process and a user, and
// descriptors that go from one to the other.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
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
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/fd_watcher.h"
#include "net/stream/connection.h"
#include "net/stream/passed_descriptors.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "net/types/interest.h"
#include "net/types/socket_address.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

class UnixPathTest : public LeakCheckTest {
 protected:
  UnixPathTest() {
    char name[] = "/tmp/spindle-unix-XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/socket";
    address_ = *SocketAddress::UnixPath(path_);
  }
  ~UnixPathTest() override {
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }

  void SetUp() override { env_.emplace(Machine{}); }
  void TearDown() override {
    env_.reset();
    LeakCheckTest::TearDown();
  }
  // Bound to the path, not listening.
  OwnedFd Bind(int type) {
    OwnedFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t length = address_.ToSockaddr(&storage);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
    return fd;
  }
  ino_t Inode() const {
    struct stat status = {};
    EXPECT_EQ(lstat(path_.c_str(), &status), 0);
    return status.st_ino;
  }
  // What listening there ends with; 0 if it worked.
  int TryListen() { return ErrnoOf(env_->TryListen(address_, {}).status()); }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  std::optional<StreamEnv> env_;
  std::string folder_;
  std::string path_;
  SocketAddress address_;
};

TEST_F(UnixPathTest, WhoIsAboutToListenKeepsThePath_X1) {
  OwnedFd bound = Bind(SOCK_STREAM);
  const ino_t inode = Inode();
  EXPECT_EQ(TryListen(), EADDRINUSE);
  EXPECT_EQ(Inode(), inode);
  // It can still begin.
  EXPECT_EQ(listen(bound.get(), 1), 0);
  EXPECT_GE(RawPeer::Connect(address_).fd(), 0);
  bound.reset();
  EXPECT_EQ(TryListen(), 0) << "now it is stale";
}

TEST_F(UnixPathTest, SocketsOfOtherKindsAndFullOnesKeepThePath_X1) {
  {
    const OwnedFd datagrams = Bind(SOCK_DGRAM);
    EXPECT_EQ(TryListen(), EADDRINUSE);
  }
  unlink(path_.c_str());
  {
    const OwnedFd full = Bind(SOCK_STREAM);
    ASSERT_EQ(listen(full.get(), 0), 0);
    std::vector<RawPeer> fillers;
    for (int i = 0; i < 4; ++i) fillers.push_back(RawPeer::Connect(address_));
    EXPECT_LT(fillers.back().fd(), 0) << "it is full";
    const ino_t inode = Inode();
    EXPECT_EQ(TryListen(), EADDRINUSE);
    EXPECT_EQ(Inode(), inode);
  }
  EXPECT_EQ(TryListen(), 0);
}

TEST_F(UnixPathTest, WhoIsConnectedKeepsThePath_X1) {
  const auto server = env_->TryListen(*SocketAddress::UnixPath(folder_ + "/server"), {});
  ASSERT_TRUE(server.ok()) << server.status();
  OwnedFd client = Bind(SOCK_STREAM);
  sockaddr_storage storage;
  const socklen_t length = (*server)->address().ToSockaddr(&storage);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  const ino_t inode = Inode();
  EXPECT_EQ(TryListen(), EADDRINUSE);
  EXPECT_EQ(Inode(), inode);
  client.reset();
  EXPECT_EQ(TryListen(), 0);
}

TEST_F(UnixPathTest, LinksAreNotFollowedAndNotRemoved_X1) {
  { const OwnedFd stale = Bind(SOCK_STREAM); }
  const std::string target = folder_ + "/target";
  ASSERT_EQ(rename(path_.c_str(), target.c_str()), 0);
  ASSERT_EQ(symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_EQ(TryListen(), EADDRINUSE);
  struct stat status = {};
  EXPECT_EQ(lstat(path_.c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  EXPECT_EQ(unlink(target.c_str()), 0) << "that is there, too";
}

TEST_F(UnixPathTest, AConnectionKnowsItsPeersProcessAndUser) {
  std::optional<ucred> of_client;
  std::optional<ucred> of_server;
  const auto server = env_->TryListen(
      address_, {.on_open = [&](Connection& c) { of_client = c.PeerCredentials().value(); }});
  ASSERT_TRUE(server.ok()) << server.status();
  StreamClient client(env_->client_loop(), address_,
                      {.on_open = [&](Connection& c) { of_server = c.PeerCredentials().value(); }});
  client.Connect();
  ASSERT_TRUE(env_->RunUntil([&] { return of_client.has_value() && of_server.has_value(); }));
  for (const ucred& peer : {*of_client, *of_server}) {
    EXPECT_EQ(peer.pid, getpid());
    EXPECT_EQ(peer.uid, geteuid());
    EXPECT_EQ(peer.gid, getegid());
  }
}

TEST_F(UnixPathTest, OverTcpThePeerIsNobodysProcess) {
  bool asked = false;
  const auto server = env_->Listen({.on_open = [&](Connection& c) {
    EXPECT_TRUE(absl::IsFailedPrecondition(c.PeerCredentials().status()));
    c.Abort();
    EXPECT_TRUE(absl::IsFailedPrecondition(c.PeerCredentials().status()));
    asked = true;
  }});
  const RawPeer peer = RawPeer::Connect(server->address());
  ASSERT_TRUE(env_->RunUntil([&] { return asked; }));
}

// ---- Descriptors.

class PassedDescriptorsTest : public LeakCheckTest {
 protected:
  void Pair(int type) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    here_.reset(fds[0]);
    there_.reset(fds[1]);
  }
  // The reading end of a pipe that holds `text`.
  OwnedFd Holding(const std::string& text) {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    OwnedFd in(fds[1]);
    EXPECT_EQ(write(in.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return OwnedFd(fds[0]);
  }
  std::string Contents(const OwnedFd& fd) {
    char block[64];
    const ssize_t size = read(fd.get(), block, sizeof block);
    return size < 0 ? "error" : std::string(block, static_cast<size_t>(size));
  }
  void TearDown() override {
    here_.reset();
    there_.reset();
    LeakCheckTest::TearDown();
  }

  OwnedFd here_;
  OwnedFd there_;
};

TEST_F(PassedDescriptorsTest, ComeInOrderCloseOnExecAndWithTheirBytes) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    Pair(type);
    const OwnedFd one = Holding("one");
    const OwnedFd two = Holding("two");
    const int fds[] = {one.get(), two.get()};
    EXPECT_EQ(SendDescriptors(here_.get(), "data", fds).value(), 4u);
    auto received = ReceiveDescriptors(there_.get());
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_EQ(received->data, "data");
    EXPECT_FALSE(received->sender.has_value());
    ASSERT_EQ(received->descriptors.size(), 2u);
    EXPECT_EQ(Contents(received->descriptors[0]), "one");
    EXPECT_EQ(Contents(received->descriptors[1]), "two");
    for (const OwnedFd& fd : received->descriptors) {
      EXPECT_NE(fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
    }
    EXPECT_EQ(ErrnoOf(ReceiveDescriptors(there_.get()).status()), EAGAIN);
  }
}

TEST_F(PassedDescriptorsTest, TwoSetsInAStreamAreNotMixedUp) {
  Pair(SOCK_STREAM);
  const OwnedFd one = Holding("one");
  const OwnedFd two = Holding("two");
  const int first[] = {one.get()};
  const int second[] = {two.get()};
  ASSERT_TRUE(SendDescriptors(here_.get(), "a", first).ok());
  ASSERT_TRUE(SendDescriptors(here_.get(), "plain", {}).ok());
  ASSERT_TRUE(SendDescriptors(here_.get(), "b", second).ok());
  here_.reset();
  std::vector<std::string> contents;
  std::string data;
  while (true) {
    auto received = ReceiveDescriptors(there_.get());
    ASSERT_TRUE(received.ok()) << received.status();
    if (received->data.empty()) break;
    EXPECT_LE(received->descriptors.size(), 1u);
    data += received->data;
    for (const OwnedFd& fd : received->descriptors) contents.push_back(Contents(fd));
  }
  EXPECT_EQ(data, "aplainb");
  EXPECT_EQ(contents, (std::vector<std::string>{"one", "two"}));
}

TEST_F(PassedDescriptorsTest, TheKernelSaysWhoSentThem) {
  Pair(SOCK_SEQPACKET);
  ASSERT_TRUE(ReceiveCredentials(there_.get()).ok());
  const OwnedFd one = Holding("one");
  const int fds[] = {one.get()};
  ASSERT_TRUE(SendDescriptors(here_.get(), "x", fds).ok());
  const auto received = ReceiveDescriptors(there_.get());
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(received->descriptors.size(), 1u);
  ASSERT_TRUE(received->sender.has_value());
  EXPECT_EQ(received->sender->pid, getpid());
  EXPECT_EQ(received->sender->uid, geteuid());
  EXPECT_FALSE(ReceiveCredentials(-1).ok());
}

TEST_F(PassedDescriptorsTest, TheMostThatGoTogetherDo) {
  Pair(SOCK_STREAM);
  const OwnedFd one = Holding("");
  std::vector<int> fds(kMostPassedDescriptors, one.get());
  ASSERT_TRUE(SendDescriptors(here_.get(), "x", fds).ok());
  const auto received = ReceiveDescriptors(there_.get());
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(received->descriptors.size(), kMostPassedDescriptors);
  fds.push_back(one.get());
  EXPECT_TRUE(absl::IsInvalidArgument(SendDescriptors(here_.get(), "x", fds).status()));
}

TEST_F(PassedDescriptorsTest, WhatCannotBeSentIsAnErrorAndNothingIsSent) {
  Pair(SOCK_STREAM);
  EXPECT_TRUE(absl::IsInvalidArgument(SendDescriptors(here_.get(), "", {}).status()));
  const int bad[] = {-1};
  EXPECT_EQ(ErrnoOf(SendDescriptors(here_.get(), "x", bad).status()), EBADF);
  EXPECT_EQ(ErrnoOf(ReceiveDescriptors(there_.get()).status()), EAGAIN);
  there_.reset();
  EXPECT_EQ(ErrnoOf(SendDescriptors(here_.get(), "x", {}).status()), EPIPE) << "and no SIGPIPE";
  Pair(SOCK_DGRAM);
  EXPECT_TRUE(SendDescriptors(here_.get(), "too long", {}).ok());
  EXPECT_TRUE(absl::IsDataLoss(ReceiveDescriptors(there_.get(), 3).status()));
}

// The leak check of the fixture sees any that stays open.
TEST_F(PassedDescriptorsTest, WithoutRoomForAllNoneIsKept) {
  Pair(SOCK_STREAM);
  const OwnedFd one = Holding("one");
  const std::vector<int> fds(8, one.get());
  ASSERT_TRUE(SendDescriptors(here_.get(), "x", fds).ok());
  rlimit former = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &former), 0);
  // Room for a few more: descriptors are given out from the lowest number on.
  const OwnedFd next(dup(one.get()));
  rlimit few = former;
  few.rlim_cur = static_cast<rlim_t>(next.get()) + 4;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto received = ReceiveDescriptors(there_.get());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &former), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(received.status())) << received.status();
}

TEST_F(PassedDescriptorsTest, AWatcherTellsThatSomeCome) {
  Pair(SOCK_SEQPACKET);
  const auto loop = EventLoop::Create();
  std::vector<OwnedFd> got;
  const auto watcher =
      FdWatcher::Create(**loop, there_.get(), Interest::kRead, Trigger::kLevel, [&](FdEvents) {
        auto received = ReceiveDescriptors(there_.get());
        ASSERT_TRUE(received.ok()) << received.status();
        for (OwnedFd& fd : received->descriptors) got.push_back(std::move(fd));
      });
  ASSERT_TRUE(watcher.ok());
  const OwnedFd one = Holding("one");
  const int fds[] = {one.get()};
  ASSERT_TRUE(SendDescriptors(here_.get(), "x", fds).ok());
  while (got.empty()) ASSERT_TRUE((*loop)->RunOnce().ok());
  EXPECT_EQ(Contents(got[0]), "one");
}

}  // namespace
}  // namespace spindle
