#ifndef SPINDLE_BENCH_LOAD_RESOLVE_H_
#define SPINDLE_BENCH_LOAD_RESOLVE_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// The addresses of an endpoint as command lines name it: "HOST" "PORT", or "unix:/path" or
// "unix:@name" alone. HOST is an address, a name (getaddrinfo(3); blocks) or "*" for all IPv4
// addresses; PORT is a number, 0 allowed. Never empty, best address first. Any thread.
// Errors: kInvalidArgument for a text of the wrong form; those of ResolveNow.
absl::StatusOr<std::vector<SocketAddress>> ResolveEndpoint(std::span<const std::string> words);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_RESOLVE_H_
