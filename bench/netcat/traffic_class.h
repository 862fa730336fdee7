#ifndef SPINDLE_BENCH_NETCAT_TRAFFIC_CLASS_H_
#define SPINDLE_BENCH_NETCAT_TRAFFIC_CLASS_H_

#include <string_view>

#include "absl/status/statusor.h"

namespace spindle::bench {

// The byte that IP_TOS(7) takes, from "ef", "af11" ... "af43", "cs0" ... "cs7", one of "critical",
// "inetcontrol", "lowcost", "lowdelay", "netcontrol", "throughput", "reliability", or a number from
// 0 to 255 ("184", "0xb8"). Any thread. RFC 2474, RFC 2597, RFC 3246, RFC 1349. Errors:
// kInvalidArgument.
absl::StatusOr<int> ParseTrafficClass(std::string_view text);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_TRAFFIC_CLASS_H_
