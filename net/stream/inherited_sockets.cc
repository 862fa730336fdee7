#include "net/stream/inherited_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "net/stream/internal/inherited_fds.h"
#include "net/types/socket_address.h"

namespace spindle {
namespace {

// The variable's value, and it is gone.
std::optional<std::string> TakeVariable(const char* name) {
  const char* const value = getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string copy = value;
  unsetenv(name);
  return copy;
}

absl::StatusOr<int> ParseNumber(const char* name, std::string_view text, int most) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, "=", std::string(text), ": not a number from 0 to ", most));
  }
  return number;
}

std::vector<std::string> SplitNames(std::string_view names) {
  std::vector<std::string> result;
  while (!names.empty()) {
    const size_t colon = names.find(':');
    result.emplace_back(names.substr(0, colon));
    if (colon == std::string_view::npos) break;
    names.remove_prefix(colon + 1);
  }
  return result;
}

}  // namespace

absl::StatusOr<std::vector<InheritedSocket>> TakeInheritedSockets() {
  const std::optional<std::string> pid = TakeVariable("LISTEN_PID");
  const std::optional<std::string> count = TakeVariable("LISTEN_FDS");
  const std::vector<std::string> names = SplitNames(TakeVariable("LISTEN_FDNAMES").value_or(""));
  if (!pid.has_value() || !count.has_value()) return std::vector<InheritedSocket>();
  const absl::StatusOr<int> for_pid = ParseNumber("LISTEN_PID", *pid, INT_MAX);
  if (!for_pid.ok()) return for_pid.status();
  if (*for_pid != getpid()) return std::vector<InheritedSocket>();
  const absl::StatusOr<int> sockets =
      ParseNumber("LISTEN_FDS", *count, static_cast<int>(kMostInheritedFds));
  if (!sockets.ok()) return sockets.status();

  for (int fd = kFirstInheritedFd; fd < kFirstInheritedFd + *sockets; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) {
      return ErrnoStatus(absl::StrCat("LISTEN_FDS=", *sockets, ": descriptor ", fd), errno);
    }
  }
  std::vector<InheritedSocket> result;
  for (int i = 0; i < *sockets; ++i) {
    const size_t index = static_cast<size_t>(i);
    result.push_back({.fd = OwnedFd(kFirstInheritedFd + i),
                      .name = index < names.size() ? names[index] : std::string()});
  }
  return result;
}

absl::Status NotifyReady() {
  const std::optional<std::string> path = TakeVariable("NOTIFY_SOCKET");
  if (!path.has_value() || path->empty()) return absl::OkStatus();
  const absl::StatusOr<SocketAddress> address =
      path->front() == '@' ? SocketAddress::UnixAbstract(std::string_view(*path).substr(1))
                           : SocketAddress::UnixPath(*path);
  if (!address.ok()) return address.status();
  const OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoStatus("socket for NOTIFY_SOCKET", errno);
  sockaddr_storage storage;
  const socklen_t length = address->ToSockaddr(&storage);
  constexpr std::string_view kReady = "READY=1\n";
  if (sendto(fd.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&storage), length) < 0) {
    return ErrnoStatus(absl::StrCat("sendto NOTIFY_SOCKET=", *path), errno);
  }
  return absl::OkStatus();
}

}  // namespace spindle
