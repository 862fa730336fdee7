#include "net/stream/stream_server.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/errno_status.h"
#include "net/loop/io_host.h"
#include "net/stream/internal/acceptor.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/memory_governor.h"
#include "net/stream/internal/peer_counts.h"
#include "net/stream/rate_limit.h"

namespace spindle {

// The server proper. Held by the StreamServer and by tasks under way, which find `stopped_` set
// when they come late. The groups, stopped, stay until the end: callbacks may look at the server
// while it is being destroyed.
// What a probe sees of a server.
class StreamServerProbe::View {
 public:
  virtual ~View() = default;
  virtual const SocketAddress& address() const = 0;
  virtual StreamServerStats stats() const = 0;
  virtual std::vector<LoopRef> loops() const = 0;
  virtual void ForEachConnection(size_t index,
                                 absl::FunctionRef<void(const Connection&)> function) const = 0;
};

class StreamServer::Core final : public StreamServerProbe::View,
                                 public std::enable_shared_from_this<StreamServer::Core> {
 public:
  Core(std::vector<EventLoop*> loops, EventLoop& main_loop, ConnectionCallbacks callbacks,
       StreamServerOptions options, std::source_location where);

  absl::Status Listen(const SocketAddress& address);
  absl::Status ListenOn(std::vector<OwnedFd> sockets);
  absl::StatusOr<std::vector<OwnedFd>> DuplicateListeners();
  void Stop();
  void StopAccepting();
  bool Drain(Duration deadline, absl::AnyInvocable<void(const DrainResult&)> done);

  const SocketAddress& address() const override { return address_; }
  size_t connections() const;
  StreamServerStats stats() const override;
  std::vector<LoopRef> loops() const override;
  void ForEachConnection(size_t index,
                         absl::FunctionRef<void(const Connection&)> function) const override;

 private:
  using Acceptors = std::vector<std::unique_ptr<Acceptor>>;

  // The server on one loop.
  struct Shard {
    LoopRef loop;
    IoHost* host = nullptr;  // Touched on the loop's thread only.
    std::shared_ptr<HandOverQueue> queue;
    std::unique_ptr<ConnectionGroup> group;  // Never null.
    Acceptors acceptors;                     // With kReusePort.
    std::atomic<uint64_t> accepted{0};
  };

  absl::Status CheckOptions() const;
  // On the thread of `host`'s loop. `own`: the shard that keeps the connections, or null.
  absl::Status ListenOn(IoHost& host, const SocketAddress& address, Shard* own);
  absl::Status ListenOn(IoHost& host, OwnedFd socket, Shard* own);
  absl::Status Add(absl::StatusOr<std::unique_ptr<Acceptor>> acceptor, Shard* own);
  ListenOptions MakeListenOptions(bool reuse_port) const;
  Acceptor::Callbacks MakeAcceptorCallbacks(IoHost& host, Shard* own);
  // Calls `function` with each loop's acceptors and true, on that loop's thread; if the loop is
  // gone, with false, on this one.
  template <typename Function>
  void WithAcceptors(Function function);
  // `allowed`: the next accept has passed accepts_per_second already.
  Acceptor::Verdict MayAccept(IoHost& host, bool& allowed);
  bool AtLimit() const {
    return options_.max_connections > 0 && connections() >= options_.max_connections;
  }
  void OnAccept(IoHost& host, Shard* own, OwnedSocket socket, const SocketAddress& peer);
  void Refuse(Syscalls& syscalls, OwnedSocket socket);
  Shard& Choose(const SocketAddress& peer);
  void ReportError(IoError error);
  void DrainShard(Shard& shard, Duration deadline);
  void OnShardDrained(const DrainResult& result);

  StreamServerOptions options_;
  const std::shared_ptr<const ConnectionConfig> config_;
  const std::shared_ptr<ServerMemory> memory_;
  const std::shared_ptr<PeerCounts> peers_;  // Null without a limit.
  RateGroup accept_rate_;
  IoHost& main_host_;  // Touched on the main loop's thread only.
  const LoopRef main_loop_;
  std::vector<std::unique_ptr<Shard>> shards_;
  Acceptors acceptors_;  // Without kReusePort.
  SocketAddress address_;
  size_t next_shard_ = 0;  // Main loop.
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> refused_per_peer_{0};
  std::atomic<uint64_t> failed_{0};
  std::atomic<bool> finishing_{false};  // StopAccepting has begun.
  std::atomic<bool> draining_{false};
  std::atomic<bool> stopped_{false};
  // Main loop: sums of the shards that have drained.
  DrainResult drained_;
  size_t shards_to_drain_ = 0;
  absl::AnyInvocable<void(const DrainResult&)> on_drained_;
};

StreamServer::Core::Core(std::vector<EventLoop*> loops, EventLoop& main_loop,
                         ConnectionCallbacks callbacks, StreamServerOptions options,
                         std::source_location where)
    : options_(std::move(options)),
      config_(std::make_shared<const ConnectionConfig>(
          ConnectionConfig{std::move(callbacks), options_.connection, where})),
      memory_(std::make_shared<ServerMemory>(options_.memory)),
      peers_(options_.max_connections_per_peer > 0
                 ? std::make_shared<PeerCounts>(options_.max_connections_per_peer)
                 : nullptr),
      accept_rate_(RateLimit{options_.accepts_per_second, options_.accept_burst}),
      main_host_(IoHost::Of(main_loop)),
      main_loop_(main_loop.ref()) {
  for (EventLoop* loop : loops) {
    auto shard = std::make_unique<Shard>();
    shard->loop = loop->ref();
    shard->host = &IoHost::Of(*loop);
    shard->queue = shard->host->hand_over_queue();
    shard->group = std::make_unique<ConnectionGroup>(*shard->host, config_,
                                                     memory_->AddLoop(shard->loop), peers_);
    shards_.push_back(std::move(shard));
  }
}

absl::Status StreamServer::Core::CheckOptions() const {
  const ConnectionOptions& connection = options_.connection;
  if (connection.low_water_mark > connection.high_water_mark ||
      connection.high_water_mark > connection.output_limit) {
    return absl::InvalidArgumentError(
        "water marks out of order: low_water_mark <= high_water_mark <= output_limit");
  }
  return absl::OkStatus();
}

absl::Status StreamServer::Core::Listen(const SocketAddress& address) {
  if (absl::Status status = CheckOptions(); !status.ok()) return status;
  if (options_.placement != Placement::kReusePort) return ListenOn(main_host_, address, nullptr);
  if (!address.is_ip()) {
    return absl::InvalidArgumentError("Placement::kReusePort needs an IP address");
  }
  // The first socket picks the port if it is 0, the others share it.
  SocketAddress shared = address;
  for (const std::unique_ptr<Shard>& shard : shards_) {
    absl::Status status = absl::CancelledError("the loop is gone");
    shard->loop.CallAndWait([&] { status = ListenOn(*shard->host, shared, shard.get()); });
    if (!status.ok()) return status;
    shared = address_;
  }
  return absl::OkStatus();
}

absl::Status StreamServer::Core::ListenOn(std::vector<OwnedFd> sockets) {
  if (absl::Status status = CheckOptions(); !status.ok()) return status;
  if (sockets.empty()) return absl::InvalidArgumentError("no socket to listen on");
  for (size_t i = 0; i < sockets.size(); ++i) {
    absl::Status status = absl::CancelledError("the loop is gone");
    if (options_.placement != Placement::kReusePort) {
      status = ListenOn(main_host_, std::move(sockets[i]), nullptr);
    } else {
      Shard& shard = *shards_[i % shards_.size()];
      shard.loop.CallAndWait(
          [&] { status = ListenOn(*shard.host, std::move(sockets[i]), &shard); });
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status StreamServer::Core::ListenOn(IoHost& host, const SocketAddress& address, Shard* own) {
  return Add(Acceptor::Listen(host, address, MakeListenOptions(own != nullptr),
                              MakeAcceptorCallbacks(host, own)),
             own);
}

absl::Status StreamServer::Core::ListenOn(IoHost& host, OwnedFd socket, Shard* own) {
  return Add(Acceptor::Take(host, std::move(socket), MakeListenOptions(own != nullptr),
                            MakeAcceptorCallbacks(host, own)),
             own);
}

absl::Status StreamServer::Core::Add(absl::StatusOr<std::unique_ptr<Acceptor>> acceptor,
                                     Shard* own) {
  if (!acceptor.ok()) return acceptor.status();
  if (address_.is_unspecified()) address_ = (*acceptor)->address();
  (own == nullptr ? acceptors_ : own->acceptors).push_back(*std::move(acceptor));
  return absl::OkStatus();
}

ListenOptions StreamServer::Core::MakeListenOptions(bool reuse_port) const {
  return {.backlog = options_.backlog,
          .accepts_per_turn = std::max<size_t>(1, options_.accepts_per_turn),
          .reuse_port = reuse_port,
          .dual_stack = options_.dual_stack,
          .connection = options_.connection};
}

Acceptor::Callbacks StreamServer::Core::MakeAcceptorCallbacks(IoHost& host, Shard* own) {
  Acceptor::Callbacks callbacks;
  // An accept that found nothing has not used what it was allowed.
  const auto allowed = std::make_shared<bool>(false);
  if ((options_.max_connections > 0 && options_.over_limit == OverLimit::kQueue) ||
      options_.accepts_per_second > 0) {
    callbacks.may_accept = [this, &host, allowed] { return MayAccept(host, *allowed); };
  }
  callbacks.on_accept = [this, &host, own, allowed](OwnedSocket socket, const SocketAddress& peer) {
    *allowed = false;
    OnAccept(host, own, std::move(socket), peer);
  };
  callbacks.on_error = [this](IoError error) { ReportError(error); };
  return callbacks;
}

template <typename Function>
void StreamServer::Core::WithAcceptors(Function function) {
  const auto call = [&](const LoopRef& loop, Acceptors& acceptors) {
    if (!loop.CallAndWait([&] { function(acceptors, /*alive=*/true); })) {
      function(acceptors, /*alive=*/false);
    }
  };
  call(main_loop_, acceptors_);
  if (options_.placement != Placement::kReusePort) return;
  for (const std::unique_ptr<Shard>& shard : shards_) call(shard->loop, shard->acceptors);
}

absl::StatusOr<std::vector<OwnedFd>> StreamServer::Core::DuplicateListeners() {
  std::vector<OwnedFd> copies;
  absl::Status status;
  WithAcceptors([&](Acceptors& acceptors, bool alive) {
    if (!alive) status = absl::CancelledError("the loop is gone");
    for (const std::unique_ptr<Acceptor>& acceptor : acceptors) {
      if (!status.ok()) return;
      absl::StatusOr<OwnedFd> copy = acceptor->Duplicate();
      if (copy.ok()) {
        copies.push_back(*std::move(copy));
      } else {
        status = copy.status();
      }
    }
  });
  if (!status.ok()) return status;
  return copies;
}

Acceptor::Verdict StreamServer::Core::MayAccept(IoHost& host, bool& allowed) {
  if (options_.over_limit == OverLimit::kQueue && AtLimit()) return Acceptor::Verdict::kWait;
  // What is in the queue when the listening ends would be reset: it is accepted at any rate.
  allowed =
      allowed || finishing_.load(std::memory_order_relaxed) || accept_rate_.TryTake(1, host.Now());
  return allowed ? Acceptor::Verdict::kGoOn : Acceptor::Verdict::kWait;
}

void StreamServer::Core::OnAccept(IoHost& host, Shard* own, OwnedSocket socket,
                                  const SocketAddress& peer) {
  if (options_.over_limit == OverLimit::kRefuse && AtLimit()) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    Refuse(host.syscalls(), std::move(socket));
    return;
  }
  if (peers_ != nullptr && !peers_->Add(peer)) {
    refused_per_peer_.fetch_add(1, std::memory_order_relaxed);
    Refuse(host.syscalls(), std::move(socket));
    return;
  }
  // Both `place` and on_open can destroy the server.
  const std::shared_ptr<Core> keep_alive = shared_from_this();
  Shard& shard = own != nullptr ? *own : Choose(peer);
  if (stopped_.load(std::memory_order_relaxed)) return;
  shard.accepted.fetch_add(1, std::memory_order_relaxed);
  shard.group->Expect();
  IoError error;
  if (shard.host == &host) {
    error = shard.group->Attach(std::move(socket), peer);
  } else if (socket.get() > SlotToken::kMaxFd) {
    error = IoError(EMFILE, IoOp::kAccept);
    shard.group->Unexpect();
  } else {
    const SlotToken token = SlotToken::Next(socket.get());
    error = shard.queue->HandOver(token, shard.group->initial_interest(), *shard.group, peer);
    if (error.ok()) {
      static_cast<void>(socket.release());
    } else {
      shard.group->Unexpect();
    }
  }
  if (error.ok()) return;
  if (peers_ != nullptr) peers_->Remove(peer);
  failed_.fetch_add(1, std::memory_order_relaxed);
  if (!stopped_.load(std::memory_order_relaxed)) ReportError(error);
}

void StreamServer::Core::Refuse(Syscalls& syscalls, OwnedSocket socket) {
  if (options_.refusal_message.empty()) return;
  // A fresh socket takes a short message at once; if it does not, nothing more can be done.
  const iovec message = {options_.refusal_message.data(), options_.refusal_message.size()};
  syscalls.Send(socket.get(), std::span(&message, 1));
  syscalls.Shutdown(socket.get(), SHUT_WR);
  // Closing with input unread would send a reset, which can overtake the message.
  char unread[4096];
  for (int i = 0; i < 16 && syscalls.Recv(socket.get(), unread, sizeof unread) > 0; ++i) {
  }
}

StreamServer::Core::Shard& StreamServer::Core::Choose(const SocketAddress& peer) {
  const size_t count = shards_.size();
  if (options_.place) return *shards_[options_.place(peer, count) % count];
  switch (options_.placement) {
    case Placement::kLeastConnections:
      return **std::min_element(shards_.begin(), shards_.end(), [](const auto& a, const auto& b) {
        return a->group->count() < b->group->count();
      });
    case Placement::kPeerHash:
      return *shards_[peer.HashOfHost() % count];
    case Placement::kRoundRobin:
    case Placement::kReusePort:
      break;
  }
  Shard& chosen = *shards_[next_shard_];
  if (++next_shard_ == count) next_shard_ = 0;
  return chosen;
}

void StreamServer::Core::ReportError(IoError error) {
  const std::shared_ptr<Core> keep_alive =
      shared_from_this();  // The callback can destroy the server.
  if (options_.on_accept_error) options_.on_accept_error(error.ToStatus(address_.ToString()));
}

void StreamServer::Core::StopAccepting() {
  // What is still in the queue is accepted here; `place`, on_open and on_accept_error can destroy
  // the server.
  const std::shared_ptr<Core> keep_alive = shared_from_this();
  finishing_.store(true, std::memory_order_relaxed);
  WithAcceptors([](Acceptors& acceptors, bool alive) {
    // A callback may stop the server: the list is looked at afresh each time.
    for (size_t i = 0; alive && i < acceptors.size(); ++i) acceptors[i]->Finish();
  });
}

void StreamServer::Core::Stop() {
  stopped_.store(true, std::memory_order_relaxed);
  // Acceptors first, so that nothing is handed over any more; then the connections, each on its own
  // loop's thread. A loop that is gone has closed its own.
  WithAcceptors([](Acceptors& acceptors, bool) { acceptors.clear(); });
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const bool done = shard->loop.CallAndWait([&] {
      shard->host->TakeHandedOver();
      shard->group->Stop();
    });
    if (!done) shard->group->Stop();
  }
}

bool StreamServer::Core::Drain(Duration deadline,
                               absl::AnyInvocable<void(const DrainResult&)> done) {
  if (draining_.exchange(true)) return false;
  const std::shared_ptr<Core> keep_alive = shared_from_this();  // See StopAccepting.
  on_drained_ = std::move(done);
  shards_to_drain_ = shards_.size();
  StopAccepting();
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const bool posted = shard->loop.Post([self = shared_from_this(), target = shard.get(),
                                          deadline] { self->DrainShard(*target, deadline); });
    if (!posted) OnShardDrained(DrainResult{});
  }
  return true;
}

void StreamServer::Core::DrainShard(Shard& shard, Duration deadline) {
  shard.host->TakeHandedOver();
  if (stopped_.load(std::memory_order_relaxed)) return;
  shard.group->Drain(SaturatingAdd(shard.host->Now(), deadline),
                     [self = shared_from_this()](const DrainResult& result) {
                       self->main_loop_.Post([self, result] { self->OnShardDrained(result); });
                     });
}

void StreamServer::Core::OnShardDrained(const DrainResult& result) {
  drained_.finished += result.finished;
  drained_.forced += result.forced;
  drained_.bytes_lost += result.bytes_lost;
  if (--shards_to_drain_ > 0 || stopped_.load(std::memory_order_relaxed)) return;
  absl::AnyInvocable<void(const DrainResult&)> done = std::move(on_drained_);
  if (done) done(drained_);
}

size_t StreamServer::Core::connections() const {
  size_t count = 0;
  for (const std::unique_ptr<Shard>& shard : shards_) count += shard->group->count();
  return count;
}

std::vector<LoopRef> StreamServer::Core::loops() const {
  std::vector<LoopRef> loops;
  for (const std::unique_ptr<Shard>& shard : shards_) loops.push_back(shard->loop);
  return loops;
}

void StreamServer::Core::ForEachConnection(
    size_t index, absl::FunctionRef<void(const Connection&)> function) const {
  SPINDLE_CHECK(shards_[index]->loop.IsInLoop()) << "of another loop";
  shards_[index]->group->ForEach(function);
}

StreamServerStats StreamServer::Core::stats() const {
  StreamServerStats stats;
  stats.refused = refused_.load(std::memory_order_relaxed);
  stats.failed = failed_.load(std::memory_order_relaxed);
  stats.refused_per_peer = refused_per_peer_.load(std::memory_order_relaxed);
  stats.accept_waits = accept_rate_.counters().waits;
  stats.buffered_bytes = memory_->bytes();
  stats.buffered_peak = memory_->peak();
  stats.paused_now = memory_->paused_now();
  stats.budget_pauses = memory_->pauses();
  stats.budget_closed = memory_->ended();
  stats.budget_refusals = memory_->refused();
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const uint64_t accepted = shard->accepted.load(std::memory_order_relaxed);
    stats.accepted += accepted;
    stats.accepted_per_loop.push_back(accepted);
    stats.open_per_loop.push_back(shard->group->count());
  }
  return stats;
}

