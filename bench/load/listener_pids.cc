#include "bench/load/listener_pids.h"

#include <set>

#include "absl/status/statusor.h"
#include "bench/sockets/socket_entry.h"
#include "bench/sockets/socket_list.h"

namespace spindle::bench {

std::vector<pid_t> ListenerPids(const SocketAddress& server) {
  if (server.is_unix() || !server.is_loopback()) return {};
  absl::StatusOr<SocketList> list =
      ListSockets({.tcp = true, .states = StateBit(SocketState::kListening)});
  if (!list.ok()) return {};
  std::erase_if(list->sockets,
                [&](const SocketEntry& entry) { return entry.local.port() != server.port(); });
  FindOwners(list->sockets);
  std::set<pid_t> pids;
  for (const SocketEntry& entry : list->sockets) {
    for (const SocketOwner& owner : entry.owners) pids.insert(owner.pid);
  }
  return {pids.begin(), pids.end()};
}

}  // namespace spindle::bench
