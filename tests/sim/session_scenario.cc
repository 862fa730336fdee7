#include "tests/sim/session_scenario.h"

#include <errno.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/live_counter.h"
#include "base/random.h"
#include "base/strings.h"
#include "net/backend/sim_options.h"
#include "net/loop/simulation.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"
#include "tests/sim/session_model.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// After it nobody has a reason to wait any more: the deadlines of all steps together are shorter.
constexpr Duration kRestLimit = minutes(3);
constexpr uint64_t kMaxSteps = 200'000;

SimOptions RollMachine(Random& random, uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  const uint64_t dice = random.Uniform(4);
  if (dice == 0) options.faults = SimFaults::Wild();
  if (dice == 1) options.faults = SimFaults::Mild();
  if (random.OneIn(2)) options.delay_max = milliseconds(1 + random.Uniform(20));
  if (random.OneIn(2)) options.segments = SimOptions::Segments::kRandom;
  if (random.OneIn(2)) options.max_segment = 1 + random.Uniform(3000);
  if (random.OneIn(2)) options.send_buffer = 256 << random.Uniform(7);
  if (random.OneIn(2)) options.receive_buffer = 256 << random.Uniform(7);
  return options;
}

SessionOptions RollSession(Random& random) {
  SessionOptions options;
  options.max_message = random.OneIn(4) ? 500 : 100'000;
  options.heartbeat_interval = milliseconds(random.OneIn(3) ? 0 : 200 << random.Uniform(6));
  options.heartbeat_misses = static_cast<uint32_t>(1 + random.Uniform(3));
  if (random.OneIn(3)) options.peer_end = PeerEndPolicy::kKeepSending;
  if (random.OneIn(4)) options.ack_timeout = milliseconds(100);
  if (random.OneIn(4)) options.end_timeout = milliseconds(100);
  if (random.OneIn(4)) options.hello_timeout = milliseconds(100);
  if (random.OneIn(3)) options.shutdown_timeout = milliseconds(random.Uniform(2) * 50);
  return options;
}

ConnectionOptions RollConnection(Random& random) {
  ConnectionOptions options;
  if (random.OneIn(3)) {
    options.high_water_mark = 2000;
    options.low_water_mark = 500;
  }
  options.pause_reading_above_high_water = !random.OneIn(3);
  if (random.OneIn(6)) {
    options.high_water_mark = 4000;
    options.low_water_mark = 500;
    options.output_limit = 8000;
    if (random.OneIn(2)) options.output_limit_policy = OutputLimitPolicy::kRefuse;
  }
  if (random.OneIn(2)) options.peer_fin = PeerFinPolicy::kKeepWriting;
  if (random.OneIn(4)) options.linger_timeout = Duration::zero();
  return options;
}

class World {
 public:
  explicit World(uint64_t seed)
      : random_(seed), sim_(RollMachine(random_, seed)), budget_(10 + random_.Uniform(50)) {
    server_loop_ = &sim_.AddLoop("server");
    client_loop_ = &sim_.AddLoop("client");
    may_pause_ = random_.OneIn(2);
  }

  void Start() {
    StreamServerOptions options;
    options.connection = RollConnection(random_);
    auto server = StreamServer::Listen(*server_loop_, SocketAddress::LoopbackV4(0),
                                       AcceptorSessions(Callbacks(), RollSession(random_)),
                                       std::move(options));
    if (!server.ok()) return model_.Fail("cannot listen");
    server_ = *std::move(server);
    for (uint64_t left = 1 + random_.Uniform(2); left > 0; --left) {
      clients_.push_back(std::make_unique<StreamClient>(
          *client_loop_, server_->address(), InitiatorSessions(Callbacks(), RollSession(random_)),
          StreamClientOptions{.connection = RollConnection(random_), .random_seed = 1}));
      clients_.back()->Connect();
    }
  }

