#include "tests/sim/stream_world.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "tests/sim/simulated_pool.h"
#include "tests/sim/stream_hammer.h"
#include "tests/sim/stream_options_dice.h"

namespace spindle {
namespace {

using Owner = std::shared_ptr<StreamOwner>;

constexpr size_t kMaxClients = 12;

StreamTalk RollTalk(Random& random) {
  constexpr StreamTalk kTalks[] = {StreamTalk::kEcho, StreamTalk::kIndependent,
                                   StreamTalk::kConstant};
  return kTalks[random.Uniform(3)];
}

}  // namespace

StreamWorld::StreamWorld(uint64_t seed)
    : random_(seed),
      talk_(RollTalk(random_)),
      pattern_(talk_ == StreamTalk::kConstant ? StreamPattern::Kind::kConstant
                                              : StreamPattern::Kind::kByPosition),
      ledgers_(pattern_, talk_ == StreamTalk::kEcho),
      sim_(std::make_unique<Simulation>(RollMachine(seed, random_))),
      budget_(40 + random_.Uniform(260)) {
  loops_.push_back(&sim_->AddLoop("main"));
  std::vector<EventLoop*> workers;
  for (size_t left = random_.Uniform(4); left > 0; --left) {
    EventLoopOptions options{.name = "worker"};
    if (random_.OneIn(4)) options.max_events_per_turn = 1 + random_.Uniform(2);
    if (random_.OneIn(4)) options.max_tasks_per_turn = 1 + random_.Uniform(2);
    if (random_.OneIn(4)) options.read_block_size = 512 + random_.Uniform(2000);
    workers.push_back(&sim_->AddLoop(std::move(options)));
  }
  pool_ = MakeSimulatedPool(main_loop(), workers);
  loops_.insert(loops_.end(), workers.begin(), workers.end());
  for (size_t left = 1 + random_.Uniform(2); left > 0; --left) {
    loops_.push_back(&sim_->AddLoop("client"));
  }
  timers_.resize(loops_.size());
}

StreamWorld::~StreamWorld() { EndHammer(); }

size_t StreamWorld::IndexOf(const EventLoop& loop) const {
  return static_cast<size_t>(std::find(loops_.begin(), loops_.end(), &loop) - loops_.begin());
}

void StreamWorld::DestroyLoops() {
  std::vector<EventLoop*> going = loops_;
  random_.Shuffle(going);
  for (EventLoop* loop : going) sim_->DestroyLoop(*loop);
}

void StreamWorld::PostTo(EventLoop& loop, absl::AnyInvocable<void()> function) {
  loop.ref().Post(tasks_.Count([this, &loop, function = std::move(function)]() mutable {
    const Turn turn(*this, &loop);
    function();
  }));
}

void StreamWorld::Hammer(Connection* self) {
  if (budget_ == 0 || random_.OneIn(3)) return;
  for (uint64_t left = 1 + random_.Uniform(3); left > 0 && budget_ > 0; --left) {
    --budget_;
    ++operations_;
    StreamHammer(*this, self).Act();
  }
}

// ---- The server.

void StreamWorld::StartServer() { StartServer(RollServer(random_)); }

void StreamWorld::StartServer(StreamServerOptions options) {
  if (server_ != nullptr) return;
  auto made = std::make_unique<Server>();
  made->owner = std::make_shared<StreamOwner>();
  made->owner->tells_open = !random_.OneIn(4);
  made->owner->hears_bytes = !random_.OneIn(12);
  made->owner->keeps_writing = options.connection.peer_fin == PeerFinPolicy::kKeepWriting;
  const bool reuse_port = options.placement == Placement::kReusePort;
  if (!reuse_port && random_.OneIn(4)) {
    options.place = [this](const SocketAddress&, size_t) {
      const Turn turn(*this, &main_loop());
      const size_t index = random_.Uniform(100);
      if (random_.OneIn(8)) Hammer(nullptr);
      return index;
    };
  }
  if (random_.OneIn(2)) {
    options.on_accept_error = [this, reuse_port](const absl::Status& status) {
      const Turn turn(*this, reuse_port ? nullptr : &main_loop());
      if (status.ok()) ledgers_.Fail("on_accept_error without an error");
      Hammer(nullptr);
    };
  }
  // The same port again, at times: clients that reconnect find the new server.
  const bool same_port = server_address_.port() != 1 && random_.OneIn(2);
  const SocketAddress address = same_port ? server_address_ : SocketAddress::LoopbackV4(0);
  auto server =
      StreamServer::Listen(*pool_, address, MakeCallbacks(made->owner), std::move(options));
  if (!server.ok()) return;  // The port may be taken, or all descriptors.
  made->server = *std::move(server);
  server_address_ = made->server->address();
  server_ = std::move(made);
}

void StreamWorld::DestroyServer() {
  if (server_ == nullptr) return;
  const std::unique_ptr<Server> doomed = std::move(server_);
  doomed->server.reset();
  doomed->owner->gone = true;
}

void StreamWorld::StartDrain(Duration deadline) {
  if (server_ == nullptr) return;
  const bool first = !server_->drain_started;
  server_->drain_started = true;
  const bool started = server_->server->Drain(
      deadline, [this, owner = server_->owner, calls = 0](const DrainResult&) mutable {
        const Turn turn(*this, &main_loop());
        if (owner->gone) ledgers_.Fail("Drain's done after the server's destructor");
        if (++calls > 1) ledgers_.Fail("Drain's done twice");
        ++drains_answered;
        if (server_ != nullptr && server_->owner == owner) {
          if (server_->server->connections() != 0) ledgers_.Fail("drained with connections");
          server_->drain_done = true;
        }
        Hammer(nullptr);
      });
  if (started != first) ledgers_.Fail("Drain's answer is wrong");
}

// ---- Clients.

void StreamWorld::StartClient(EventLoop& loop, StreamClientOptions options) {
  if (clients_.size() >= kMaxClients) return;
  auto made = std::make_unique<Client>();
  made->owner = std::make_shared<StreamOwner>();
  made->owner->side = StreamOwner::Side::kClient;
  made->owner->tells_open = !random_.OneIn(6);
  made->owner->keeps_writing = options.connection.peer_fin == PeerFinPolicy::kKeepWriting;
  made->loop = &loop;
  made->client = std::make_unique<StreamClient>(
      loop, server_address_, MakeCallbacks(made->owner), std::move(options),
      [this, &loop, owner = made->owner](const ConnectError&) {
        const Turn turn(*this, &loop);
        if (owner->gone) ledgers_.Fail("on_connect_error after the client's destructor");
        Hammer(nullptr);
      });
  made->client->Connect();
  clients_.push_back(std::move(made));
}

void StreamWorld::DestroyClient(size_t index) {
  const std::unique_ptr<Client> doomed = std::move(clients_[index]);
  clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(index));
  doomed->client.reset();
  doomed->owner->gone = true;
}

