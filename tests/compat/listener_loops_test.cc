// SPINDLE_LISTENER_LOOPS: the connections of one listener on several loops.

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
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

TEST(ListenerLoopsTest, ConnectionsSpreadAndOutliveTheListener) {
  setenv("SPINDLE_LISTENER_LOOPS", "3", 1);
  event_base* base = event_base_new();
  Server server;
  server.together = 3;
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  evconnlistener* listener = evconnlistener_new_bind(
      base, Server::OnAccept, &server, LEV_OPT_CLOSE_ON_FREE, -1, generic, sizeof(address));
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(evconnlistener_get_base(listener), base);
  socklen_t size = sizeof(address);
  ASSERT_EQ(getsockname(evconnlistener_get_fd(listener), generic, &size), 0);
  std::vector<int> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Connect(address));
  while (server.open < 3) event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
  {
    MutexLock lock(server.mutex);
    EXPECT_EQ(server.bases.size(), 3u);
    EXPECT_EQ(server.threads.size(), 3u);
    EXPECT_TRUE(server.bases.contains(base));
  }
  evconnlistener_free(listener);
  for (const int fd : clients) {
    char byte = 'e';
    EXPECT_EQ(write(fd, &byte, 1), 1);
    while (recv(fd, &byte, 1, MSG_DONTWAIT) != 1) {
      event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    close(fd);
  }
  while (server.open > 0) event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
  event_base_free(base);
}

}  // namespace