  void Run() {
    for (int rounds = 0; rounds < 200 && budget_ > 0 && model_.failure().empty(); ++rounds) {
      for (uint64_t left = random_.Uniform(40); left > 0 && sim_.Step(); --left) {
      }
      if (Half* const half = model_.AnyOpen(random_)) OperateLater(*half);
      if (random_.OneIn(60)) Disturb();
    }
  }

  void EndOrderly() {
    sim_.kernel().SetFaults(SimFaults::None());
    budget_ = 0;
    ending_ = true;
    for (Half& half : model_.halves()) {
      if (half.closed) continue;
      half.handle.Run([&half](Session& session) {
        session.ResumeReading();
        session.Close(1);
        half.sealed = true;
      });
    }
    const TimePoint limit = sim_.now() + kRestLimit;
    for (uint64_t steps = 0; !AtRest(); ++steps) {
      if (steps > kMaxSteps || sim_.now() > limit || !sim_.Step()) {
        if (!AtRest()) model_.Fail(absl::StrCat("not at rest: ", Remaining()));
        return;
      }
    }
  }

  void Destroy() {
    // A handle must not outlive the machine.
    for (Half& half : model_.halves()) half.handle = SessionHandle();
    server_.reset();
    clients_.clear();
    sim_.DestroyLoop(*client_loop_);
    sim_.DestroyLoop(*server_loop_);
    model_.CheckAtTheEnd();
    if (sim_.kernel().open_fds() != 0) model_.Fail("descriptors left open");
    // Where nobody paused and nothing was held up, nobody may be taken for dead.
    const bool stalled = sim_.kernel().counters().clock_stalls > 0;
    if (!may_pause_ && !stalled && cuts_ == 0) model_.CheckNobodyTakenForDead();
  }

  SessionScenarioResult Result() {
    SessionScenarioResult result;
    result.failure = model_.failure();
    result.trace_hash = sim_.TraceHash();
    result.operations = operations_;
    result.cuts = cuts_;
    result.virtual_time = sim_.now() - SimOptions().start;
    for (const Half& half : model_.halves()) {
      result.messages += half.received;
      ++result.kinds[half.reason.kind];
      ++result.states[half.reason.state];
    }
    return result;
  }

 private:
  SessionCallbacks Callbacks() {
    SessionCallbacks callbacks;
    callbacks.on_open = [this](Session& session) {
      Half& half = model_.Open(session);
      Operate(session, half);
      if (!ending_) return;
      session.Close();
      half.sealed = true;
    };
    callbacks.on_message = [this](Session& session, Buffer& message) {
      Half& half = model_.Receive(session, message);
      if (random_.OneIn(3)) Operate(session, half);
    };
    callbacks.on_end = [this](Session& session, const SessionNote&) {
      Half& half = model_.End(session);
      if (random_.OneIn(2)) Operate(session, half);
    };
    callbacks.on_close = [this](Session& session, const SessionCloseReason& reason) {
      model_.Close(session, reason);
    };
    return callbacks;
  }

  bool AtRest() {
    if (!model_.AllClosed()) return false;
    if (server_ != nullptr && server_->connections() > 0) return false;
    for (const auto& client : clients_) {
      if (client->connecting() || client->connection() != nullptr) return false;
    }
    return true;
  }

  std::string Remaining() {
    std::string out;
    for (Half& half : model_.halves()) {
      if (half.closed) continue;
      half.handle.Run([&out](Session& session) {
        absl::StrAppend(&out, "session in ", ToAbsl(SessionStateName(session.state())), ", ",
                        session.output_queued(), " queued; ");
      });
    }
    for (int i = 0; i < 100 && sim_.Step(); ++i) {
    }
    for (const auto& client : clients_) {
      if (client->connecting()) absl::StrAppend(&out, "a client connects; ");
      if (client->connection() != nullptr) absl::StrAppend(&out, "a client is connected; ");
    }
    if (server_ != nullptr) absl::StrAppend(&out, server_->connections(), " at the server");
    return out;
  }

