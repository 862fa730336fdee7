#include "bench/netcat/ports.h"

#include <charconv>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "base/strings.h"
#include "bench/sockets/service_name.h"
#include "bench/sockets/socket_entry.h"

namespace spindle::bench {
namespace {

absl::Status BadPort(std::string_view what, std::string_view text) {
  return absl::InvalidArgumentError(ToAbsl(Concat("port number ", what, ": ", text)));
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

absl::StatusOr<uint16_t> ParseNumber(std::string_view text, PortZero zero) {
  uint32_t number = 0;
  const std::errc error = std::from_chars(text.data(), text.data() + text.size(), number).ec;
  if (error == std::errc::result_out_of_range || number > UINT16_MAX) {
    return BadPort("too large", text);
  }
  if (number == 0 && zero == PortZero::kRefused) return BadPort("too small", text);
  return static_cast<uint16_t>(number);
}

SocketKind KindOf(NetcatTransport transport) {
  return transport == NetcatTransport::kUdp ? SocketKind::kUdp : SocketKind::kTcp;
}

}  // namespace

absl::StatusOr<uint16_t> ParsePort(std::string_view text, NetcatTransport transport,
                                   PortZero zero) {
  if (IsNumber(text)) return ParseNumber(text, zero);
  const std::optional<uint16_t> port = ServicePort(text, KindOf(transport));
  if (!port.has_value()) return BadPort("invalid", text);
  return *port;
}

absl::StatusOr<std::vector<uint16_t>> ParsePorts(std::string_view text, NetcatTransport transport) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos || !IsNumber(text.substr(0, dash))) {
    const absl::StatusOr<uint16_t> port = ParsePort(text, transport);
    if (!port.ok()) return port.status();
    return std::vector<uint16_t>{*port};
  }
  if (!IsNumber(text.substr(dash + 1))) return BadPort("invalid", text.substr(dash + 1));
  absl::StatusOr<uint16_t> low = ParseNumber(text.substr(0, dash), PortZero::kRefused);
  if (!low.ok()) return low.status();
  absl::StatusOr<uint16_t> high = ParseNumber(text.substr(dash + 1), PortZero::kRefused);
  if (!high.ok()) return high.status();
  if (*low > *high) std::swap(*low, *high);
  std::vector<uint16_t> ports(static_cast<size_t>(*high - *low) + 1);
  std::iota(ports.begin(), ports.end(), *low);
  return ports;
}

std::string ServiceName(uint16_t port, NetcatTransport transport) {
  std::string name = RegisteredName(port, KindOf(transport));
  return name.empty() ? "*" : name;
}

std::string_view ProtocolName(NetcatTransport transport) {
  return transport == NetcatTransport::kUdp ? "udp" : "tcp";
}

}  // namespace spindle::bench
