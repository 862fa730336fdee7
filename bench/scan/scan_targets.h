#ifndef SPINDLE_BENCH_SCAN_SCAN_TARGETS_H_
#define SPINDLE_BENCH_SCAN_SCAN_TARGETS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// "22,80,8000-8100", names of /etc/services among them: in the order given, each port once. Any
// thread. Errors: kInvalidArgument, quoting the item.
absl::StatusOr<std::vector<uint16_t>> ParsePorts(std::string_view text);

enum class IpFamily : uint8_t { kAny, kV4, kV6 };

// One host to be scanned.
struct ScanHost {
  std::string name;       // As it was given; an address of a network by itself.
  SocketAddress address;  // Port 0.
};

// "10.0.0.1,example.org,192.168.1.0/24,fd00::/120": the hosts, in the order given, each address
// once. A name stands for its best address of the family. A network stands for all its addresses,
// without the first and the last of an IPv4 one that has more than two. Any thread; names block
// (getaddrinfo(3)). Errors: kInvalidArgument for texts that are no host and for more than
// `max_hosts`; those of ResolveNow.
absl::StatusOr<std::vector<ScanHost>> ResolveHosts(std::string_view text, IpFamily family,
                                                   size_t max_hosts);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SCAN_SCAN_TARGETS_H_
