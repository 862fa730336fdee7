#include "tests/net/backend/syscall_script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <utility>

#include "gtest/gtest.h"
#include "net/backend/sim_kernel.h"

namespace spindle {
namespace {

constexpr int kMostEvents = 64;

std::string Join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : " ") + part;
  return joined.empty() ? "-" : joined;
}

// Some machines have no IPv6 loopback; there is nothing to compare with then.
bool MachineHas(SocketFamily family) {
  if (family != SocketFamily::kInet6) return true;
  Syscalls& real = Syscalls::Real();
  const int fd = real.Socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return false;
  sockaddr_in6 in = {};
  in.sin6_family = AF_INET6;
  in.sin6_addr = in6addr_loopback;
  const int result = real.Bind(fd, reinterpret_cast<const sockaddr*>(&in), sizeof in);
  real.Close(fd);
  return result == 0;
}

}  // namespace

const char* NameOf(SocketFamily family) {
  switch (family) {
    case SocketFamily::kInet:
      return "Inet";
    case SocketFamily::kInet6:
      return "Inet6";
    case SocketFamily::kUnix:
      return "Unix";
  }
  return "?";
}

SyscallScript::SyscallScript(Syscalls& syscalls, SocketFamily family, std::function<void()> settle)
    : syscalls_(syscalls), family_(family), settle_(std::move(settle)) {}

SyscallScript::~SyscallScript() {
  for (const auto& [name, fd] : fds_) {
    if (fd >= 0) syscalls_.Close(fd);
  }
}

int SyscallScript::fd(std::string_view name) const {
  const auto found = fds_.find(name);
  return found == fds_.end() ? -1 : found->second;
}

