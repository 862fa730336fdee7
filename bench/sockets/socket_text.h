#ifndef SPINDLE_BENCH_SOCKETS_SOCKET_TEXT_H_
#define SPINDLE_BENCH_SOCKETS_SOCKET_TEXT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/sockets/socket_entry.h"

namespace spindle::bench {

// How sockets are shown. Plain data.
struct SocketTextOptions {
  bool heading = true;
  // The first two columns; left out where all rows would say the same.
  bool kind = true;
  bool state = true;
  bool owners = false;
  bool details = false;  // A line below each connection.
  // Rates as plain numbers instead of "1.5M".
  bool numeric = false;
  // The name of a port, empty if it has none. Null: all ports are numbers.
  std::function<std::string(uint16_t port, SocketKind kind)> service = nullptr;
};

// One line for each socket, in the columns of ss(8) where its output is no terminal; no line ends
// in a blank. Control bytes in names are written as \xHH. Any thread.
std::string SocketTable(const std::vector<SocketEntry>& sockets, const SocketTextOptions& options);

// The same as JSON, schema "spindle.stat/1". What is not known is left out.
std::string SocketJson(const std::vector<SocketEntry>& sockets, const SocketTextOptions& options);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SOCKETS_SOCKET_TEXT_H_
