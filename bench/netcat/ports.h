#ifndef SPINDLE_BENCH_NETCAT_PORTS_H_
#define SPINDLE_BENCH_NETCAT_PORTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/netcat/options.h"

namespace spindle::bench {

enum class PortZero : uint8_t { kRefused, kAllowed };

// A port by number, or by name as services(5) has it. Any thread. Errors: kInvalidArgument: "port
// number invalid: x", "... too small: 0", "... too large: 65536".
absl::StatusOr<uint16_t> ParsePort(std::string_view text, NetcatTransport transport,
                                   PortZero zero = PortZero::kRefused);

// As ParsePort, and ranges of numbers: "20-25" or "25-20", both ends included, rising.
absl::StatusOr<std::vector<uint16_t>> ParsePorts(std::string_view text, NetcatTransport transport);

// The name of a service, "*" if it has none. Any thread.
std::string ServiceName(uint16_t port, NetcatTransport transport);

// "tcp" or "udp".
std::string_view ProtocolName(NetcatTransport transport);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_PORTS_H_
