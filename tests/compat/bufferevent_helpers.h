#ifndef SPINDLE_TESTS_COMPAT_BUFFEREVENT_HELPERS_H_
#define SPINDLE_TESTS_COMPAT_BUFFEREVENT_HELPERS_H_

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

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

inline std::string Take(evbuffer* buffer) {
  std::string text(evbuffer_get_length(buffer), '\0');
  evbuffer_remove(buffer, text.data(), text.size());
  return text;
}

inline bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

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

#endif  // SPINDLE_TESTS_COMPAT_BUFFEREVENT_HELPERS_H_
