#include "bench/cli/seqpar_venue.h"

#include <utility>

#include "absl/status/status.h"
#include "base/strings.h"
#include "bench/cli/reach.h"
#include "bench/load/listener_pids.h"
#include "bench/load/resolve.h"

namespace spindle::bench {

absl::StatusOr<std::unique_ptr<SeqparVenue>> SeqparVenue::Open(EventLoop& loop,
                                                               const SeqparFlags& flags,
                                                               const SeqparNetwork& network) {
  std::unique_ptr<SeqparVenue> venue(new SeqparVenue(network));
  absl::Status status;
  if (network.is_lab()) status = venue->MakeLab(flags);
  if (status.ok()) {
    status = flags.own_server() ? venue->StartServer(flags) : venue->FindServer(loop, flags);
  }
  if (!status.ok()) return status;
  if (venue->lab_ == nullptr) return venue;
  absl::StatusOr<NamespaceScope> client = venue->lab_->EnterClient();
  if (!client.ok()) return client.status();
  venue->at_client_.emplace(*std::move(client));
  absl::StatusOr<TcpCounters> counters = TcpCounters::Open();
  if (!counters.ok()) return counters.status();
  venue->counters_.push_back(*std::move(counters));
  return venue;
}

absl::Status SeqparVenue::MakeLab(const SeqparFlags& flags) {
  absl::StatusOr<std::unique_ptr<Netlab>> lab =
      Netlab::Create({.rtt = network_.rtt,
                      .bits_per_second = network_.bits_per_second,
                      .queue_packets = static_cast<size_t>(flags.queue_packets),
                      .loss = flags.loss,
                      .jitter = flags.jitter,
                      .seed = flags.seed});
  if (!lab.ok()) return lab.status();
  lab_ = *std::move(lab);
  return absl::OkStatus();
}

absl::Status SeqparVenue::StartServer(const SeqparFlags& flags) {
  LocalServerOptions options{
      .mode = flags.reply() == ReplyMode::kAck ? ServiceMode::kAck : ServiceMode::kEcho,
      .think = flags.think,
      .think_mode = flags.think_mode(),
      .workers = flags.loops};
  std::optional<NamespaceScope> at_server;
  if (lab_ != nullptr) {
    absl::StatusOr<NamespaceScope> scope = lab_->EnterServer();
    if (!scope.ok()) return scope.status();
    at_server.emplace(*std::move(scope));
    options.address = lab_->server(0);
    absl::StatusOr<TcpCounters> counters = TcpCounters::Open();
    if (!counters.ok()) return counters.status();
    counters_.push_back(*std::move(counters));
  }
  absl::StatusOr<std::unique_ptr<LocalServer>> own = LocalServer::Start(options);
  if (!own.ok()) return own.status();
  own_ = *std::move(own);
  address_ = own_->address();
  return absl::OkStatus();
}

absl::Status SeqparVenue::FindServer(EventLoop& loop, const SeqparFlags& flags) {
  const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(flags.endpoint);
  if (!addresses.ok()) return addresses.status();
  const absl::StatusOr<SocketAddress> server =
      FirstReachable(loop, *addresses, flags.connect_timeout);
  if (!server.ok()) return server.status();
  address_ = *server;
  if (flags.server_pid == 0) {
    pids_ = ListenerPids(address_);
    return absl::OkStatus();
  }
  pids_ = {static_cast<pid_t>(flags.server_pid)};
  if (ProcessCpuTime(pids_.front()).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      ToAbsl(Concat("--server-pid: no process ", flags.server_pid, " to look at")));
}

std::optional<CpuTime> SeqparVenue::server_cpu() const {
  if (own_ != nullptr) return own_->cpu_time();
  if (pids_.empty()) return std::nullopt;
  CpuTime sum;
  for (const pid_t pid : pids_) {
    const std::optional<CpuTime> one = ProcessCpuTime(pid);
    if (!one.has_value()) return std::nullopt;
    sum += *one;
  }
  return sum;
}

std::optional<uint64_t> SeqparVenue::retransmits() const {
  if (counters_.empty()) return std::nullopt;
  uint64_t sum = 0;
  for (const TcpCounters& counters : counters_) {
    const std::optional<uint64_t> one = counters.Retransmits();
    if (!one.has_value()) return std::nullopt;
    sum += *one;
  }
  return sum;
}

}  // namespace spindle::bench
