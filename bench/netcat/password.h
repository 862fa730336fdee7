#ifndef SPINDLE_BENCH_NETCAT_PASSWORD_H_
#define SPINDLE_BENCH_NETCAT_PASSWORD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bench/netcat/waiter.h"

namespace spindle::bench {

// A password that is not on a command line, where everybody sees it: from $SPINDLE_PROXY_PASSWORD,
// or asked for at the terminal, without echo. Loop thread only. Errors: kFailedPrecondition where
// there is neither; kCancelled, those of the terminal.
absl::StatusOr<std::string> AskPassword(Waiter& waiter, std::string_view question);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_PASSWORD_H_
