// spindle serve: a server to measure.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/logging.h"
#include "base/strings.h"
#include "bench/cli/bench_flags.h"
#include "bench/cli/commands.h"
#include "bench/cli/descriptor_limit.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/cli/stall.h"
#include "bench/load/resolve.h"
#include "bench/load/service.h"
#include "net/admin/admin_server.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_options.h"
#include "net/stream/stream_server.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

// The names of --mode, and what they stand for.
const std::vector<std::string> kModeNames = {"echo", "sink", "discard", "chargen",
                                             "ack",  "http", "sockperf"};
constexpr ServiceMode kModes[] = {
    ServiceMode::kEcho, ServiceMode::kDiscard, ServiceMode::kDiscard, ServiceMode::kChargen,
    ServiceMode::kAck,  ServiceMode::kHttp,    ServiceMode::kSockperf};
constexpr Placement kPlacements[] = {Placement::kRoundRobin, Placement::kLeastConnections,
                                     Placement::kPeerHash, Placement::kReusePort};

struct ServeFlags {
  std::vector<std::string> endpoint;
  size_t mode_index = 0;
  uint64_t loops = std::max(1u, std::thread::hardware_concurrency());
  Duration think{0};
  size_t think_mode_index = 0;
  std::optional<Stall> stall = std::nullopt;
  uint64_t max_connections = 0;
  size_t placement_index = 0;
  Duration drain = std::chrono::seconds(2);
  std::optional<SocketAddress> admin = std::nullopt;
  Duration slow_callback{0};
  Duration watchdog{0};

  ServiceMode mode() const { return kModes[mode_index]; }
  ThinkMode think_mode() const { return static_cast<ThinkMode>(think_mode_index); }
  Placement placement() const { return kPlacements[placement_index]; }
};

StreamServerOptions ServerOptions(const ServeFlags& flags) {
  StreamServerOptions options;
  options.connection = ServiceOptions(flags.mode(), flags.think);
  options.placement = flags.placement();
  options.max_connections = flags.max_connections;
  options.on_accept_error = [](const absl::Status& status) {
    SPINDLE_LOG_EVERY(Warning, std::chrono::seconds(1)) << FromAbsl(status.message());
  };
  return options;
}

EventLoopOptions LoopOptions(const ServeFlags& flags) {
  return {.name = "acceptor", .slow_callback = flags.slow_callback, .watchdog = flags.watchdog};
}

std::string DrainLine(const DrainResult& result, const StreamServerStats& stats) {
  std::string line =
      Concat("drained: ", result.finished, " finished, ", result.forced, " forced, ",
             result.bytes_lost, " bytes lost; accepted ", stats.accepted, ", per loop");
  for (const uint64_t count : stats.accepted_per_loop) Append(line, " ", count);
  if (stats.refused > 0) Append(line, "; refused ", stats.refused);
  if (stats.failed > 0) Append(line, "; failed ", stats.failed);
  return line + "\n";
}

// The admin endpoint that was asked for; null if none was.
absl::StatusOr<std::unique_ptr<AdminServer>> StartAdmin(const ServeFlags& flags,
                                                        EventLoopThreadPool& pool,
                                                        const StreamServer& server) {
  if (!flags.admin.has_value()) return nullptr;
  absl::StatusOr<std::unique_ptr<AdminServer>> admin = AdminServer::Listen(pool, *flags.admin);
  if (!admin.ok()) return admin;
  (*admin)->Watch("serve", server.probe());
  std::fputs(Concat("admin at ", (*admin)->address().ToString(), "\n").c_str(), stderr);
  return admin;
}