  void OperateLater(Half& half) {
    half.handle.Run([this, &half](Session& session) {
      if (budget_ > 0) Operate(session, half);
    });
  }

  void Operate(Session& session, Half& half) {
    for (uint64_t left = 1 + random_.Uniform(3); left > 0 && budget_ > 0; --left) {
      --budget_;
      ++operations_;
      OperateOnce(session, half);
    }
  }

  void OperateOnce(Session& session, Half& half) {
    const uint64_t dice = random_.Uniform(40);
    if (dice < 27) {
      Send(session, half);
    } else if (dice == 27) {
      for (int i = 0; i < 10; ++i) Send(session, half);
    } else if (dice < 30) {
      session.Close(static_cast<uint32_t>(random_.Uniform(3)), "model");
      half.sealed = true;
    } else if (dice < 33) {
      if (may_pause_) session.PauseReading();
    } else if (dice < 37) {
      session.ResumeReading();
    } else if (dice == 37) {
      session.SetHeartbeat(milliseconds(random_.Uniform(3) * 500), 2);
    } else if (random_.OneIn(4)) {
      session.Fail(7, "model");
      half.sealed = true;
    } else if (random_.OneIn(4)) {
      session.Abort();
      half.sealed = true;
    }
  }

  void Send(Session& session, Half& half) {
    const std::string message =
        half.Message(half.sent, random_.Uniform(random_.OneIn(5) ? 3000 : 100));
    IoError error;
    if (random_.OneIn(2)) {
      error = session.Send(message);
    } else {
      Buffer buffer(message);
      error = session.Send(std::move(buffer));
      if (!error.ok() && !(buffer == message)) model_.Fail("a refused message has changed");
    }
    if (error.ok()) {
      ++half.sent;
      if (half.sealed) model_.Fail("a message was taken after the end");
    } else if (half.sealed && error.code() != EPIPE) {
      model_.Fail("a message after the end is not refused by EPIPE");
    }
  }

  // Something that a session cannot know beforehand.
  void Disturb() {
    const uint64_t dice = random_.Uniform(8);
    Half* const half = model_.AnyOpen(random_);
    if (dice == 0 && server_ != nullptr) {
      server_->Drain(seconds(60), [](const DrainResult&) {});
    } else if (dice == 1) {
      server_.reset();
    } else if (dice == 2 && !clients_.empty()) {
      clients_.erase(clients_.begin());
    } else if (half != nullptr && dice < 6) {
      sim_.kernel().KillConnection(static_cast<int>(half->handle.id().slot));
      ++cuts_;
    } else if (half != nullptr) {
      sim_.kernel().ResetConnection(static_cast<int>(half->handle.id().slot));
    }
  }

  Random random_;
  SessionModel model_;
  Simulation sim_;
  EventLoop* server_loop_;
  EventLoop* client_loop_;
  std::unique_ptr<StreamServer> server_;
  std::vector<std::unique_ptr<StreamClient>> clients_;
  uint64_t budget_;
  uint64_t operations_ = 0;
  uint64_t cuts_ = 0;
  bool may_pause_ = false;
  bool ending_ = false;
};

SessionScenarioResult Run(uint64_t seed) {
  World world(seed);
  world.Start();
  world.Run();
  world.EndOrderly();
  world.Destroy();
  return world.Result();
}

}  // namespace

SessionScenarioResult RunSessionScenario(uint64_t seed) {
  const auto before = LiveCount<Session>() + LiveCount<Connection>() + LiveCount<Chunk>();
  SessionScenarioResult result = Run(seed);
  const auto after = LiveCount<Session>() + LiveCount<Connection>() + LiveCount<Chunk>();
  if (result.failure.empty() && before != after) result.failure = "objects left alive";
  return result;
}

}  // namespace spindle
