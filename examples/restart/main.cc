// restart: an echo server that is replaced without a connection refused, reset or cut off.
//
//   restart [--loops=N] HOST PORT
//
// SIGHUP starts the program anew, from its file as it is by then, and hands it the listening
// socket; when the new process serves, this one lets its connections finish and ends. If the new
// one cannot start, this one goes on. SIGTERM and SIGINT drain and end.
//
// Teaches: sockets from a predecessor or from systemd; handing them on; draining.

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/loop/signal_watcher.h"
#include "net/stream/connection.h"
#include "net/stream/inherited_sockets.h"
#include "net/stream/stream_server.h"
#include "net/stream/successor.h"
#include "net/types/buffer.h"

namespace {

using spindle::InheritedSocket;
using spindle::StreamServer;
using spindle::Successor;

void Say(const std::string& text) {
  const std::string line = "restart " + std::to_string(getpid()) + ": " + text + "\n";
  std::fputs(line.c_str(), stderr);
}

std::unique_ptr<StreamServer> Serve(spindle::EventLoopThreadPool& pool,
                                    const spindle::SocketAddress& address) {
  spindle::ConnectionCallbacks callbacks;
  callbacks.on_bytes = [](spindle::Connection& connection, spindle::Buffer& input) {
    connection.Write(std::move(input));
  };
  // Who has connected is served to the end: it is the peer that closes.
  callbacks.on_drain = [](spindle::Connection&) {};
  std::vector<InheritedSocket> inherited = examples::OrDie(spindle::TakeInheritedSockets());
  if (inherited.empty()) {
    return examples::OrDie(StreamServer::Listen(pool, address, std::move(callbacks)));
  }
  std::vector<spindle::OwnedFd> sockets;
  for (InheritedSocket& socket : inherited) sockets.push_back(std::move(socket.fd));
  return examples::OrDie(StreamServer::Listen(pool, std::move(sockets), std::move(callbacks)));
}

class Restarter {
 public:
  Restarter(spindle::EventLoop& loop, StreamServer& server, spindle::SuccessorOptions program)
      : loop_(loop), server_(server), program_(std::move(program)) {}

  void Restart() {
    if (successor_ != nullptr) return;
    spindle::SuccessorOptions options{.program = program_.program,
                                      .arguments = program_.arguments,
                                      .ready_timeout = std::chrono::seconds(10)};
    absl::StatusOr<std::vector<spindle::OwnedFd>> sockets = server_.DuplicateListeners();
    if (!sockets.ok()) return GoOn(sockets.status());
    for (spindle::OwnedFd& fd : *sockets) options.sockets.push_back({std::move(fd), "echo"});
    absl::StatusOr<std::unique_ptr<Successor>> started =
        Successor::Start(loop_, std::move(options), [this](absl::Status status) {
          if (!status.ok()) return GoOn(status);
          Stop();
        });
    if (!started.ok()) return GoOn(started.status());
    successor_ = *std::move(started);
  }

  void Stop() {
    const bool first =
        server_.Drain(std::chrono::seconds(5), [&](const spindle::DrainResult& result) {
          Say("drained: " + std::to_string(result.finished) + " finished, " +
              std::to_string(result.forced) + " forced");
          loop_.Quit();
        });
    if (!first) loop_.Quit();
  }

 private:
  void GoOn(const absl::Status& status) {
    Say("still here: " + std::string(spindle::FromAbsl(status.message())));
    successor_.reset();
  }

  spindle::EventLoop& loop_;
  StreamServer& server_;
  const spindle::SuccessorOptions program_;
  std::unique_ptr<Successor> successor_;
};

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT");
  const examples::Loops loops(line.Number("--loops", 0));
  const auto server = Serve(*loops.pool, line.Address());

  // A program that is found by PATH would have to be looked for here.
  Restarter restarter(
      *loops.main, *server,
      {.program = argv[0], .arguments = std::vector<std::string>(argv + 1, argv + argc)});
  const auto on_signal = [&](int signal, const signalfd_siginfo& /*info*/) {
    signal == SIGHUP ? restarter.Restart() : restarter.Stop();
  };
  const auto signals = examples::OrDie(
      spindle::SignalWatcher::Create(*loops.main, {SIGHUP, SIGTERM, SIGINT}, on_signal));
  Say("listening on " + server->address().ToString());
  if (absl::Status status = spindle::NotifyReady(); !status.ok()) examples::DieOf(status);
  if (absl::Status status = loops.main->Run(); !status.ok()) examples::DieOf(status);
  return examples::kExitOk;
}
