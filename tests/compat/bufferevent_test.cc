// Bufferevents on sockets.

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/compat/bufferevent_helpers.h"

namespace {

TEST_F(BuffereventTest, OnlyWritingIsEnabledAtFirst) {
  bufferevent* bev = Connected();
  EXPECT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
  EXPECT_EQ(bufferevent_get_base(bev), base_.get());
  EXPECT_EQ(bufferevent_get_underlying(bev), nullptr);
  Log log;
  log.Watch(bev);
  Send("unread");
  Turn();
  EXPECT_EQ(log.order, "");
  bufferevent_enable(bev, EV_READ);
  Turn();
  EXPECT_EQ(log.order, "r");
  EXPECT_EQ(Take(bufferevent_get_input(bev)), "unread");
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, WritesLeaveFromTheLoop) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  EXPECT_EQ(bufferevent_write(bev, "one ", 4), 0);
  EXPECT_EQ(bufferevent_write(bev, "two", 3), 0);
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_output(bev)), 7u);
  EXPECT_EQ(Received(), "");
  EXPECT_EQ(log.writes, 0);
  Turn();
  EXPECT_EQ(Received(), "one two");
  EXPECT_EQ(log.writes, 1);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, EnablingWritesReportsAnIdleSocketOnce) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  bufferevent_enable(bev, EV_WRITE);
  Turn();
  EXPECT_EQ(log.order, "w");
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, WhatASocketDoesNotTakeFollowsLater) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  const std::string text(1 << 20, 'b');
  bufferevent_write(bev, text.data(), text.size());
  Turn();
  EXPECT_GT(evbuffer_get_length(bufferevent_get_output(bev)), 0u);
  EXPECT_EQ(log.writes, 0);
  size_t received = 0;
  RunUntil([&] {
    for (size_t n = 1; n > 0; received += n) n = Received().size();
    return log.writes == 1;
  });
  while (received < text.size()) received += Received().size();
  EXPECT_EQ(received, text.size());
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, BuffersAreFrozenWhereTheSocketIs) {
  bufferevent* bev = Connected();
  bufferevent_write(bev, "x", 1);
  EXPECT_EQ(evbuffer_add(bufferevent_get_input(bev), "x", 1), -1);
  EXPECT_EQ(evbuffer_drain(bufferevent_get_output(bev), 1), -1);
  EXPECT_EQ(evbuffer_prepend(bufferevent_get_output(bev), "x", 1), -1);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, TheEndOfThePeerIsAnEvent) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  bufferevent_enable(bev, EV_READ);
  Send("last");
  shutdown(peer_, SHUT_WR);
  Turn();
  EXPECT_EQ(log.order, "re");
  EXPECT_EQ(log.events, BEV_EVENT_EOF | BEV_EVENT_READING);
  EXPECT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, ABrokenPipeStopsWriting) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  close(peers_.back());
  peers_.pop_back();
  bufferevent_write(bev, "x", 1);
  Turn();
  EXPECT_EQ(log.events, BEV_EVENT_ERROR | BEV_EVENT_WRITING);
  EXPECT_EQ(log.error, EPIPE);
  EXPECT_EQ(bufferevent_get_enabled(bev), 0);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, TheLowMarkHoldsTheReadCallback) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  bufferevent_setwatermark(bev, EV_READ, 5, 0);
  bufferevent_enable(bev, EV_READ);
  Send("1234");
  Turn();
  EXPECT_EQ(log.reads, 0);
  Send("5");
  Turn();
  EXPECT_EQ(log.reads, 1);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, TheHighMarkSuspendsReadingUntilADrain) {
  bufferevent* bev = Connected();
  bufferevent_setwatermark(bev, EV_READ, 0, 10);
  bufferevent_enable(bev, EV_READ);
  Send(std::string(25, 'h'));
  Turn();
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 10u);
  EXPECT_EQ(event_pending(&bev->ev_read, EV_READ, nullptr), 0);
  evbuffer_drain(bufferevent_get_input(bev), 4);
  EXPECT_NE(event_pending(&bev->ev_read, EV_READ, nullptr), 0);
  Turn();
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 10u);
  evbuffer_drain(bufferevent_get_input(bev), 10);
  Turn();
  EXPECT_EQ(evbuffer_get_length(bufferevent_get_input(bev)), 10u);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, TheWriteCallbackComesAtTheLowMark) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  bufferevent_setwatermark(bev, EV_WRITE, 100, 0);
  bufferevent_disable(bev, EV_WRITE);
  bufferevent_write(bev, "waits", 5);
  Turn();
  EXPECT_EQ(log.writes, 0);
  bufferevent_trigger(bev, EV_WRITE, 0);
  EXPECT_EQ(log.writes, 1);
  bufferevent_setwatermark(bev, EV_WRITE, 4, 0);
  bufferevent_trigger(bev, EV_WRITE, 0);
  EXPECT_EQ(log.writes, 1);
  bufferevent_trigger(bev, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS);
  EXPECT_EQ(log.writes, 2);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, ATimeoutDisablesItsDirection) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  const timeval soon = {0, 1000};
  bufferevent_set_timeouts(bev, &soon, nullptr);
  bufferevent_enable(bev, EV_READ);
  RunUntil([&] { return log.events != 0; });
  EXPECT_EQ(log.events, BEV_EVENT_TIMEOUT | BEV_EVENT_READING);
  EXPECT_EQ(bufferevent_get_enabled(bev), EV_WRITE);
  log.events = 0;
  bufferevent_set_timeouts(bev, nullptr, &soon);
  const std::string text(1 << 20, 't');
  bufferevent_write(bev, text.data(), text.size());
  RunUntil([&] { return log.events != 0; });
  EXPECT_EQ(log.events, BEV_EVENT_TIMEOUT | BEV_EVENT_WRITING);
  EXPECT_EQ(bufferevent_get_enabled(bev), 0);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, TheDescriptorIsClosedInTheLoop) {
  bufferevent* bev = Connected();
  const int fd = bufferevent_getfd(bev);
  bufferevent_free(bev);
  EXPECT_TRUE(IsOpen(fd));
  Turn();
  EXPECT_FALSE(IsOpen(fd));
}

