#ifndef SPINDLE_TESTS_NET_BACKEND_SYSCALL_SCRIPT_H_
#define SPINDLE_TESTS_NET_BACKEND_SYSCALL_SCRIPT_H_

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/syscalls.h"

namespace spindle {

enum class SocketFamily { kInet, kInet6, kUnix };

const char* NameOf(SocketFamily family);

// Runs a sequence of calls on a kernel, real or simulated, and writes down what comes of each in
// words that do not depend on descriptors, ports or time. Two kernels that behave alike write the
// same log.
class SyscallScript {
 public:
  // `settle` lets a real kernel finish what it does behind our back; empty for none.
  SyscallScript(Syscalls& syscalls, SocketFamily family, std::function<void()> settle = {});
  // Closes everything.
  ~SyscallScript();
  SyscallScript(const SyscallScript&) = delete;
  SyscallScript& operator=(const SyscallScript&) = delete;

  const std::vector<std::string>& log() const { return log_; }
  SocketFamily family() const { return family_; }
  bool is_unix() const { return family_ == SocketFamily::kUnix; }
  Syscalls& syscalls() { return syscalls_; }

  // Descriptors go by name. A call on a name that was never given uses -1.
  int fd(std::string_view name) const;
  void Adopt(std::string_view name, int fd) { fds_[std::string(name)] = fd; }

  // --- Calls. Each logs itself and its result, which is also returned.
  int Socket(std::string_view name);
  // To a fresh address: loopback and a free port, or an abstract name.
  int Bind(std::string_view name);
  // To the address of another socket.
  int BindLike(std::string_view name, std::string_view other);
  int Listen(std::string_view name, int backlog = 16);
  int Accept(std::string_view listener, std::string_view accepted);
  int Connect(std::string_view name, std::string_view to);
  int Shutdown(std::string_view name, int how);
  int Close(std::string_view name);
  // The content is logged too.
  ssize_t Recv(std::string_view name, size_t length = 64);
  ssize_t Send(std::string_view name, std::string_view data);
  int SetInt(std::string_view name, int level, int option, int value);
  int Linger(std::string_view name, int on, int seconds);
  int GetInt(std::string_view name, int level, int option);
  int SoError(std::string_view name) { return GetInt(name, SOL_SOCKET, SO_ERROR); }
  int PeerName(std::string_view name);
  // The addresses of both ends, without ports and abstract names.
  void Names(std::string_view name);
  // For sockets of another family than the script's.
  void SocketOf(std::string_view name, int domain);
  int BindTo(std::string_view name, const void* address, size_t length);
  int ConnectTo(std::string_view name, const void* address, size_t length);
  // The port of `name` in network order; 0 if it has none.
  uint16_t PortOf(std::string_view name);
  int Epoll(std::string_view name = "ep");
  int Add(std::string_view name, uint32_t events, std::string_view set = "ep");
  int Mod(std::string_view name, uint32_t events, std::string_view set = "ep");
  int Del(std::string_view name, std::string_view set = "ep");
  // Takes what is ready, and logs it by name, sorted.
  void Events(std::string_view set = "ep");
  // Takes at most `count`, and logs in the order of the kernel.
  void EventsInOrder(int count, std::string_view set = "ep");

  // --- Combinations, logged by their parts.
  // A listener "l", a client "c" and its accepted end "s".
  void Pair();
  // Sends until EAGAIN; logs only that it came to that.
  void FillUp(std::string_view name);
  // Receives until EAGAIN or the end; likewise.
  void Drain(std::string_view name);

  void Note(std::string text) { log_.push_back(std::move(text)); }
  template <typename Result>
  Result Log(std::string_view what, Result result) {
    LogResult(what, static_cast<int64_t>(result));
    return result;
  }

  static std::string EventNames(uint32_t events);
  static std::string ErrnoName(int error);

 private:
  struct Address {
    sockaddr_storage storage = {};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  };

  void LogResult(std::string_view what, int64_t result);
  void Settle();
  Address Fresh();
  Address NameOfSocket(std::string_view name);
  std::string Describe(int result, const Address& address);
  int Control(std::string_view set, int operation, std::string_view name, uint32_t events);
  std::vector<std::string> TakeEvents(std::string_view set, int count);

  Syscalls& syscalls_;
  const SocketFamily family_;
  const std::function<void()> settle_;
  std::map<std::string, int, std::less<>> fds_;
  std::vector<std::string> watched_;  // By epoll_data.
  std::vector<std::string> log_;
};

// The log of `script` on the real kernel must be that on a simulated one without faults. What
// loopback delivers a moment late is given more and more time before the two count as different.
void ExpectSameOnBoth(SocketFamily family, const std::function<void(SyscallScript&)>& script);

}  // namespace spindle

#endif  // SPINDLE_TESTS_NET_BACKEND_SYSCALL_SCRIPT_H_
