#ifndef SPINDLE_BENCH_NETCAT_MESSAGES_H_
#define SPINDLE_BENCH_NETCAT_MESSAGES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "bench/netcat/options.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// What nc says, in the words of netcat-openbsd where it says it too. Any thread but where names are
// looked up (getnameinfo(3), services(5)).

// "HOST PORT" or the Unix name. Without -n the host by its name.
std::string PlaceText(const SocketAddress& address, const NetcatOptions& options);
// "Connection to HOST (IP) PORT port [tcp/ssh] succeeded!"
std::string SucceededText(const NetcatOptions& options, const SocketAddress& address,
                          uint16_t port);
// "connect to HOST (IP) port PORT (tcp) failed: REASON"
std::string FailedText(const NetcatOptions& options, const SocketAddress& address, uint16_t port,
                       std::string_view reason);
// "Connection to HOST (IP) PORT port [udp/dns]: open or filtered"
std::string SilentText(const NetcatOptions& options, const SocketAddress& address, uint16_t port);

// One line on stderr, as it is, and with "nc: " before it.
void Say(std::string_view text);
void Complain(std::string_view text);
void Complain(const absl::Status& status);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_MESSAGES_H_