std::string SyscallScript::ErrnoName(int error) {
  const char* const name = strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

std::string SyscallScript::EventNames(uint32_t events) {
  std::string names;
  const auto add = [&](uint32_t bit, const char* name) {
    if (events & bit) names += (names.empty() ? "" : "|") + std::string(name);
    events &= ~bit;
  };
  add(EPOLLIN, "IN");
  add(EPOLLOUT, "OUT");
  add(EPOLLRDHUP, "RDHUP");
  add(EPOLLHUP, "HUP");
  add(EPOLLERR, "ERR");
  if (events != 0) names += "|" + std::to_string(events);
  return names;
}

void SyscallScript::LogResult(std::string_view what, int64_t result) {
  std::string line(what);
  line += " = ";
  line += result < 0 ? ErrnoName(static_cast<int>(-result)) : std::to_string(result);
  log_.push_back(std::move(line));
}

void SyscallScript::Settle() {
  if (settle_) settle_();
}

SyscallScript::Address SyscallScript::Fresh() {
  Address address;
  if (family_ == SocketFamily::kInet) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.length = sizeof *in;
  } else if (family_ == SocketFamily::kInet6) {
    auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage);
    in->sin6_family = AF_INET6;
    in->sin6_addr = in6addr_loopback;
    address.length = sizeof *in;
  } else {
    static std::atomic<int> last{0};
    auto* un = reinterpret_cast<sockaddr_un*>(&address.storage);
    un->sun_family = AF_UNIX;
    const std::string name =
        "spindle-test-" + std::to_string(::getpid()) + "-" + std::to_string(++last);
    std::memcpy(un->sun_path + 1, name.data(), name.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  return address;
}

SyscallScript::Address SyscallScript::NameOfSocket(std::string_view name) {
  Address address;
  address.length = sizeof address.storage;
  const int result = syscalls_.GetSockName(fd(name), reinterpret_cast<sockaddr*>(&address.storage),
                                           &address.length);
  EXPECT_EQ(0, result) << name;
  return address;
}

int SyscallScript::Socket(std::string_view name) {
  const int domain = family_ == SocketFamily::kInet    ? AF_INET
                     : family_ == SocketFamily::kInet6 ? AF_INET6
                                                       : AF_UNIX;
  const int fd = syscalls_.Socket(domain, SOCK_STREAM, 0);
  EXPECT_GE(fd, 0);
  Adopt(name, fd);
  return fd;
}

int SyscallScript::Bind(std::string_view name) {
  const Address address = Fresh();
  return Log("bind " + std::string(name), syscalls_.Bind(fd(name), address.get(), address.length));
}

int SyscallScript::BindLike(std::string_view name, std::string_view other) {
  const Address address = NameOfSocket(other);
  return Log("bind " + std::string(name) + " like " + std::string(other),
             syscalls_.Bind(fd(name), address.get(), address.length));
}

int SyscallScript::Listen(std::string_view name, int backlog) {
  return Log("listen " + std::string(name), syscalls_.Listen(fd(name), backlog));
}

int SyscallScript::Accept(std::string_view listener, std::string_view accepted) {
  const int result = syscalls_.Accept(fd(listener), nullptr, nullptr);
  if (result >= 0) Adopt(accepted, result);
  Settle();
  Log("accept " + std::string(accepted), std::min(result, 0));
  return result;
}

int SyscallScript::Connect(std::string_view name, std::string_view to) {
  const Address address = NameOfSocket(to);
  const int result = syscalls_.Connect(fd(name), address.get(), address.length);
  Settle();
  return Log("connect " + std::string(name), result);
}

int SyscallScript::Shutdown(std::string_view name, int how) {
  const int result = syscalls_.Shutdown(fd(name), how);
  Settle();
  return Log("shutdown " + std::string(name) + " " + std::to_string(how), result);
}

int SyscallScript::Close(std::string_view name) {
  const int result = syscalls_.Close(fd(name));
  fds_.erase(std::string(name));
  Settle();
  return Log("close " + std::string(name), result);
}

ssize_t SyscallScript::Recv(std::string_view name, size_t length) {
  std::vector<char> data(length + 1);
  const ssize_t result = syscalls_.Recv(fd(name), data.data(), length);
  Settle();
  Log("recv " + std::string(name) + " " + std::to_string(length), result);
  if (result > 0) log_.back() += " \"" + std::string(data.data(), result) + "\"";
  return result;
}

ssize_t SyscallScript::Send(std::string_view name, std::string_view data) {
  const iovec piece = {const_cast<char*>(data.data()), data.size()};
  const ssize_t result = syscalls_.Send(fd(name), std::span(&piece, 1));
  Settle();
  return Log("send " + std::string(name) + " " + std::to_string(data.size()), result);
}

int SyscallScript::SetInt(std::string_view name, int level, int option, int value) {
  return Log("setsockopt " + std::string(name) + " " + std::to_string(level) + "," +
                 std::to_string(option),
             syscalls_.SetSockOpt(fd(name), level, option, &value, sizeof value));
}

int SyscallScript::Linger(std::string_view name, int on, int seconds) {
  const linger value = {on, seconds};
  return Log("linger " + std::string(name),
             syscalls_.SetSockOpt(fd(name), SOL_SOCKET, SO_LINGER, &value, sizeof value));
}

int SyscallScript::GetInt(std::string_view name, int level, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  const int result = syscalls_.GetSockOpt(fd(name), level, option, &value, &length);
  Log("getsockopt " + std::string(name) + " " + std::to_string(level) + "," +
          std::to_string(option),
      result);
  if (result == 0) {
    log_.back() += " value " + (level == SOL_SOCKET && option == SO_ERROR && value != 0
                                    ? ErrnoName(value)
                                    : std::to_string(value));
    log_.back() += " length " + std::to_string(length);
  }
  return value;
}

int SyscallScript::PeerName(std::string_view name) {
  sockaddr_storage storage;
  socklen_t length = sizeof storage;
  return Log("getpeername " + std::string(name),
             syscalls_.GetPeerName(fd(name), reinterpret_cast<sockaddr*>(&storage), &length));
}

std::string SyscallScript::Describe(int result, const Address& address) {
  if (result < 0) return ErrnoName(-result);
  std::string text = std::to_string(address.storage.ss_family) + "/";
  char ip[INET6_ADDRSTRLEN] = "";
  uint16_t port = 0;
  if (address.storage.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address.storage);
    ::inet_ntop(AF_INET, &in.sin_addr, ip, sizeof ip);
    port = in.sin_port;
  } else if (address.storage.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address.storage);
    ::inet_ntop(AF_INET6, &in.sin6_addr, ip, sizeof ip);
    port = in.sin6_port;
  } else {
    const auto& un = reinterpret_cast<const sockaddr_un&>(address.storage);
    if (un.sun_path[0] != '\0') text += un.sun_path;
    // Abstract names have lengths of their own.
    return text +
           (un.sun_path[0] == '\0' && address.length > sizeof(sa_family_t) ? "abstract" : "");
  }
  return text + ip + (port == 0 ? " no port" : " port") + " length " +
         std::to_string(address.length);
}

void SyscallScript::Names(std::string_view name) {
  Address own;
  own.length = sizeof own.storage;
  const int own_result =
      syscalls_.GetSockName(fd(name), reinterpret_cast<sockaddr*>(&own.storage), &own.length);
  Address peer;
  peer.length = sizeof peer.storage;
  const int peer_result =
      syscalls_.GetPeerName(fd(name), reinterpret_cast<sockaddr*>(&peer.storage), &peer.length);
  Note("names " + std::string(name) + " " + Describe(own_result, own) + ", " +
       Describe(peer_result, peer));
}

void SyscallScript::SocketOf(std::string_view name, int domain) {
  const int fd = syscalls_.Socket(domain, SOCK_STREAM, 0);
  EXPECT_GE(fd, 0);
  Adopt(name, fd);
}

int SyscallScript::BindTo(std::string_view name, const void* address, size_t length) {
  return Log("bind " + std::string(name),
             syscalls_.Bind(fd(name), static_cast<const sockaddr*>(address),
                            static_cast<socklen_t>(length)));
}

