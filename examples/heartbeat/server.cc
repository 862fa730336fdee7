// heartbeat: keeps sessions for as long as their peers live, and sends back their messages.
//
//   server [--loops=N] [--interval-ms=MS] [--misses=N] HOST PORT
//
// Teaches: sessions over a server's connections; finding dead peers by heartbeat; an end that both
// sides agree on, also when the server drains (SIGTERM); that each session's end has one reason.

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/session/session.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"

namespace {

using spindle::Session;

void Say(const Session& session, std::string_view what) {
  const std::string line = spindle::Concat(session.id().ToString(), " ", what, "\n");
  std::fputs(line.c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv,
                                   "[--loops=N] [--interval-ms=MS] [--misses=N] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const uint64_t misses = line.Number("--misses", 3);
  if (misses == 0 || misses > 1000) line.DieOfMisuse("--misses must be 1 to 1000");
  const examples::Loops loops(line.Number("--loops", 0));

  spindle::SessionCallbacks callbacks;
  callbacks.on_open = [](Session& session) { Say(session, "open"); };
  callbacks.on_message = [](Session& session, spindle::Buffer& message) {
    session.Send(std::move(message));
  };
  // Nothing is to be done for the drain: sessions then end with the code "going away".
  callbacks.on_close = [](Session& session, const spindle::SessionCloseReason& reason) {
    Say(session, reason.ToString());
  };
  const spindle::SessionOptions options = {
      .heartbeat_interval = std::chrono::milliseconds(line.Number("--interval-ms", 10'000)),
      .heartbeat_misses = static_cast<uint32_t>(misses)};
  const auto server = examples::OrDie(spindle::StreamServer::Listen(
      *loops.pool, address, spindle::AcceptorSessions(std::move(callbacks), options)));
  return examples::ServeUntilSignal(*loops.main, *server);
}
