// embedding: an event loop as a guest in a program that waits in a loop of its own, here poll(2).
//
//   embedding HOST PORT
//
// Teaches: PrepareWait, pollable_fd and RunOnce, with which a toolkit, a game or an old program
// keeps its loop and uses connections, timers and signals all the same, on one thread and without
// locks. Lines from standard input go to all peers; each peer gets "tick" once a second.

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "base/errno_status.h"
#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/loop/signal_watcher.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"

namespace {

using spindle::CloseReason;
using spindle::Connection;
using spindle::ConnectionHandle;

// The host program: it owns standard input and does not know what the loop does.
class Host {
 public:
  explicit Host(spindle::EventLoop& loop) : loop_(loop) {}

  // The host's loop.
  void Run() {
    while (!done_) {
      const bool may_wait = examples::OrDie(loop_.PrepareWait());
      pollfd fds[] = {{loop_.pollable_fd(), POLLIN, 0}, {input_, POLLIN, 0}};
      if (poll(fds, 2, may_wait ? -1 : 0) < 0 && errno != EINTR) {
        examples::DieOf(spindle::ErrnoStatus("poll", errno));
      }
      if (fds[1].revents != 0) ReadInput();
      examples::OrDie(loop_.RunOnce(spindle::WaitMode::kPoll));
    }
  }

  void Add(Connection& connection) { peers_.emplace(connection.id().ToString(), &connection); }
  void Remove(Connection& connection) { peers_.erase(connection.id().ToString()); }
  void SendToAll(std::string_view text) {
    for (const auto& [id, peer] : peers_) peer->Write(text);
  }
  void Finish() { done_ = true; }

 private:
  void ReadInput() {
    char data[4096];
    const ssize_t size = read(input_, data, sizeof data);
    if (size <= 0) {
      input_ = -1;  // poll(2) passes over it from now on.
    } else {
      SendToAll(std::string_view(data, static_cast<size_t>(size)));
    }
  }

  spindle::EventLoop& loop_;
  int input_ = STDIN_FILENO;
  std::map<std::string, Connection*> peers_;  // Each valid until its on_close.
  bool done_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const auto loop = examples::OrDie(spindle::EventLoop::Create());
  Host host(*loop);

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_open = [&](Connection& connection) { host.Add(connection); };
  callbacks.on_bytes = [](Connection& connection, spindle::Buffer& input) {
    connection.Write(std::move(input));
  };
  callbacks.on_close = [&](Connection& connection, const CloseReason& /*reason*/) {
    host.Remove(connection);
  };
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loop, address, std::move(callbacks)));
  loop->RunEvery(std::chrono::seconds(1), [&] { host.SendToAll("tick\n"); });
  const auto signals = examples::OrDie(spindle::SignalWatcher::Create(
      *loop, {SIGTERM, SIGINT}, [&](int /*signal*/, const signalfd_siginfo& /*info*/) {
        server->Drain(std::chrono::seconds(5),
                      [&](const spindle::DrainResult& /*result*/) { host.Finish(); });
      }));
  std::fputs(("listening on " + server->address().ToString() + "\n").c_str(), stderr);
  host.Run();
  return examples::kExitOk;
}
