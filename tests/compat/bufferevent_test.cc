#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Free {
  void operator()(event_base* base) const { event_base_free(base); }
};

// What the callbacks of one bufferevent saw.
struct Log {
  int reads = 0;
  int writes = 0;
  short events = 0;
  int error = 0;
  std::string order;

  static void OnRead(bufferevent*, void* arg) {
    auto* log = static_cast<Log*>(arg);
    ++log->reads;
    log->order += 'r';
  }
  static void OnWrite(bufferevent*, void* arg) {
    auto* log = static_cast<Log*>(arg);
    ++log->writes;
    log->order += 'w';
  }
  static void OnEvent(bufferevent*, short what, void* arg) {
    auto* log = static_cast<Log*>(arg);
    log->error = errno;
    log->events |= what;
    log->order += (what & BEV_EVENT_CONNECTED) != 0 ? 'c' : 'e';
  }
  void Watch(bufferevent* bev) { bufferevent_setcb(bev, OnRead, OnWrite, OnEvent, this); }
};

std::string Take(evbuffer* buffer) {
  std::string text(evbuffer_get_length(buffer), '\0');
  evbuffer_remove(buffer, text.data(), text.size());
  return text;
}

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

class BuffereventTest : public testing::Test {
 protected:
  BuffereventTest() {
    std::signal(SIGPIPE, SIG_IGN);
    base_.reset(event_base_new());
  }
  ~BuffereventTest() override {
    for (const int fd : peers_) close(fd);
  }

  // Some passes of the loop that do not wait.
  void Turn(int passes = 4) {
    for (int i = 0; i < passes; ++i) event_base_loop(base_.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK);
  }

  // Turns the loop until `done`.
  template <typename Condition>
  void RunUntil(Condition done) {
    while (!done()) event_base_loop(base_.get(), EVLOOP_ONCE);
  }