absl::StatusOr<std::unique_ptr<StreamServer>> StreamServer::Make(
    std::vector<EventLoop*> loops, EventLoop& main_loop, ConnectionCallbacks callbacks,
    StreamServerOptions options, std::source_location where,
    absl::FunctionRef<absl::Status(Core&)> listen) {
  std::unique_ptr<StreamServer> server(new StreamServer(std::make_shared<Core>(
      std::move(loops), main_loop, std::move(callbacks), std::move(options), where)));
  if (absl::Status status = listen(*server->core_); !status.ok()) return status;
  return server;
}

absl::StatusOr<std::unique_ptr<StreamServer>> StreamServer::Listen(EventLoopThreadPool& pool,
                                                                   const SocketAddress& address,
                                                                   ConnectionCallbacks callbacks,
                                                                   StreamServerOptions options,
                                                                   std::source_location where) {
  return Make({pool.loops().begin(), pool.loops().end()}, pool.main_loop(), std::move(callbacks),
              std::move(options), where, [&](Core& core) { return core.Listen(address); });
}

absl::StatusOr<std::unique_ptr<StreamServer>> StreamServer::Listen(EventLoop& loop,
                                                                   const SocketAddress& address,
                                                                   ConnectionCallbacks callbacks,
                                                                   StreamServerOptions options,
                                                                   std::source_location where) {
  return Make({&loop}, loop, std::move(callbacks), std::move(options), where,
              [&](Core& core) { return core.Listen(address); });
}

