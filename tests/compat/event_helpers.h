#ifndef SPINDLE_TESTS_COMPAT_EVENT_HELPERS_H_
#define SPINDLE_TESTS_COMPAT_EVENT_HELPERS_H_

// What the tests of loops and events share. Nothing of net/: they run on libevent, too.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace spindle::compat_test {

// A base, freed at the end.
class Base {
 public:
  explicit Base(const event_config* config) : base_(event_base_new_with_config(config)) {}
  Base() : base_(event_base_new()) {}
  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;
  ~Base() { event_base_free(base_); }

  operator event_base*() const { return base_; }  // For the C functions.

 private:
  event_base* const base_;
};

// An event whose callback is a function object, freed at the end.
class Event {
 public:
  using Callback = std::function<void(short events)>;

  Event(event_base* base, int fd, short events, Callback callback)
      : callback_(std::move(callback)), event_(event_new(base, fd, events, &Call, this)) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (event_ != nullptr) event_free(event_);
  }

  operator event*() const { return event_; }
  event* get() const { return event_; }
  // Somebody else frees it.
  event* release() { return std::exchange(event_, nullptr); }

 private:
  static void Call(evutil_socket_t, short events, void* self) {
    static_cast<Event*>(self)->callback_(events);
  }

  Callback callback_;
  event* event_;
};

constexpr timeval Milliseconds(long count) {
  return {.tv_sec = count / 1000, .tv_usec = count % 1000 * 1000};
}

inline int AddTimeout(event* ev, long milliseconds) {
  const timeval timeout = Milliseconds(milliseconds);
  return event_add(ev, &timeout);
}

// Two connected descriptors, closed at the end.
class Pair {
 public:
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    CloseOne(0);
    CloseOne(1);
  }

  int operator[](int index) const { return fds_[index]; }

  void CloseOne(int index) {
    if (fds_[index] >= 0) close(fds_[index]);
    fds_[index] = -1;
  }
  // Sends a byte from one end.
  void Send(int index) const { EXPECT_EQ(write(fds_[index], "x", 1), 1); }
  // Takes all bytes at one end; returns how many.
  int Drain(int index) const {
    char bytes[256];
    int count = 0;
    while (true) {
      const ssize_t got = read(fds_[index], bytes, sizeof bytes);
      if (got <= 0) return count;
      count += static_cast<int>(got);
    }
  }

 private:
  int fds_[2] = {-1, -1};
};

// What the library logs, instead of stderr, while this is alive. One at a time.
class LogCapture {
 public:
  LogCapture() {
    lines().clear();
    event_set_log_callback([](int severity, const char* line) {
      lines().push_back(std::to_string(severity) + " " + line);
    });
  }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture() { event_set_log_callback(nullptr); }

  static std::vector<std::string>& lines() {
    static std::vector<std::string> lines;
    return lines;
  }
};

}  // namespace spindle::compat_test

#endif  // SPINDLE_TESTS_COMPAT_EVENT_HELPERS_H_
