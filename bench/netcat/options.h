#ifndef SPINDLE_BENCH_NETCAT_OPTIONS_H_
#define SPINDLE_BENCH_NETCAT_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace spindle::bench {

enum class NetcatTransport : uint8_t { kTcp, kUdp, kUnixStream, kUnixDatagram };

enum class ProxyKind : uint8_t { kSocks4, kSocks5, kHttpConnect };

// What is set on every socket before it is bound or connected. Unset: the kernel's own.
struct SocketTuning {
  std::optional<int> receive_buffer;  // -I, bytes
  std::optional<int> send_buffer;     // -O, bytes
  std::optional<int> ttl;             // -M
  std::optional<int> min_ttl;         // -m
  std::optional<int> traffic_class;   // -T
  bool broadcast = false;             // -b
  bool debug = false;                 // -D
};

// -x, -X, -P.
struct ProxyOptions {
  ProxyKind kind = ProxyKind::kSocks5;
  std::string host = {};
  uint16_t port = 0;
  std::optional<std::string> user = {};
};

// A command line of `spindle nc`, checked. Plain data.
struct NetcatOptions {
  bool help = false;  // Nothing else is set then.

  NetcatTransport transport = NetcatTransport::kTcp;
  bool listen = false;          // -l
  bool keep_listening = false;  // -k
  bool scan = false;            // -z
  int family = 0;               // AF_INET (-4), AF_INET6 (-6) or AF_UNSPEC
  bool numeric = false;         // -n
  bool verbose = false;         // -v

  // Empty: all addresses of this machine, if listening. The path, or "@name", for Unix sockets.
  std::string host;
  // In the order in which they are tried; one if listening; none for Unix sockets.
  std::vector<uint16_t> ports;
  bool random_order = false;  // -r
  std::string source_host;    // -s; for Unix datagrams the path to be answered at
  uint16_t source_port = 0;   // -p of a client
  SocketTuning tuning;
  std::optional<ProxyOptions> proxy;

  bool read_input = true;              // Not with -d.
  bool half_close = true;              // Not with --keep-open-on-eof.
  bool end_null = false;               // -N or -q: our side ends also if stdin is /dev/null.
  bool half_open = false;              // --half-open
  bool crlf = false;                   // -C
  std::optional<Duration> quit_after;  // -q, from the end of the input on
  std::optional<Duration> timeout;     // -w
  Duration interval{0};                // -i
  uint64_t packet_limit = 0;           // -W; 0: none

  bool is_unix() const {
    return transport == NetcatTransport::kUnixStream || transport == NetcatTransport::kUnixDatagram;
  }
  bool is_datagram() const {
    return transport == NetcatTransport::kUdp || transport == NetcatTransport::kUnixDatagram;
  }
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_OPTIONS_H_
