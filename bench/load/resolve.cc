#include "bench/load/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

absl::StatusOr<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error == std::errc() && stop == end && !text.empty()) return port;
  return absl::InvalidArgumentError(
      ToAbsl(Concat("\"", text, "\" is no port: a number from 0 to 65535 is needed")));
}

absl::StatusOr<std::vector<SocketAddress>> Lookup(const std::string& host, uint16_t port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    const std::string why = error == EAI_SYSTEM ? ErrnoText(errno) : gai_strerror(error);
    return absl::NotFoundError(ToAbsl(Concat("resolve ", host, ": ", why)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    const SocketAddress address = SocketAddress::FromSockaddr(entry->ai_addr, entry->ai_addrlen);
    if (address.is_ip()) addresses.push_back(address.WithPort(port));
  }
  if (addresses.empty()) {
    return absl::NotFoundError(ToAbsl(Concat("resolve ", host, ": no IP address")));
  }
  return addresses;
}

}  // namespace

absl::StatusOr<std::vector<SocketAddress>> ResolveEndpoint(std::span<const std::string> words) {
  if (words.size() == 1 && words[0].starts_with("unix:")) {
    absl::StatusOr<SocketAddress> address = SocketAddress::Parse(words[0]);
    if (!address.ok()) return address.status();
    return std::vector<SocketAddress>{*address};
  }
  if (words.size() != 2 || words[0].empty()) {
    return absl::InvalidArgumentError("an endpoint is HOST PORT, unix:/path or unix:@name");
  }
  const absl::StatusOr<uint16_t> port = ParsePort(words[1]);
  if (!port.ok()) return port.status();
  if (words[0] == "*") return std::vector<SocketAddress>{SocketAddress::AnyV4(*port)};
  const absl::StatusOr<SocketAddress> literal = SocketAddress::FromIp(words[0], *port);
  if (literal.ok()) return std::vector<SocketAddress>{*literal};
  return Lookup(words[0], *port);
}

}  // namespace spindle::bench
