// SPINDLE_LISTENER_LOOPS and its call: the connections of one listener on several loops.

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/spindle.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace {

using spindle::MutexLock;

// An echo server whose first callbacks wait for each other, so that each runs on another thread.
struct Server {
  spindle::Mutex mutex;
  std::set<event_base*> bases ABSL_GUARDED_BY(mutex);
  std::set<std::thread::id> threads ABSL_GUARDED_BY(mutex);
  std::atomic<int> entered = 0;
  std::atomic<int> open = 0;
  int together = 0;

  static void OnAccept(evconnlistener* listener, evutil_socket_t fd, sockaddr*, int, void* arg) {
    auto* server = static_cast<Server*>(arg);
    event_base* base = evconnlistener_get_base(listener);
    {
      MutexLock lock(server->mutex);
      server->bases.insert(base);
      server->threads.insert(std::this_thread::get_id());
    }
    ++server->entered;
    while (server->entered < server->together) std::this_thread::yield();
    ++server->open;
    bufferevent* bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(bev, OnRead, nullptr, OnEvent, server);
    bufferevent_enable(bev, EV_READ);
  }
  static void OnRead(bufferevent* bev, void*) {
    bufferevent_write_buffer(bev, bufferevent_get_input(bev));
  }
  static void OnEvent(bufferevent* bev, short, void* arg) {
    bufferevent_free(bev);
    --static_cast<Server*>(arg)->open;
  }
};

int Connect(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

class ListenerLoopsTest : public testing::Test {
 protected:
  ~ListenerLoopsTest() override { event_base_free(base_); }

  void Listen() {
    setenv("SPINDLE_LISTENER_LOOPS", "3", 1);  // Read once in a process.
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address_);
    listener_ = evconnlistener_new_bind(base_, Server::OnAccept, &server_, LEV_OPT_CLOSE_ON_FREE,
                                        -1, generic, sizeof(address_));
    ASSERT_NE(listener_, nullptr);
    EXPECT_EQ(evconnlistener_get_base(listener_), base_);
    socklen_t size = sizeof(address_);
    ASSERT_EQ(getsockname(evconnlistener_get_fd(listener_), generic, &size), 0);
  }

  void Turn() { event_base_loop(base_, EVLOOP_ONCE | EVLOOP_NONBLOCK); }

  // Connects so many clients, whose callbacks run at the same time.
  std::vector<int> ConnectTogether(int count) {
    {
      MutexLock lock(server_.mutex);
      server_.bases.clear();
      server_.threads.clear();
    }
    server_.entered = 0;
    server_.together = count;
    const int open = server_.open;
    std::vector<int> clients;
    for (int i = 0; i < count; ++i) clients.push_back(Connect(address_));
    while (server_.open < open + count) Turn();
    return clients;
  }

  void ExpectSpreadOver(size_t loops) {
    MutexLock lock(server_.mutex);
    EXPECT_EQ(server_.bases.size(), loops);
    EXPECT_EQ(server_.threads.size(), loops);
    EXPECT_TRUE(server_.bases.contains(base_));
  }

  // Each client gets its echo, and goes.
  void EchoAndClose(const std::vector<int>& clients) {
    for (const int fd : clients) {
      char byte = 'e';
      EXPECT_EQ(write(fd, &byte, 1), 1);
      while (recv(fd, &byte, 1, MSG_DONTWAIT) != 1) Turn();
      close(fd);
    }
  }

  void WaitUntilAllAreGone() {
    while (server_.open > 0) Turn();
  }

  event_base* base_ = event_base_new();
  Server server_;
  sockaddr_in address_ = {};
  evconnlistener* listener_ = nullptr;
};

TEST_F(ListenerLoopsTest, TheCallAddsLoopsAndTakesThemAway) {
  Listen();
  EXPECT_EQ(evconnlistener_set_loops(listener_, 4), 0);
  const std::vector<int> four = ConnectTogether(4);
  ExpectSpreadOver(4);
  EXPECT_EQ(evconnlistener_set_loops(listener_, 2), 0);
  const std::vector<int> two = ConnectTogether(2);
  ExpectSpreadOver(2);
  EXPECT_EQ(evconnlistener_set_loops(listener_, 1), 0);
  const std::vector<int> one = ConnectTogether(1);
  const std::vector<int> another = ConnectTogether(1);
  ExpectSpreadOver(1);
  for (const auto& clients : {four, two, one, another}) EchoAndClose(clients);
  WaitUntilAllAreGone();
  evconnlistener_free(listener_);
}

TEST_F(ListenerLoopsTest, NumbersOutOfRangeAreRefused) {
  Listen();
  for (const int loops : {0, -1, 257}) {
    errno = 0;
    EXPECT_EQ(evconnlistener_set_loops(listener_, loops), -1);
    EXPECT_EQ(errno, EINVAL);
  }
  evconnlistener_free(listener_);
}

TEST_F(ListenerLoopsTest, ShortageOfDescriptorsChangesNothing) {
  Listen();
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int next = dup(0);
  close(next);
  const rlimit few = {.rlim_cur = static_cast<rlim_t>(next) + 4, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  errno = 0;
  EXPECT_EQ(evconnlistener_set_loops(listener_, 40), -1);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(evconnlistener_set_loops(listener_, 2), 0);
  const std::vector<int> clients = ConnectTogether(2);
  ExpectSpreadOver(2);
  EchoAndClose(clients);
  WaitUntilAllAreGone();
  evconnlistener_free(listener_);
}

TEST_F(ListenerLoopsTest, ConnectionsSpreadAndOutliveTheListener) {
  Listen();
  const std::vector<int> clients = ConnectTogether(3);
  ExpectSpreadOver(3);
  evconnlistener_free(listener_);
  EchoAndClose(clients);
  WaitUntilAllAreGone();
}

}  // namespace
