#ifndef SPINDLE_BENCH_NETCAT_PARSE_OPTIONS_H_
#define SPINDLE_BENCH_NETCAT_PARSE_OPTIONS_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "bench/netcat/options.h"

namespace spindle::bench {

// The options of netcat-openbsd, and those that it has not. `words` is what follows the program's
// name. Names of services are looked up, hosts are not. Errors: kInvalidArgument, in the words of
// netcat-openbsd where it has any.
absl::StatusOr<NetcatOptions> ParseNetcatOptions(std::span<const std::string> words);

// What -h prints.
std::string NetcatHelp();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_PARSE_OPTIONS_H_
