#include "examples/common/serve.h"

#include <signal.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "absl/functional/any_invocable.h"
#include "base/strings.h"
#include "net/loop/signal_watcher.h"

namespace examples {

using spindle::EventLoop;
using spindle::EventLoopThreadPool;

void DieOf(const absl::Status& status, int exit_code) {
  Die(exit_code, spindle::FromAbsl(status.message()));
}

Loops::Loops(size_t workers)
    : main(OrDie(EventLoop::Create({.name = "main"}))),
      pool(OrDie(EventLoopThreadPool::Start(*main, {.workers = workers}))) {}

namespace {

int Run(EventLoop& loop, const spindle::SocketAddress& address,
        absl::AnyInvocable<void()> on_signal) {
  const auto signals = OrDie(spindle::SignalWatcher::Create(
      loop, {SIGTERM, SIGINT},
      [&](int /*signal*/, const signalfd_siginfo& /*info*/) { on_signal(); }));
  const std::string line = "listening on " + address.ToString() + "\n";
  std::fputs(line.c_str(), stderr);
  if (const absl::Status status = loop.Run(); !status.ok()) DieOf(status);
  return kExitOk;
}

}  // namespace

int ServeUntilSignal(EventLoop& loop, spindle::StreamServer& server, int seconds) {
  return Run(loop, server.address(), [&] {
    const bool first = server.Drain(std::chrono::seconds(seconds),
                                    [&](const spindle::DrainResult& /*result*/) { loop.Quit(); });
    if (!first) loop.Quit();
  });
}

int RunUntilSignal(EventLoop& loop, const spindle::SocketAddress& address) {
  return Run(loop, address, [&] { loop.Quit(); });
}

}  // namespace examples