TEST_F(BuffereventTest, WithoutTheOptionTheDescriptorStays) {
  bufferevent* bev = Connected(0);
  const int fd = bufferevent_getfd(bev);
  bufferevent_free(bev);
  Turn();
  EXPECT_TRUE(IsOpen(fd));
  close(fd);
}

TEST_F(BuffereventTest, AReferenceKeepsIt) {
  bufferevent* bev = Connected();
  const int fd = bufferevent_getfd(bev);
  bufferevent_incref(bev);
  bufferevent_free(bev);
  Turn();
  EXPECT_TRUE(IsOpen(fd));
  EXPECT_EQ(bufferevent_decref(bev), 1);
  Turn();
  EXPECT_FALSE(IsOpen(fd));
}

TEST_F(BuffereventTest, ItMayBeFreedInItsCallback) {
  bufferevent* bev = Connected();
  bufferevent_setcb(
      bev, [](bufferevent* own, void*) { bufferevent_free(own); }, nullptr, nullptr, nullptr);
  bufferevent_enable(bev, EV_READ);
  const int fd = bufferevent_getfd(bev);
  Send("x");
  Turn();
  EXPECT_FALSE(IsOpen(fd));
}

TEST_F(BuffereventTest, DeferredCallbacksAreMerged) {
  bufferevent* bev = Connected(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
  Log log;
  log.Watch(bev);
  errno = ENOENT;
  bufferevent_trigger_event(bev, BEV_EVENT_ERROR, 0);
  bufferevent_trigger(bev, EV_WRITE, 0);
  bufferevent_trigger(bev, EV_READ, 0);
  bufferevent_trigger(bev, EV_READ, 0);
  bufferevent_trigger_event(bev, BEV_EVENT_CONNECTED, 0);
  bufferevent_trigger_event(bev, BEV_EVENT_TIMEOUT, 0);
  EXPECT_EQ(log.order, "");
  errno = 0;
  Turn();
  EXPECT_EQ(log.order, "crwe");
  EXPECT_EQ(log.error, ENOENT);
  EXPECT_EQ(log.events, BEV_EVENT_CONNECTED | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, CallbacksCanBeAskedFor) {
  bufferevent* bev = Connected();
  Log log;
  log.Watch(bev);
  bufferevent_data_cb readcb = nullptr;
  bufferevent_data_cb writecb = nullptr;
  bufferevent_event_cb eventcb = nullptr;
  void* arg = nullptr;
  bufferevent_getcb(bev, &readcb, &writecb, &eventcb, &arg);
  EXPECT_EQ(readcb, &Log::OnRead);
  EXPECT_EQ(writecb, &Log::OnWrite);
  EXPECT_EQ(eventcb, &Log::OnEvent);
  EXPECT_EQ(arg, &log);
  bufferevent_getcb(bev, nullptr, nullptr, nullptr, nullptr);
  bufferevent_free(bev);
}

TEST_F(BuffereventTest, UnlockedCallbacksMustBeDeferred) {
  EXPECT_EQ(bufferevent_socket_new(base_.get(), -1, BEV_OPT_UNLOCK_CALLBACKS), nullptr);
}

TEST_F(BuffereventTest, ADescriptorCanBeGivenLater) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  bufferevent* bev = bufferevent_socket_new(base_.get(), -1, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_enable(bev, EV_READ);
  bufferevent_write(bev, "early", 5);
  Turn();
  EXPECT_EQ(bufferevent_getfd(bev), -1);
  EXPECT_EQ(bufferevent_setfd(bev, fds[0]), 0);
  peer_ = fds[1];
  peers_.push_back(peer_);
  Turn();
  EXPECT_EQ(Received(), "early");
  bufferevent_free(bev);
}

class ConnectTest : public BuffereventTest {
 protected:
  ConnectTest() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    peers_.push_back(listener_);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    EXPECT_EQ(bind(listener_, Address(), size), 0);
    EXPECT_EQ(getsockname(listener_, Address(), &size), 0);
  }

  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }

  int Connect(bufferevent* bev) {
    return bufferevent_socket_connect(bev, Address(), sizeof(address_));
  }

  bufferevent* New() { return bufferevent_socket_new(base_.get(), -1, BEV_OPT_CLOSE_ON_FREE); }

  int listener_;
  sockaddr_in address_ = {};
};