// ---- Callbacks of connections.

ConnectionCallbacks StreamWorld::MakeCallbacks(const Owner& owner) {
  ConnectionCallbacks callbacks;
  if (owner->tells_open) {
    callbacks.on_open = [this, owner](Connection& connection) {
      const Turn turn(*this, &connection.loop());
      ledgers_.OnOpen(owner, connection);
      if (owner->side == StreamOwner::Side::kClient) {
        StreamHammer(*this, &connection).WriteSome(connection);
      }
      Hammer(&connection);
    };
  }
  if (owner->hears_bytes) {
    callbacks.on_bytes = [this, owner](Connection& connection, Buffer& input) {
      OnBytes(owner, connection, input);
    };
  }
  callbacks.on_close = [this, owner](Connection& connection, const CloseReason& reason) {
    const Turn turn(*this, &connection.loop());
    ledgers_.OnClose(owner, connection, reason);
    Hammer(&connection);
  };
  AddRareCallbacks(owner, callbacks);
  return callbacks;
}

void StreamWorld::AddRareCallbacks(const Owner& owner, ConnectionCallbacks& callbacks) {
  const auto watch = [this, owner](void (StreamLedgers::*note)(
                         const std::shared_ptr<const StreamOwner>&, Connection&)) {
    return [this, owner, note](Connection& connection) {
      const Turn turn(*this, &connection.loop());
      (ledgers_.*note)(owner, connection);
      Hammer(&connection);
    };
  };
  if (!random_.OneIn(4)) callbacks.on_read_closed = watch(&StreamLedgers::OnReadClosed);
  if (!random_.OneIn(4)) callbacks.on_pause = watch(&StreamLedgers::OnPause);
  // One is as good as none only if both are there.
  if (callbacks.on_pause) callbacks.on_resume = watch(&StreamLedgers::OnResume);
  if (!random_.OneIn(4)) callbacks.on_drained = watch(&StreamLedgers::OnDrained);
  if (random_.OneIn(2)) {
    callbacks.on_drain = [this, owner](Connection& connection) {
      const Turn turn(*this, &connection.loop());
      ledgers_.OnDrain(owner, connection);
      if (budget_ == 0 || random_.OneIn(2)) connection.Close();
      Hammer(&connection);
    };
  }
}

void StreamWorld::OnBytes(const Owner& owner, Connection& connection, Buffer& input) {
  const Turn turn(*this, &connection.loop());
  const uint64_t generation = connection.id().generation;
  const size_t before = input.size();
  ledgers_.OnBytes(owner, connection, input);
  if (random_.OneIn(2)) Hammer(&connection);
  if (owner->side == StreamOwner::Side::kServer && talk_ == StreamTalk::kEcho) {
    Echo(connection, input);
  } else if (random_.OneIn(8)) {
    input.Consume(random_.Uniform(input.size() + 1));
  } else {
    input.Clear();
  }
  if (random_.OneIn(2)) Hammer(&connection);
  ledgers_.OnBytesDone(generation, before - input.size());
}

void StreamWorld::Echo(Connection& connection, Buffer& input) {
  const size_t size = random_.OneIn(3) ? random_.Uniform(input.size() + 1) : input.size();
  if (size == input.size() && random_.OneIn(2)) {
    // Refused: stays, and comes again.
    if (!connection.Write(std::move(input)).ok()) return;
    if (!input.empty()) ledgers_.Fail("Write(Buffer&&) left something");
    return;
  }
  const std::string copy = input.ToString().substr(0, size);
  if (connection.Write(copy).ok()) input.Consume(size);
}

}  // namespace spindle
