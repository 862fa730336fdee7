#include "bench/cli/bench_flags.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string_view>
#include <system_error>

#include "base/strings.h"
#include "bench/cli/flags.h"
#include "bench/cli/outputs.h"
#include "bench/load/room_load.h"

namespace spindle::bench {
namespace {

constexpr ServiceMode kModes[] = {ServiceMode::kEcho, ServiceMode::kDiscard, ServiceMode::kChargen};
constexpr StreamWay kWays[] = {StreamWay::kEcho, StreamWay::kSend, StreamWay::kReceive};

constexpr uint64_t kStreamBlock = 128 * 1024;  // As iperf3 has it.
// Of --churn --rate, where nobody can say how many it takes.
constexpr uint64_t kChurnLanes = 1000;
constexpr uint64_t kMaxRate = 1'000'000'000;

// Whole numbers, with k or M for 10^3 and 10^6: rates are not counted in powers of 1024.
uint64_t ParseRate(const std::string& text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const std::string_view unit(rest, static_cast<size_t>(end - rest));
  const uint64_t factor = unit.empty() ? 1 : unit == "k" ? 1000 : unit == "M" ? 1'000'000 : 0;
  if (error != std::errc() || factor == 0 || value == 0 || value > kMaxRate / factor) {
    RefuseOption("--rate", Concat("\"", text,
                                  "\" is no number per second, as 500, 20k or 1M, from 1 to 10^9"));
  }
  return value * factor;
}

void CheckRoom(const BenchFlags& flags) {
  if (flags.room == 0) return;
  if (flags.own_server())
    RefuseOption("--room", "needs HOST PORT of a server that sends all to all");
  if (flags.room > flags.connections)
    RefuseOption("--room", "are more senders than connections (-c)");
  if (flags.message_bytes < kRoomHeaderBytes) {
    RefuseOption("--room", Concat("needs messages of ", kRoomHeaderBytes, " bytes or more (-s)"));
  }
}

void CheckServer(const CLI::App& app, const BenchFlags& flags) {
  if (flags.own_server()) {
    if (flags.server_pid > 0)
      RefuseOption("--server-pid", "is for a server elsewhere: give HOST PORT");
    return;
  }
  for (const char* name : {"--loops", "--think", "--think-mode"}) {
    if (!Given(app, name)) continue;
    RefuseOption(name, "is for the own server: with HOST PORT give it to `spindle serve`");
  }
  if (!flags.pin.server.empty()) {
    RefuseOption("--pin", "server: is for the own server; pin another one by taskset(1)");
  }
}

// What the options say together, and the defaults that depend on others.
void Complete(const CLI::App& app, BenchFlags& flags) {
  const auto excludes = [&](const char* name, std::initializer_list<const char*> others) {
    if (!Given(app, name)) return;
    for (const char* other : others) {
      if (Given(app, other)) RefuseOption(name, Concat("does not go together with ", other));
    }
  };
  excludes("--stream", {"--rate", "--churn", "--pipeline"});
  excludes("--pipeline", {"--rate", "--churn"});
  excludes("--room", {"--rate", "--churn", "--pipeline", "--stream", "--threads"});
  if (Given(app, "--arrivals") && !flags.open_loop()) RefuseOption("--arrivals", "needs --rate");
  if (flags.mode_index != 0 && !flags.stream)
    RefuseOption("--mode", "other than echo needs --stream");
  if (flags.mode_index != 0 && flags.idle > 0) {
    RefuseOption("--idle",
                 "needs a server that echoes: it is how idle connections prove to be alive");
  }
  CheckServer(app, flags);
  CheckRoom(flags);
  if (flags.stream && !Given(app, "--size")) flags.message_bytes = kStreamBlock;
  if (flags.churn && flags.open_loop() && !Given(app, "--connections")) {
    flags.connections = std::max(kChurnLanes, flags.threads);
  }
  if (flags.threads > flags.connections) {
    RefuseOption("--threads", Concat(flags.threads, " are more than the ", flags.connections,
                                     " connections (-c) that they share"));
  }
  if (flags.own_server() && !Given(app, "--pin")) flags.pin = HalfAndHalf();
  if (!Given(app, "--loops")) flags.loops = std::max<size_t>(1, flags.pin.server.size());
}

void AddLoadFlags(CLI::App& app, BenchFlags& flags) {
  AddSize(app, "-c,--connections", flags.connections, {1, 1000000},
          "connections; with --churn: at once at most");
  AddSize(app, "-t,--threads", flags.threads, {1, 1024},
          "client threads, which share the connections and the rate");
  AddDuration(app, "-d,--duration", flags.duration, "measured time, after the warm-up", kAboveZero);
  AddDuration(app, "--warmup", flags.warmup, "time before, which does not count");
  AddSize(app, "-s,--size", flags.message_bytes, {1, uint64_t{1} << 30},
          "bytes per message; with --stream per write, 128 KiB if left out");
  AddParsed(
      app, "-r,--rate", [&flags](const std::string& text) { flags.rate = ParseRate(text); },
      "open loop: so many messages (with --churn connections) per second in all, sent when they "
      "are due whether or not answers have come; latency counts from the intended time")
      .Type("N");
  AddChoice(app, "--arrivals", {"constant", "poisson"}, flags.arrivals_index,
            "with --rate: equally far apart, or at random");
  AddSize(app, "--pipeline", flags.pipeline, {1, 1000000},
          "closed loop: messages of one connection under way at once");
  AddSwitch(app, "--stream", flags.stream, "write without end, as fast as the server takes it");
  AddChoice(
      app, "--mode", {"echo", "sink", "chargen"}, flags.mode_index,
      "what the server does; with --stream: sink takes all and answers nothing, chargen sends "
      "and is only read");
  AddSwitch(app, "--churn", flags.churn, "a new connection for each message: connect, echo, close");
  AddSize(app, "--room", flags.room, {0, 1000000},
          "the server sends everything to all connections: so many of them send, each its next "
          "message when all have the last one");
  AddSwitch(app, "--spread-local,!--no-spread-local", flags.spread_local,
            "with --churn to 127.x.x.x: connect from 127.0.0.1 to 127.0.0.32 in turn (default), "
            "so that ports in TIME_WAIT do not run out");
  AddSize(app, "--idle", flags.idle, {0, 1000000},
          "connections besides, which only stay open; each echoes once before and once after");
}

}  // namespace

Arrivals BenchFlags::arrivals() const {
  return arrivals_index == 0 ? Arrivals::kConstant : Arrivals::kPoisson;
}

StreamWay BenchFlags::way() const { return kWays[mode_index]; }

ServiceMode BenchFlags::mode() const { return kModes[mode_index]; }

ThinkMode BenchFlags::think_mode() const { return static_cast<ThinkMode>(think_mode_index); }

std::string BenchFlags::kind() const {
  return churn ? "churn" : stream ? "stream" : room > 0 ? "room" : "echo";
}

std::vector<std::string> ThinkModeNames() { return {"timer", "block", "burn"}; }

void AddBenchFlags(CLI::App& app, BenchFlags& flags) {
  AddEndpoint(app, flags.endpoint,
              "an echo server: HOST PORT, unix:/path or unix:@name; left out: one is started in "
              "this process");
  AddLoadFlags(app, flags);
  AddDuration(app, "--timeout", flags.patience, "how long the last answers may take after the end");
  AddDuration(app, "--connect-timeout", flags.connect_timeout, "for each connection");
  AddParsed(
      app, "--pin",
      [&flags](const std::string& text) { flags.pin = ValueOrRefuse("--pin", ParsePin(text)); },
      "processors, as client:0,server:1, or none; left out: half of them for each side if the "
      "server is our own, else none")
      .Type("PLAN");
  AddSize(app, "--server-pid", flags.server_pid, {1, 1u << 30},
          "whose processor time to read; left out: of who listens there, if that is this machine's "
          "loopback")
      .Default("");
  AddSize(app, "--loops", flags.loops, {0, 1024},
          "own server: worker loops; left out: one for each of its processors")
      .Default("");
  AddDuration(app, "--think", flags.think, "own server: time before each answer");
  AddChoice(app, "--think-mode", ThinkModeNames(), flags.think_mode_index,
            "own server: on a timer, asleep in the loop, or busy in it");
  AddSize(app, "--seed", flags.seed, {}, "of the bytes that are sent, and of --arrivals poisson");
  AddSize(app, "--max-errors", flags.max_errors, {}, "more of them end in exit code 5");
  AddSwitch(app, "--quiet", flags.quiet, "no progress lines");
  AddOutputs(app, flags.outputs);
  OnceParsed(app, [&app, &flags] { Complete(app, flags); });
}

}  // namespace spindle::bench
