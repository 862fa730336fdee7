#ifndef SPINDLE_BENCH_SOCKETS_TCP_DETAILS_TEXT_H_
#define SPINDLE_BENCH_SOCKETS_TCP_DETAILS_TEXT_H_

#include <string>
#include <string_view>

#include "bench/sockets/socket_entry.h"
#include "nlohmann/json.hpp"

namespace spindle::bench {

// What there is to say of one TCP connection, in the words of ss(8) -i and in their order; what is
// zero or as usual is left out. Times in milliseconds. `congestion` is the algorithm's name; what
// an algorithm tells of itself is not shown. Any thread.
std::string TcpDetailsLine(const TcpDetails& tcp, std::string_view congestion, bool numeric);

// Most of it, under the names of TcpDetails; times in microseconds where the name has no unit.
nlohmann::ordered_json TcpDetailsJson(const TcpDetails& tcp);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SOCKETS_TCP_DETAILS_TEXT_H_
