#ifndef SPINDLE_BENCH_CLI_SEQPAR_VENUE_H_
#define SPINDLE_BENCH_CLI_SEQPAR_VENUE_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/cli/seqpar_flags.h"
#include "bench/load/cpu_time.h"
#include "bench/load/local_server.h"
#include "bench/netlab/netlab.h"
#include "bench/netlab/tcp_counters.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Where an experiment takes place: a network, and a server on it, one of our own or another
// process. While it exists the thread that made it is on the client's side of the network: what it
// connects, and threads that it starts, are there too. One thread.
class SeqparVenue {
 public:
  // May run `loop` to find out which address of the server answers. Errors: those of finding and of
  // starting a server; kUnavailable where this machine has no lab.
  static absl::StatusOr<std::unique_ptr<SeqparVenue>> Open(EventLoop& loop,
                                                           const SeqparFlags& flags,
                                                           const SeqparNetwork& network);

  const SocketAddress& address() const { return address_; }
  const SeqparNetwork& network() const { return network_; }
  // Null if the server is another process.
  const LocalServer* own_server() const { return own_.get(); }

  // Of the server's threads, if they can be looked at.
  std::optional<CpuTime> server_cpu() const;
  // Of both ends; nullopt on a network that is not ours alone.
  std::optional<uint64_t> retransmits() const;

 private:
  explicit SeqparVenue(const SeqparNetwork& network) : network_(network) {}
  absl::Status MakeLab(const SeqparFlags& flags);
  absl::Status StartServer(const SeqparFlags& flags);
  absl::Status FindServer(EventLoop& loop, const SeqparFlags& flags);

  const SeqparNetwork network_;
  // Destroyed in the opposite order.
  std::unique_ptr<Netlab> lab_;
  std::unique_ptr<LocalServer> own_;
  std::optional<NamespaceScope> at_client_;
  std::vector<TcpCounters> counters_;
  std::vector<pid_t> pids_;
  SocketAddress address_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_SEQPAR_VENUE_H_