int SyscallScript::ConnectTo(std::string_view name, const void* address, size_t length) {
  const int result = syscalls_.Connect(fd(name), static_cast<const sockaddr*>(address),
                                       static_cast<socklen_t>(length));
  Settle();
  return Log("connect " + std::string(name), result);
}

uint16_t SyscallScript::PortOf(std::string_view name) {
  const Address address = NameOfSocket(name);
  if (address.storage.ss_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in&>(address.storage).sin_port;
  }
  return address.storage.ss_family == AF_INET6
             ? reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port
             : uint16_t{0};
}

int SyscallScript::Epoll(std::string_view name) {
  const int fd = syscalls_.EpollCreate();
  EXPECT_GE(fd, 0);
  Adopt(name, fd);
  return fd;
}

int SyscallScript::Control(std::string_view set, int operation, std::string_view name,
                           uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = watched_.size();
  watched_.emplace_back(name);
  const int result = syscalls_.EpollCtl(fd(set), operation, fd(name), &event);
  return Log("epoll_ctl " + std::to_string(operation) + " " + std::string(name), result);
}

int SyscallScript::Add(std::string_view name, uint32_t events, std::string_view set) {
  return Control(set, EPOLL_CTL_ADD, name, events);
}

int SyscallScript::Mod(std::string_view name, uint32_t events, std::string_view set) {
  return Control(set, EPOLL_CTL_MOD, name, events);
}

int SyscallScript::Del(std::string_view name, std::string_view set) {
  return Control(set, EPOLL_CTL_DEL, name, 0);
}

std::vector<std::string> SyscallScript::TakeEvents(std::string_view set, int count) {
  epoll_event events[kMostEvents];
  const int result = syscalls_.EpollWait(fd(set), std::span(events, static_cast<size_t>(count)), 0);
  EXPECT_GE(result, 0);
  std::vector<std::string> taken;
  for (int i = 0; i < result; ++i) {
    taken.push_back(watched_[events[i].data.u64] + ":" + EventNames(events[i].events));
  }
  return taken;
}

void SyscallScript::Events(std::string_view set) {
  Settle();
  std::vector<std::string> taken = TakeEvents(set, kMostEvents);
  std::sort(taken.begin(), taken.end());
  Note("events " + Join(taken));
}

void SyscallScript::EventsInOrder(int count, std::string_view set) {
  Settle();
  Note("events " + Join(TakeEvents(set, count)));
}

void SyscallScript::Pair() {
  Socket("l");
  Bind("l");
  Listen("l");
  Socket("c");
  Connect("c", "l");
  Accept("l", "s");
}

void SyscallScript::FillUp(std::string_view name) {
  const std::string block(64 * 1024, 'x');
  ssize_t result;
  do {
    const iovec piece = {const_cast<char*>(block.data()), block.size()};
    result = syscalls_.Send(fd(name), std::span(&piece, 1));
  } while (result > 0);
  Settle();
  Log("fill " + std::string(name), result);
}

void SyscallScript::Drain(std::string_view name) {
  std::vector<char> block(256 * 1024);
  ssize_t result;
  do {
    result = syscalls_.Recv(fd(name), block.data(), block.size());
    Settle();
  } while (result > 0);
  Log("drain " + std::string(name), result);
}

void ExpectSameOnBoth(SocketFamily family, const std::function<void(SyscallScript&)>& script) {
  SimKernel kernel;
  std::vector<std::string> expected;
  {
    SyscallScript simulated(kernel, family);
    script(simulated);
    expected = simulated.log();
  }
  EXPECT_EQ(0u, kernel.open_fds());
  const SimBytes bytes = kernel.bytes();
  EXPECT_EQ(bytes.sent, bytes.received + bytes.discarded + bytes.in_flight);

  if (!MachineHas(family)) return;
  constexpr int64_t kMillisecond = 1'000'000;
  std::vector<std::string> real_log;
  for (const int64_t pause : {int64_t{0}, kMillisecond, 10 * kMillisecond, 50 * kMillisecond}) {
    std::function<void()> settle;
    if (pause > 0) {
      settle = [pause] {
        const timespec time = {0, pause};
        ::nanosleep(&time, nullptr);
      };
    }
    SyscallScript real(Syscalls::Real(), family, settle);
    script(real);
    real_log = real.log();
    if (real_log == expected) return;
  }
  std::string both;
  for (size_t i = 0; i < std::max(real_log.size(), expected.size()); ++i) {
    const std::string sim = i < expected.size() ? expected[i] : "(none)";
    const std::string kernel_says = i < real_log.size() ? real_log[i] : "(none)";
    both += sim == kernel_says ? "  " + sim + "\n"
                               : "- simulated: " + sim + "\n+ real:      " + kernel_says + "\n";
  }
  ADD_FAILURE() << NameOf(family) << ": the simulator does not do as the kernel does\n" << both;
}

}  // namespace spindle
