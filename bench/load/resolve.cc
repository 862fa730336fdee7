#include "bench/load/resolve.h"

#include <charconv>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "base/strings.h"
#include "net/stream/resolver.h"

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
  return ResolveNow(words[0], *port);
}

}  // namespace spindle::bench
