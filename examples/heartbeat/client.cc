// heartbeat: sends messages over a session, prints the answers, then stays and prints the
// round-trip time, until SIGTERM or the server's end.
//
//   client [--interval-ms=MS] HOST PORT [MESSAGE...]
//
// Teaches: a client's session; the round-trip time of its heartbeat; ending by agreement on a
// signal; telling that end from all others.

#include <signal.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/loop/event_loop.h"
#include "net/loop/signal_watcher.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/types/buffer.h"

namespace {

using spindle::Session;

void PrintLine(const std::string& text) {
  std::puts(text.c_str());
  std::fflush(stdout);
}

void PrintRoundTrip(const spindle::SessionHandle& handle) {
  const Session* const session = handle.Get();
  if (session == nullptr) return;
  const spindle::SessionStats stats = session->stats();
  if (stats.last_rtt < spindle::Duration::zero()) return;
  const auto micros = [](spindle::Duration time) { return time.count() / 1000; };
  PrintLine(spindle::Concat("round trip ", micros(stats.last_rtt), " us, smoothed ",
                            micros(stats.smoothed_rtt), " us"));
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--interval-ms=MS] HOST PORT [MESSAGE...]", 2,
                                   1002);
  const spindle::SocketAddress address = line.Address();
  const std::chrono::milliseconds interval(line.Number("--interval-ms", 1000));
  if (interval.count() == 0) line.DieOfMisuse("--interval-ms must be at least 1");
  const auto loop = examples::OrDie(spindle::EventLoop::Create());

  spindle::SessionHandle handle;
  std::string problem;
  int exit_code = examples::kExitFailed;
  spindle::SessionCallbacks callbacks;
  callbacks.on_open = [&](Session& session) {
    handle = session.handle();
    for (size_t i = 2; i < line.arguments().size(); ++i) session.Send(line.arguments()[i]);
  };
  callbacks.on_message = [](Session& /*session*/, spindle::Buffer& message) {
    PrintLine(message.ToString());
  };
  callbacks.on_close = [&](Session& /*session*/, const spindle::SessionCloseReason& reason) {
    if (reason.agreed()) exit_code = examples::kExitOk;
    problem = reason.ToString();
    loop->Quit();
  };
  spindle::StreamClient client(
      *loop, address,
      spindle::InitiatorSessions(std::move(callbacks), {.heartbeat_interval = interval}), {},
      [&](const spindle::ConnectError& error) {
        problem = error.ToString(address);
        exit_code = examples::kExitCannotConnect;
        loop->Quit();
      });
  client.Connect();
  loop->RunEvery(interval, [&] { PrintRoundTrip(handle); });
  const auto signals = examples::OrDie(spindle::SignalWatcher::Create(
      *loop, {SIGTERM, SIGINT}, [&](int /*signal*/, const signalfd_siginfo& /*info*/) {
        if (!handle.Close()) {
          problem = "stopped before there was a session";
          loop->Quit();
        }
      }));
  if (const absl::Status status = loop->Run(); !status.ok()) examples::DieOf(status);
  if (exit_code != examples::kExitOk) examples::Die(exit_code, problem);
  PrintLine(problem);
  return exit_code;
}