TEST_F(ConnectTest, ARefusalIsReportedFromTheLoop) {
  bufferevent* bev = New();
  Log log;
  log.Watch(bev);
  bufferevent_enable(bev, EV_READ);
  EXPECT_EQ(Connect(bev), 0);  // nobody listens
  EXPECT_EQ(log.order, "");
  RunUntil([&] { return log.events != 0; });
  EXPECT_EQ(log.order, "e");
  EXPECT_EQ(log.events, BEV_EVENT_ERROR);
  EXPECT_EQ(log.error, ECONNREFUSED);
  bufferevent_free(bev);
}

TEST_F(ConnectTest, SuccessIsReportedBeforeWhatWaited) {
  ASSERT_EQ(listen(listener_, 4), 0);
  bufferevent* bev = New();
  Log log;
  log.Watch(bev);
  bufferevent_write(bev, "early", 5);
  EXPECT_EQ(Connect(bev), 0);
  EXPECT_EQ(log.order, "");
  RunUntil([&] { return log.writes != 0; });
  EXPECT_EQ(log.order, "cw");
  bufferevent_free(bev);
}

TEST_F(ConnectTest, SuccessAloneIsNoWriteCallback) {
  ASSERT_EQ(listen(listener_, 4), 0);
  bufferevent* bev = New();
  Log log;
  log.Watch(bev);
  EXPECT_EQ(Connect(bev), 0);
  RunUntil([&] { return log.events != 0; });
  Turn();
  EXPECT_EQ(log.order, "c");
  bufferevent_free(bev);
}

TEST_F(ConnectTest, NoAddressAndNoDescriptorFails) {
  bufferevent* bev = New();
  EXPECT_EQ(bufferevent_socket_connect(bev, nullptr, 0), -1);
  sockaddr_in nonsense = {};
  nonsense.sin_family = 77;
  EXPECT_EQ(
      bufferevent_socket_connect(bev, reinterpret_cast<sockaddr*>(&nonsense), sizeof(nonsense)),
      -1);
  bufferevent_free(bev);
}

TEST_F(ConnectTest, NamesAreLookedUpAtOnceWithoutDns) {
  ASSERT_EQ(listen(listener_, 4), 0);
  bufferevent* bev = New();
  Log log;
  log.Watch(bev);
  EXPECT_EQ(bufferevent_socket_connect_hostname(bev, nullptr, 99, "127.0.0.1", 80), -1);
  EXPECT_EQ(bufferevent_socket_connect_hostname(bev, nullptr, AF_INET, "127.0.0.1", 0), -1);
  EXPECT_EQ(bufferevent_socket_connect_hostname(bev, nullptr, AF_INET, "no..such", 80), 0);
  EXPECT_EQ(log.events, BEV_EVENT_ERROR);
  EXPECT_NE(bufferevent_socket_get_dns_error(bev), 0);
  log.events = 0;
  EXPECT_EQ(bufferevent_socket_connect_hostname(bev, nullptr, AF_INET, "127.0.0.1",
                                                ntohs(address_.sin_port)),
            0);
  RunUntil([&] { return log.events != 0; });
  EXPECT_EQ(log.events, BEV_EVENT_CONNECTED);
  EXPECT_EQ(bufferevent_socket_get_dns_error(bev), 0);
  bufferevent_free(bev);
}

}  // namespace
