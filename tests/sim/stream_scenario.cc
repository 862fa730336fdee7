#include "tests/sim/stream_scenario.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/live_counter.h"
#include "tests/sim/stream_options_dice.h"
#include "tests/sim/stream_world.h"

namespace spindle {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kMaxSteps = 300'000;
// After it nobody has a reason to wait any more: closing, lingering and draining are shorter.
constexpr Duration kRestLimit = minutes(2);

// Steps until `done()`. False if that takes too long, in virtual time or in turns.
template <typename Done>
bool StepUntil(StreamWorld& world, Done done) {
  const TimePoint limit = world.sim().now() + kRestLimit;
  for (uint64_t steps = 0; !done(); ++steps) {
    if (steps > kMaxSteps || world.sim().now() > limit) return false;
    if (!world.sim().Step()) return done();
  }
  return true;
}

void StartAll(StreamWorld& world) {
  world.PostTo(world.main_loop(), [&world] {
    world.StartServer();
    Random& random = world.random();
    for (uint64_t left = 1 + random.Uniform(4); left > 0; --left) {
      EventLoop& loop = world.AnyLoop();
      const StreamClientOptions options = RollClient(random);
      world.PostTo(loop, [&world, &loop, options] { world.StartClient(loop, options); });
    }
  });
}

// Until the operations are used up; whenever it gets quiet, somebody is woken.
void RunHammer(StreamWorld& world) {
  for (int rounds = 0; rounds < 400 && world.budget() > 0; ++rounds) {
    for (uint64_t left = world.random().Uniform(60); left > 0; --left) {
      if (world.stop_requested() || !world.ledgers().failure().empty()) return;
      if (!world.sim().Step()) break;
    }
    EventLoop& loop = world.AnyLoop();
    if (world.budget() > 0) world.PostTo(loop, [&world] { world.Hammer(nullptr); });
  }
}

bool AllEnded(StreamWorld& world) {
  if (!world.ledgers().open().empty()) return false;
  for (const auto& client : world.clients()) {
    if (client->client->connecting() || client->client->connection() != nullptr) return false;
  }
  StreamWorld::Server* const server = world.server();
  return server == nullptr || (server->server->connections() == 0 && server->drain_done);
}

// A machine without faults, everybody asked to end: the world must come to rest.
void EndOrderly(StreamWorld& world) {
  world.sim().kernel().SetFaults(SimFaults::None());
  world.EndHammer();
  for (EventLoop* loop : world.loops()) {
    world.PostTo(*loop, [&world, loop] {
      for (const TimerId id : world.timers()[world.IndexOf(*loop)]) loop->Cancel(id);
      for (const auto& client : world.clients()) {
        if (client->loop == loop) client->client->Stop();
      }
    });
  }
  world.PostTo(world.main_loop(), [&world] {
    if (world.server() != nullptr && !world.server()->drain_started) world.StartDrain(seconds(5));
  });
  for (const auto& [generation, entry] : world.ledgers().open()) {
    entry.handle.CloseAfterFlush(seconds(5));
  }
  if (StepUntil(world, [&] { return AllEnded(world); })) return;
  std::string what = absl::StrCat("not at rest: ", world.ledgers().open().size(), " connections");
  if (world.server() != nullptr && !world.server()->drain_done) what += ", drain not done";
  world.ledgers().Fail(what);
}

// After all that a fresh server serves a fresh client.
void Probe(StreamWorld& world) {
  world.DestroyServer();
  while (!world.clients().empty()) world.DestroyClient(0);
  bool served = false;
  ConnectionCallbacks echo;
  echo.on_bytes = [](Connection& connection, Buffer& input) {
    static_cast<void>(connection.Write(std::move(input)));
  };
  EventLoop& loop = *world.loops().back();
  auto server = world.Listen(std::move(echo));
  if (!server.ok()) {
    world.ledgers().Fail(absl::StrCat("cannot listen: ", server.status().ToString()));
    return;
  }
  ConnectionCallbacks ask;
  ask.on_open = [](Connection& connection) {
    static_cast<void>(connection.Write(std::string(1000, 'p')));
  };
  ask.on_bytes = [&](Connection& connection, Buffer& input) {
    if (input.size() < 1000) return;
    served = true;
    connection.Close();
  };
  StreamClient client(loop, (*server)->address(), std::move(ask), {.random_seed = 1});
  client.Connect();
  if (!StepUntil(world, [&] { return served && client.connection() == nullptr; })) {
    world.ledgers().Fail("a fresh client is not served");
  }
}

// Owners and loops go in any order.
void DestroyAll(StreamWorld& world) {
  world.EndHammer();
  const bool loops_first = world.random().OneIn(2);
  if (loops_first) world.DestroyLoops();
  world.DestroyServer();
  while (!world.clients().empty()) {
    world.DestroyClient(world.random().Uniform(world.clients().size()));
  }
  if (!loops_first) world.DestroyLoops();
}

void CheckNothingLeft(StreamWorld& world, uint64_t sent_by_others) {
  StreamLedgers& ledgers = world.ledgers();
  if (!ledgers.open().empty()) ledgers.Fail("a connection without on_close");
  if (world.sim().kernel().open_fds() != 0) {
    ledgers.Fail(absl::StrCat(world.sim().kernel().open_fds(), " descriptors left open"));
  }
  const TaskCounts& tasks = world.tasks();
  if (tasks.run_twice != 0) ledgers.Fail("a task ran twice");
  if (tasks.made != tasks.destroyed || tasks.made != tasks.run + tasks.destroyed_unrun) {
    ledgers.Fail(absl::StrCat(tasks.made, " tasks made, ", tasks.run, " run, ", tasks.destroyed,
                              " destroyed"));
  }
  // What is under way gets the time to arrive where nobody waits for it.
  while (world.sim().Step()) {
  }
  const SimBytes bytes = world.sim().kernel().bytes();
  if (bytes.sent != ledgers.sent() + sent_by_others) {
    ledgers.Fail(absl::StrCat("kernel sent ", bytes.sent, ", ledgers say ", ledgers.sent()));
  }
  if (bytes.sent != bytes.received + bytes.discarded + bytes.in_flight) {
    ledgers.Fail("bytes got lost in the machine");
  }
  if (bytes.in_flight != 0 && !world.cut_off) ledgers.Fail("bytes in flight at the end");
}

StreamScenarioResult Run(uint64_t seed) {
  StreamScenarioResult result;
  StreamWorld world(seed);
  const TimePoint start = world.sim().now();
  StartAll(world);
  RunHammer(world);
  uint64_t sent_by_others = 0;
  if (!world.stop_requested()) {
    EndOrderly(world);
    const uint64_t sent = world.sim().kernel().bytes().sent;
    Probe(world);
    sent_by_others = world.sim().kernel().bytes().sent - sent;
  }
  DestroyAll(world);
  CheckNothingLeft(world, sent_by_others);
  result.failure = world.ledgers().failure();
  result.trace_hash = world.sim().TraceHash();
  result.operations = world.operations();
  result.callbacks = world.ledgers().callbacks();
  result.connections = world.ledgers().connections();
  result.bytes_received = world.ledgers().received();
  result.drains = world.drains_answered;
  result.tasks = world.tasks().made;
  result.virtual_time = world.sim().now() - start;
  result.counters = world.sim().kernel().counters();
  return result;
}

std::string LiveObjects() {
  std::string text;
  for (const LiveCountEntry& entry : NonZeroLiveCounts()) {
    absl::StrAppend(&text, entry.name, " ", entry.count, "; ");
  }
  return text;
}

}  // namespace

StreamScenarioResult RunStreamScenario(uint64_t seed) {
  const std::string before = LiveObjects();
  StreamScenarioResult result = Run(seed);
  const std::string after = LiveObjects();
  if (result.failure.empty() && before != after) {
    result.failure = absl::StrCat("objects left alive: ", after);
  }
  return result;
}

}  // namespace spindle
