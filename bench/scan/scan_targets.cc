#include "bench/scan/scan_targets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <bitset>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/strings.h"
#include "bench/sockets/service_name.h"
#include "bench/sockets/socket_entry.h"
#include "net/stream/resolver.h"

namespace spindle::bench {
namespace {

absl::Status Refuse(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(ToAbsl(Concat("\"", text, "\" ", why)));
}

// Each item of a list with commas. Stops at the first error.
absl::Status ForEachItem(std::string_view text,
                         absl::FunctionRef<absl::Status(std::string_view)> visit) {
  while (true) {
    const size_t comma = text.find(',');
    absl::Status status = visit(text.substr(0, comma));
    if (!status.ok() || comma == std::string_view::npos) return status;
    text.remove_prefix(comma + 1);
  }
}

template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return number;
}

// A network's first address and how many bits of it are the network's.
struct Network {
  int family = AF_INET;
  unsigned char bytes[16] = {};
  unsigned bits = 0;

  unsigned all_bits() const { return family == AF_INET ? 32 : 128; }
  unsigned host_bits() const { return all_bits() - bits; }
};

absl::StatusOr<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string ip(text.substr(0, slash));
  const std::optional<unsigned> bits = ParseNumber<unsigned>(text.substr(slash + 1));
  Network network;
  if (inet_pton(AF_INET, ip.c_str(), network.bytes) != 1) {
    network.family = AF_INET6;
    if (inet_pton(AF_INET6, ip.c_str(), network.bytes) != 1) {
      return Refuse(text, "is no network: an address is needed before the \"/\"");
    }
  }
  if (!bits.has_value() || *bits > network.all_bits()) {
    return Refuse(text, Concat("is no network: 0 to ", network.all_bits(),
                               " bits are needed after the \"/\""));
  }
  network.bits = *bits;
  for (unsigned i = network.bits; i < network.all_bits(); ++i) {
    network.bytes[i / 8] &= static_cast<unsigned char>(~(0x80u >> (i % 8)));
  }
  return network;
}

// Its address of this number.
SocketAddress AddressIn(Network network, uint64_t number) {
  const unsigned last = network.all_bits() / 8 - 1;
  for (unsigned i = 0; i < 8 && i <= last; ++i) {
    network.bytes[last - i] |= static_cast<unsigned char>(number >> (8 * i));
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(network.family, network.bytes, text, sizeof text);
  return SocketAddress::FromIp(text, 0).value_or(SocketAddress());
}

// Hosts, each once, up to a limit.
class HostList {
 public:
  explicit HostList(size_t limit) : limit_(limit) {}

  absl::Status Add(std::string name, const SocketAddress& address) {
    if (!seen_.insert(address.ToString()).second) return absl::OkStatus();
    if (hosts_.size() >= limit_) {
      return absl::InvalidArgumentError(ToAbsl(Concat("these are more than ", limit_, " hosts")));
    }
    hosts_.push_back({std::move(name), address});
    return absl::OkStatus();
  }
  absl::Status AddNetwork(std::string_view text, IpFamily family);
  absl::Status AddName(std::string_view text, IpFamily family);
  std::vector<ScanHost> Take() { return std::move(hosts_); }

 private:
  const size_t limit_;
  std::vector<ScanHost> hosts_;
  std::set<std::string> seen_;
};

bool Fits(int family, IpFamily wanted) {
  return wanted == IpFamily::kAny || (family == AF_INET) == (wanted == IpFamily::kV4);
}

absl::Status HostList::AddNetwork(std::string_view text, IpFamily family) {
  const absl::StatusOr<Network> network = ParseNetwork(text);
  if (!network.ok()) return network.status();
  if (!Fits(network->family, family)) return Refuse(text, "is of the other family");
  if (network->host_bits() > 32) return Refuse(text, "has too many addresses");
  const uint64_t count = uint64_t{1} << network->host_bits();
  const uint64_t edge = network->family == AF_INET && count > 2 ? 1 : 0;
  for (uint64_t i = edge; i + edge < count; ++i) {
    const SocketAddress address = AddressIn(*network, i);
    absl::Status status = Add(address.ip(), address);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status HostList::AddName(std::string_view text, IpFamily family) {
  const ResolveResult addresses = ResolveNow(text, uint16_t{0});
  if (!addresses.ok()) return addresses.status();
  for (const SocketAddress& address : *addresses) {
    if (Fits(address.family(), family)) return Add(std::string(text), address);
  }
  return absl::NotFoundError(
      ToAbsl(Concat(text, ": no ", family == IpFamily::kV4 ? "IPv4" : "IPv6", " address")));
}

}  // namespace

absl::StatusOr<std::vector<uint16_t>> ParsePorts(std::string_view text) {
  std::vector<uint16_t> ports;
  std::bitset<65536> seen;
  const auto add = [&](std::string_view item) {
    const size_t dash = item.find('-');
    std::optional<uint16_t> low = ParseNumber<uint16_t>(item.substr(0, dash));
    std::optional<uint16_t> high = low;
    if (low.has_value() && dash != std::string_view::npos) {
      high = ParseNumber<uint16_t>(item.substr(dash + 1));
    } else if (!low.has_value()) {
      low = high = ServicePort(item, SocketKind::kTcp);  // Names may have dashes.
    }
    if (!low.has_value() || !high.has_value() || *low == 0) {
      return Refuse(item, "is no port: 1 to 65535, a range such as 8000-8100, or a service's name");
    }
    if (*low > *high) return Refuse(item, "is a range that ends before it begins");
    for (uint32_t port = *low; port <= *high; ++port) {
      if (!seen[port]) ports.push_back(static_cast<uint16_t>(port));
      seen[port] = true;
    }
    return absl::OkStatus();
  };
  absl::Status status = ForEachItem(text, add);
  if (!status.ok()) return status;
  return ports;
}

absl::StatusOr<std::vector<ScanHost>> ResolveHosts(std::string_view text, IpFamily family,
                                                   size_t max_hosts) {
  HostList hosts(max_hosts);
  absl::Status status = ForEachItem(text, [&](std::string_view item) {
    if (item.empty()) return Refuse(text, "names no host");
    return item.find('/') != std::string_view::npos ? hosts.AddNetwork(item, family)
                                                    : hosts.AddName(item, family);
  });
  if (!status.ok()) return status;
  return hosts.Take();
}

}  // namespace spindle::bench