  // A bufferevent on a socket, and in `peer_` the other end.
  bufferevent* Connected(int options = BEV_OPT_CLOSE_ON_FREE) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    peer_ = fds[1];
    peers_.push_back(peer_);
    return bufferevent_socket_new(base_.get(), fds[0], options);
  }

  void Send(const std::string& text) {
    EXPECT_EQ(write(peer_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::string Received() {
    char block[65536];
    const ssize_t n = read(peer_, block, sizeof(block));
    return n > 0 ? std::string(block, static_cast<size_t>(n)) : "";
  }

  std::unique_ptr<event_base, Free> base_;
  int peer_ = -1;
  std::vector<int> peers_;
};

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

class PairTest : public BuffereventTest {
 protected:
  PairTest() { EXPECT_EQ(bufferevent_pair_new(base_.get(), 0, pair_), 0); }
  ~PairTest() override {
    for (bufferevent* bev : pair_) {
      if (bev != nullptr) bufferevent_free(bev);
    }
    Turn();
  }
  bufferevent* pair_[2];
};

TEST_F(PairTest, DataWaitsForAReader) {
  Log log;
  log.Watch(pair_[1]);
  bufferevent_write(pair_[0], "hello", 5);
  Turn();
  EXPECT_EQ(log.order, "");
  bufferevent_enable(pair_[1], EV_READ);
  EXPECT_EQ(log.order, "");  // deferred
  Turn();
  EXPECT_EQ(log.order, "r");
  EXPECT_EQ(Take(bufferevent_get_input(pair_[1])), "hello");
}

TEST_F(PairTest, AFlushReportsTheEndToTheOtherSide) {
  Log log;
  log.Watch(pair_[1]);
  EXPECT_EQ(bufferevent_flush(pair_[0], EV_WRITE, BEV_NORMAL), 0);
  EXPECT_EQ(bufferevent_flush(pair_[0], EV_WRITE, BEV_FINISHED), 0);
  Turn();
  EXPECT_EQ(log.events, BEV_EVENT_EOF | BEV_EVENT_READING);
}

TEST_F(PairTest, ALostPartnerIsKnown) {
  EXPECT_EQ(bufferevent_pair_get_partner(pair_[0]), pair_[1]);
  bufferevent_free(pair_[1]);
  pair_[1] = nullptr;
  EXPECT_EQ(bufferevent_pair_get_partner(pair_[0]), nullptr);
  EXPECT_EQ(bufferevent_flush(pair_[0], EV_WRITE, BEV_FINISHED), -1);
  EXPECT_EQ(bufferevent_write(pair_[0], "x", 1), 0);
}

TEST_F(PairTest, ItHasNoDescriptor) {
  EXPECT_EQ(bufferevent_getfd(pair_[0]), -1);
  EXPECT_EQ(bufferevent_setfd(pair_[0], 0), -1);
  EXPECT_EQ(bufferevent_priority_set(pair_[0], 0), -1);
  EXPECT_EQ(bufferevent_base_set(base_.get(), pair_[0]), -1);
}

// Turns letters into their neighbours.
bufferevent_filter_result Shift(evbuffer* from, evbuffer* to, ev_ssize_t, bufferevent_flush_mode,
                                void* by) {
  std::string text = Take(from);
  if (text.empty()) return BEV_NEED_MORE;
  for (char& c : text) c = static_cast<char>(c + *static_cast<int*>(by));
  evbuffer_add(to, text.data(), text.size());
  return BEV_OK;
}

TEST_F(BuffereventTest, AFilterChangesBothWays) {
  static int freed;
  freed = 0;
  int by = 1;
  bufferevent* socket = Connected();
  bufferevent* filter = bufferevent_filter_new(
      socket, Shift, Shift, BEV_OPT_CLOSE_ON_FREE, [](void*) { ++freed; }, &by);
  ASSERT_NE(filter, nullptr);
  Log log;
  log.Watch(filter);
  EXPECT_EQ(bufferevent_get_underlying(filter), socket);
  EXPECT_EQ(bufferevent_getfd(filter), bufferevent_getfd(socket));
  bufferevent_enable(filter, EV_READ);
  bufferevent_write(filter, "abc", 3);
  Turn();
  EXPECT_EQ(Received(), "bcd");
  Send("xyz");
  Turn();
  EXPECT_EQ(Take(bufferevent_get_input(filter)), "yz{");
  shutdown(peer_, SHUT_WR);
  Turn();
  EXPECT_EQ(log.events, BEV_EVENT_EOF | BEV_EVENT_READING);
  const int fd = bufferevent_getfd(socket);
  bufferevent_free(filter);
  Turn();
  EXPECT_EQ(freed, 1);
  EXPECT_FALSE(IsOpen(fd));
}

TEST_F(BuffereventTest, WithoutFunctionsAFilterPassesOn) {
  bufferevent* socket = Connected();
  bufferevent* filter = bufferevent_filter_new(socket, nullptr, nullptr, 0, nullptr, nullptr);
  bufferevent_enable(filter, EV_READ);
  bufferevent_write(filter, "through", 7);
  Send("back");
  Turn();
  EXPECT_EQ(Received(), "through");
  EXPECT_EQ(Take(bufferevent_get_input(filter)), "back");
  bufferevent_free(filter);
  Turn();
  EXPECT_TRUE(IsOpen(bufferevent_getfd(socket)));
  bufferevent_free(socket);
}

TEST_F(BuffereventTest, ARateLimitHoldsReadingUntilTheNextTick) {
  const timeval tick = {0, 20000};
  ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(100, 200, 100, 200, &tick);
  ASSERT_NE(cfg, nullptr);
  EXPECT_EQ(ev_token_bucket_cfg_new(10, 5, 1, 1, nullptr), nullptr);
  EXPECT_EQ(ev_token_bucket_cfg_new(0, 5, 1, 1, nullptr), nullptr);
  bufferevent* bev = Connected();
  EXPECT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
  EXPECT_EQ(bufferevent_set_rate_limit(bev, cfg), 0);
  EXPECT_EQ(bufferevent_get_token_bucket_cfg(bev), cfg);
  bufferevent_enable(bev, EV_READ);
  Send(std::string(1000, 'r'));
  // Never more than the burst at once, and in the end all of it.
  evbuffer* input = bufferevent_get_input(bev);
  size_t before = 0;
  size_t most = 0;
  while (evbuffer_get_length(input) < 1000) {
    event_base_loop(base_.get(), EVLOOP_ONCE);
    most = std::max(most, evbuffer_get_length(input) - before);
    before = evbuffer_get_length(input);
  }
  EXPECT_LE(most, 200u);
  EXPECT_EQ(bufferevent_set_rate_limit(bev, nullptr), 0);
  EXPECT_EQ(bufferevent_get_read_limit(bev), EV_SSIZE_MAX);
  bufferevent_free(bev);
  Turn();
  ev_token_bucket_cfg_free(cfg);
}

TEST_F(BuffereventTest, AGroupSharesItsLimit) {
  const timeval tick = {10000, 0};
  ev_token_bucket_cfg* cfg = ev_token_bucket_cfg_new(100, 100, 100, 100, &tick);
  bufferevent_rate_limit_group* group = bufferevent_rate_limit_group_new(base_.get(), cfg);
  ASSERT_NE(group, nullptr);
  bufferevent* bevs[2];
  for (bufferevent*& bev : bevs) {
    bev = Connected();
    EXPECT_EQ(bufferevent_add_to_rate_limit_group(bev, group), 0);
    bufferevent_enable(bev, EV_READ);
    Send(std::string(1000, 'g'));
  }
  Turn(20);
  const size_t read = evbuffer_get_length(bufferevent_get_input(bevs[0])) +
                      evbuffer_get_length(bufferevent_get_input(bevs[1]));
  EXPECT_GE(read, 100u);
  EXPECT_LE(read, 200u);
  ev_uint64_t total_read = 0;
  ev_uint64_t total_written = 0;
  bufferevent_rate_limit_group_get_totals(group, &total_read, &total_written);
  EXPECT_EQ(total_read, read);
  EXPECT_LE(bufferevent_rate_limit_group_get_read_limit(group), 0);
  EXPECT_EQ(bufferevent_rate_limit_group_decrement_read(group, -1000), 0);
  Turn(20);
  EXPECT_GT(evbuffer_get_length(bufferevent_get_input(bevs[0])) +
                evbuffer_get_length(bufferevent_get_input(bevs[1])),
            read);
  for (bufferevent* bev : bevs) {
    EXPECT_EQ(bufferevent_remove_from_rate_limit_group(bev), 0);
    bufferevent_free(bev);
  }
  Turn();
  bufferevent_rate_limit_group_free(group);
  ev_token_bucket_cfg_free(cfg);
}

TEST(BuffereventThreadTest, AnyThreadMayWriteAndFree) {
  ASSERT_EQ(evthread_use_pthreads(), 0);
  std::unique_ptr<event_base, Free> base(event_base_new());
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  evutil_make_socket_nonblocking(fds[0]);
  bufferevent* bev =
      bufferevent_socket_new(base.get(), fds[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
  bufferevent_enable(bev, EV_READ);
  std::thread loop([&] { event_base_loop(base.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
  constexpr int kWriters = 3;
  constexpr size_t kRounds = 500;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&] {
      for (size_t round = 0; round < kRounds; ++round) bufferevent_write(bev, "0123456789", 10);
    });
  }
  size_t received = 0;
  char block[4096];
  while (received < kWriters * kRounds * 10) {
    const ssize_t n = read(fds[1], block, sizeof(block));
    ASSERT_GT(n, 0);
    received += static_cast<size_t>(n);
  }
  for (std::thread& writer : writers) writer.join();
  bufferevent_free(bev);
  EXPECT_EQ(read(fds[1], block, sizeof(block)), 0);  // closed by the loop
  event_base_loopbreak(base.get());
  loop.join();
  close(fds[1]);
}

}  // namespace
