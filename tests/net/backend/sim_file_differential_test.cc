// eventfd and timerfd, simulated and real: the same calls, the same results.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

void Write(SyscallScript& s, const char* name, uint64_t value) {
  s.Log("write " + std::string(name), s.syscalls().Write(s.fd(name), &value, sizeof value));
}

void Read(SyscallScript& s, const char* name) {
  uint64_t value = 0;
  s.Log("read " + std::string(name), s.syscalls().Read(s.fd(name), &value, sizeof value));
  s.Log("value", static_cast<int64_t>(value & 0xffff));
}

TEST(SimFileDifferentialTest, EventFdCountsAndRings) {
  for (const uint32_t mode : {uint32_t{0}, uint32_t{EPOLLET}, uint32_t{EPOLLONESHOT}}) {
    ExpectSameOnBoth(SocketFamily::kInet, [mode](SyscallScript& s) {
      s.Adopt("e", s.syscalls().EventFd());
      s.Epoll();
      s.Add("e", EPOLLIN | EPOLLOUT | mode);
      s.Events();
      Read(s, "e");
      Write(s, "e", 1);
      s.Events();
      s.Events();
      Write(s, "e", 2);
      s.Events();
      Read(s, "e");
      s.Events();
      Write(s, "e", 0);
      s.Events();
      Write(s, "e", UINT64_MAX);
      Write(s, "e", UINT64_MAX - 1);
      s.Events();
      Write(s, "e", 1);
      Read(s, "e");
      s.Events();
      char small[4] = {};
      s.Log("short read", s.syscalls().Read(s.fd("e"), small, sizeof small));
      s.Log("short write", s.syscalls().Write(s.fd("e"), small, sizeof small));
      s.Recv("e");
      s.Send("e", "x");
    });
  }
}

TEST(SimFileDifferentialTest, TimerFdRingsOnceAndClearsWhenSet_T5) {
  for (const uint32_t mode : {uint32_t{0}, uint32_t{EPOLLET}}) {
    ExpectSameOnBoth(SocketFamily::kInet, [mode](SyscallScript& s) {
      Syscalls& sys = s.syscalls();
      s.Adopt("t", sys.TimerFd());
      s.Epoll();
      s.Add("t", EPOLLIN | mode);
      s.Events();
      Read(s, "t");
      const auto set = [&](TimePoint when) { s.Log("set", sys.TimerFdSet(s.fd("t"), when)); };
      const auto past = [&] { set(sys.Now() - std::chrono::seconds(1)); };
      const auto future = [&] { set(sys.Now() + std::chrono::hours(1)); };
      past();
      s.Events();
      s.Events();
      Read(s, "t");
      s.Events();
      past();
      s.Events();
      future();
      s.Events();
      past();
      past();
      s.Events();
      set(kNever);
      s.Events();
      set(TimePoint());
      s.Events();
      Read(s, "t");
      Read(s, "t");
      Write(s, "t", 1);
      char small[4] = {};
      s.Log("short read", sys.Read(s.fd("t"), small, sizeof small));
      s.Log("no timer", sys.TimerFdSet(s.fd("ep"), kNever));
      s.Log("no file", sys.TimerFdSet(-1, kNever));
    });
  }
}

}  // namespace
}  // namespace spindle
