#ifndef SPINDLE_NET_ADMIN_INTERNAL_PAGES_H_
#define SPINDLE_NET_ADMIN_INTERNAL_PAGES_H_

#include <netinet/tcp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/loop/loop_stats.h"
#include "net/loop/slow_callback.h"
#include "net/session/session.h"
#include "net/stream/pause_cause.h"
#include "net/stream/stream_server.h"
#include "net/types/connection_id.h"
#include "net/types/socket_address.h"

namespace spindle {

// One loop at one moment.
struct LoopReport {
  std::string name;
  std::optional<LoopStats> stats;  // Nothing from a loop that did not answer in time.
};

// The slow callbacks of one loop.
struct SlowReport {
  std::string loop = {};
  bool answered = false;
  Duration limit{0};  // Zero: not measured.
  std::vector<SlowCallback> callbacks = {};
};

struct ServerReport {
  std::string name;
  StreamServerStats stats;
};

struct ProcessReport {
  double started = 0;  // Seconds since 1970.
  double processor_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t open_descriptors = 0;
};

// All that is counted.
struct Report {
  Duration took{0};  // The asking.
  ProcessReport process;
  std::vector<LoopReport> loops;
  std::vector<ServerReport> servers;
};

struct ConnectionReport {
  std::string server;
  ConnectionId id;
  SocketAddress peer;
  ConnectionLedger ledger;
  size_t output_queued = 0;
  size_t input_unread = 0;
  PauseCause paused = PauseCause::kNone;
  std::string_view state = {};  // A literal.
  Duration age{0};
  Duration idle{0};
  uint32_t high_water_hits = 0;
  std::optional<SessionStats> session = std::nullopt;  // Of connections that are sessions.
};

struct ConnectionsReport {
  std::vector<ConnectionReport> connections;  // The first of `total`, by the order asked for.
  size_t total = 0;
  size_t silent_loops = 0;  // Loops that did not answer in time.
};

// All that is known of one connection.
struct ConnectionDetails {
  ConnectionReport summary;
  std::string loop;
  SocketAddress local;
  std::optional<tcp_info> tcp = std::nullopt;  // Of TCP connections.
};

enum class ConnectionOrder : uint8_t { kId, kBytes, kQueued, kUnread };

// "id", "bytes", "queued" or "unread".
std::optional<ConnectionOrder> ParseConnectionOrder(std::string_view text);

// Sorts, the most first (ids: the lowest), and keeps `limit`.
void KeepFirst(std::vector<ConnectionReport>& connections, ConnectionOrder order, size_t limit);

// The pages. `json`: for programs; else columns for people.
std::string MetricsPage(const Report& report);
std::string LoopsPage(const Report& report, bool json);
// `now`: that of the loops' clock.
std::string SlowPage(const std::vector<SlowReport>& loops, TimePoint now, bool json);
std::string ConnectionsPage(const ConnectionsReport& report, bool json);
// A name and its value a line.
std::string ConnectionPage(const ConnectionDetails& details);

}  // namespace spindle

#endif  // SPINDLE_NET_ADMIN_INTERNAL_PAGES_H_