int Serve(const ServeFlags& flags) {
  const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(flags.endpoint);
  if (!addresses.ok()) return Fail("serve", addresses.status());
  RaiseDescriptorLimit();
  absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create(LoopOptions(flags));
  if (!loop.ok()) return Fail("serve", loop.status());

  std::unique_ptr<StreamServer> server;
  const auto on_signal = [&] {
    server->Drain(flags.drain, [&](const DrainResult& result) {
      std::fputs(DrainLine(result, server->stats()).c_str(), stderr);
      (*loop)->Quit();
    });
  };
  const absl::StatusOr<std::unique_ptr<Interrupt>> interrupt = Interrupt::Watch(**loop, on_signal);
  if (!interrupt.ok()) return Fail("serve", interrupt.status());
  absl::StatusOr<std::unique_ptr<EventLoopThreadPool>> pool =
      EventLoopThreadPool::Start(**loop, {.workers = flags.loops, .loop = LoopOptions(flags)});
  if (!pool.ok()) return Fail("serve", pool.status());
  absl::StatusOr<std::unique_ptr<StreamServer>> listening = StreamServer::Listen(
      **pool, addresses->front(), MakeService(flags.mode(), flags.think, flags.think_mode()),
      ServerOptions(flags));
  if (!listening.ok()) return Fail("serve", listening.status());
  server = *std::move(listening);
  std::fputs(Concat("listening on ", server->address().ToString(), "\n").c_str(), stderr);
  const auto admin = StartAdmin(flags, **pool, *server);
  if (!admin.ok()) return Fail("serve", admin.status());

  if (flags.stall.has_value()) {
    const TimePoint now = (*loop)->Now();
    for (EventLoop* const worker : (*pool)->loops()) {
      worker->ref().CallAndWait([&] { ScheduleStalls(*worker, *flags.stall, now); });
    }
  }
  const absl::Status status = (*loop)->Run();
  server.reset();
  if (!status.ok()) return Fail("serve", status);
  return kExitOk;
}

// What to look at a running server with.
void AddWatching(CLI::App& app, const std::shared_ptr<ServeFlags>& flags) {
  AddParsed(
      app, "--admin",
      [flags](const std::string& text) {
        flags->admin = ValueOrRefuse("--admin", SocketAddress::Parse(text));
      },
      "pages about the loops and connections, by HTTP: 127.0.0.1:PORT or unix:/path")
      .Type("ADDRESS");
  AddDuration(app, "--slow-callback", flags->slow_callback,
              "name callbacks that take longer, in the log and at /slow; 0: do not measure them");
  AddDuration(app, "--watchdog", flags->watchdog,
              "log the stack of a loop that hangs for longer in one callback; 0: do not watch");
}

}  // namespace

Command AddServe(CLI::App& program) {
  const auto flags = std::make_shared<ServeFlags>();
  CLI::App& app = AddCommand(program, "serve", "echo, sink, chargen, ack, http or sockperf server");
  AddEndpoint(app, flags->endpoint,
              "where to listen: HOST PORT (\"*\": all IPv4 addresses; port 0: a free one, which is "
              "printed) or unix:/path or unix:@name")
      .Required();
  AddChoice(app, "--mode", kModeNames, flags->mode_index,
            "echo: sends all bytes back; sink or discard: drops them; chargen: sends lines for "
            "ever; ack: one byte for each message of a 4-byte big-endian length and so many bytes; "
            "http: the same small reply to each request; "
            "sockperf: answers sockperf ping-pong --tcp, and is an echo for others");
  AddSize(app, "--loops", flags->loops, {0, 1024},
          "worker loops, each on its own thread; 0: the accepting loop does all");
  AddDuration(app, "--think", flags->think, "each answer takes so long");
  AddChoice(app, "--think-mode", ThinkModeNames(), flags->think_mode_index,
            "with --think: on a timer, asleep in the loop, or busy in it");
  AddParsed(
      app, "--stall",
      [flags](const std::string& text) {
        flags->stall = ValueOrRefuse("--stall", ParseStall(text));
      },
      "all worker loops stand still at once: 500ms@10s for so long, so long after the start; "
      "500ms@10s/5s: again every 5 s")
      .Type("PLAN");
  AddSize(app, "--max-connections", flags->max_connections, {},
          "more wait in the kernel's queue; 0: no limit");
  AddChoice(app, "--placement", {"round-robin", "least", "hash", "reuseport"},
            flags->placement_index, "which loop gets a connection");
  AddDuration(app, "--drain", flags->drain,
              "on SIGTERM or SIGINT: how long open connections may take to end");
  AddWatching(app, flags);
  OnceParsed(app, [&app, flags] {
    const bool answers =
        flags->mode() != ServiceMode::kDiscard && flags->mode() != ServiceMode::kChargen;
    if (Given(app, "--think") && !answers) {
      RefuseOption("--think", "has no answers to delay in mode " +
                                  std::string(ServiceModeName(flags->mode())));
    }
    if (Given(app, "--think-mode") && !Given(app, "--think")) {
      RefuseOption("--think-mode", "needs --think");
    }
  });
  return {&app, [flags](const CommandLine&) { return Serve(*flags); }};
}

}  // namespace spindle::bench