absl::StatusOr<std::unique_ptr<StreamServer>> StreamServer::Listen(EventLoopThreadPool& pool,
                                                                   std::vector<OwnedFd> sockets,
                                                                   ConnectionCallbacks callbacks,
                                                                   StreamServerOptions options,
                                                                   std::source_location where) {
  return Make({pool.loops().begin(), pool.loops().end()}, pool.main_loop(), std::move(callbacks),
              std::move(options), where,
              [&](Core& core) { return core.ListenOn(std::move(sockets)); });
}

StreamServer::StreamServer(std::shared_ptr<Core> core) : core_(std::move(core)) {}

StreamServer::~StreamServer() { core_->Stop(); }

const SocketAddress& StreamServer::address() const { return core_->address(); }

absl::StatusOr<std::vector<OwnedFd>> StreamServer::DuplicateListeners() {
  return core_->DuplicateListeners();
}

void StreamServer::StopAccepting() { core_->StopAccepting(); }

bool StreamServer::Drain(Duration deadline, absl::AnyInvocable<void(const DrainResult&)> done) {
  return core_->Drain(deadline, std::move(done));
}

size_t StreamServer::connections() const { return core_->connections(); }

StreamServerStats StreamServer::stats() const { return core_->stats(); }

StreamServerProbe StreamServer::probe() const { return StreamServerProbe(core_); }

const SocketAddress& StreamServerProbe::address() const { return view_->address(); }

StreamServerStats StreamServerProbe::stats() const { return view_->stats(); }

std::vector<LoopRef> StreamServerProbe::loops() const { return view_->loops(); }

void StreamServerProbe::ForEachConnection(
    size_t index, absl::FunctionRef<void(const Connection&)> function) const {
  view_->ForEachConnection(index, function);
}

}  // namespace spindle
