#ifndef SPINDLE_BENCH_SOCKETS_SERVICE_NAME_H_
#define SPINDLE_BENCH_SOCKETS_SERVICE_NAME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bench/sockets/socket_entry.h"

namespace spindle::bench {

// The services of this machine, as getservent(3) lists them: those of UDP for SocketKind::kUdp,
// those of TCP for every other kind. They are read once, at the first question; of two entries the
// first one counts. Any thread.

// The name of `port`, empty if it has none.
std::string RegisteredName(uint16_t port, SocketKind kind);

// The same, empty also if the kernel hands the port out by itself. For SocketTextOptions::service.
std::string ServiceName(uint16_t port, SocketKind kind);

// The port of the service that has this name or alias; nothing if there is none.
std::optional<uint16_t> ServicePort(std::string_view name, SocketKind kind);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SOCKETS_SERVICE_NAME_H_
