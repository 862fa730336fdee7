// spindle serve: a server to measure.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/logging.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/descriptor_limit.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/load/resolve.h"
#include "bench/load/service.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_options.h"
#include "net/stream/stream_server.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

constexpr ServiceMode kModes[] = {ServiceMode::kEcho, ServiceMode::kDiscard, ServiceMode::kChargen,
                                  ServiceMode::kAck};
constexpr Placement kPlacements[] = {Placement::kRoundRobin, Placement::kLeastConnections,
                                     Placement::kPeerHash, Placement::kReusePort};

struct ServeFlags {
  std::vector<std::string> endpoint;
  size_t mode_index = 0;
  uint64_t loops = std::max(1u, std::thread::hardware_concurrency());
  Duration think{0};
  uint64_t max_connections = 0;
  size_t placement_index = 0;
  Duration drain = std::chrono::seconds(2);

  ServiceMode mode() const { return kModes[mode_index]; }
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

std::string DrainLine(const DrainResult& result, const StreamServerStats& stats) {
  std::string line =
      Concat("drained: ", result.finished, " finished, ", result.forced, " forced, ",
             result.bytes_lost, " bytes lost; accepted ", stats.accepted, ", per loop");
  for (const uint64_t count : stats.accepted_per_loop) Append(line, " ", count);
  if (stats.refused > 0) Append(line, "; refused ", stats.refused);
  if (stats.failed > 0) Append(line, "; failed ", stats.failed);
  return line + "\n";
}

int Serve(const ServeFlags& flags) {
  const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(flags.endpoint);
  if (!addresses.ok()) return Fail("serve", addresses.status());
  RaiseDescriptorLimit();
  absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "acceptor"});
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
      EventLoopThreadPool::Start(**loop, {.workers = flags.loops});
  if (!pool.ok()) return Fail("serve", pool.status());
  absl::StatusOr<std::unique_ptr<StreamServer>> listening = StreamServer::Listen(
      **pool, addresses->front(), MakeService(flags.mode(), flags.think), ServerOptions(flags));
  if (!listening.ok()) return Fail("serve", listening.status());
  server = *std::move(listening);
  std::fputs(Concat("listening on ", server->address().ToString(), "\n").c_str(), stderr);

  const absl::Status status = (*loop)->Run();
  server.reset();
  if (!status.ok()) return Fail("serve", status);
  return kExitOk;
}

}  // namespace

Command AddServe(CLI::App& program) {
  const auto flags = std::make_shared<ServeFlags>();
  CLI::App& app = *program.add_subcommand("serve", "echo, discard, chargen or ack server");
  AddEndpoint(app, flags->endpoint,
              "where to listen: HOST PORT (\"*\": all IPv4 addresses; port 0: a free one, which is "
              "printed) or unix:/path or unix:@name")
      ->required();
  AddChoice(app, "--mode", {"echo", "discard", "chargen", "ack"}, flags->mode_index,
            "echo: sends all bytes back; discard: drops them; chargen: sends lines for ever; ack: "
            "one byte for each message of a 4-byte big-endian length and so many bytes");
  AddSize(app, "--loops", flags->loops, {0, 1024},
          "worker loops, each on its own thread; 0: the accepting loop does all");
  AddDuration(app, "--think", flags->think, "each answer of echo and ack waits so long");
  AddSize(app, "--max-connections", flags->max_connections, {},
          "more wait in the kernel's queue; 0: no limit");
  AddChoice(app, "--placement", {"round-robin", "least", "hash", "reuseport"},
            flags->placement_index, "which loop gets a connection");
  AddDuration(app, "--drain", flags->drain,
              "on SIGTERM or SIGINT: how long open connections may take to end");
  return {&app, [flags](const CommandLine&) { return Serve(*flags); }};
}

}  // namespace spindle::bench
