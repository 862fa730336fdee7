#include "examples/pool/driver.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/pool/connection_pool.h"

namespace examples {
namespace {

using spindle::EventLoop;
using spindle::PoolCallResult;

// All users of one run.
class Run {
 public:
  Run(spindle::ConnectionPool& pool, EventLoop& main, const Script& script, uint64_t rounds)
      : pool_(pool), main_(main), script_(script), rounds_(rounds) {}

  // Any thread.
  void StartUser(EventLoop& loop) {
    ++users_;
    const uint64_t first = next_round_.fetch_add(rounds_);
    loop.ref().Post([this, &loop, first] { Round(loop, first, first + rounds_); });
  }
  int exit_code() const { return failures_ == 0 ? kExitOk : kExitFailed; }
  unsigned long answers() const { return answers_; }
  unsigned long failures() const { return failures_; }

 private:
  using Exchanges = std::shared_ptr<std::vector<Exchange>>;

  void Round(EventLoop& loop, uint64_t round, uint64_t end) {
    if (round == end) {
      if (--users_ == 0) main_.Quit();
      return;
    }
    Say(loop, std::make_shared<std::vector<Exchange>>(script_(round)), 0,
        [this, &loop, round, end] { Round(loop, round + 1, end); });
  }

  // Each exchange borrows a connection of its own: nothing holds one between two of them.
  void Say(EventLoop& loop, Exchanges all, size_t index, std::function<void()> then) {
    if (index == all->size()) return then();
    Exchange& exchange = (*all)[index];
    spindle::CallOverPool(
        pool_, loop, {.request = exchange.request, .on_reply = exchange.on_reply},
        [this, &loop, all, index, then = std::move(then)](const PoolCallResult& result) {
          ++answers_;
          if (!result.ok() && failures_++ < 10) {
            const std::string_view error = spindle::PoolCallErrorName(result.error);
            const std::string_view why = spindle::AcquireErrorName(result.acquire);
            std::fprintf(stderr, "failed: %.*s (%.*s), %s\n", static_cast<int>(error.size()),
                         error.data(), static_cast<int>(why.size()), why.data(),
                         result.end.reason.ToString().c_str());
          }
          Say(loop, all, index + 1, then);
        });
  }

  spindle::ConnectionPool& pool_;
  EventLoop& main_;
  const Script& script_;
  const uint64_t rounds_;
  std::atomic<uint64_t> next_round_{0};
  std::atomic<uint64_t> users_{0};
  std::atomic<uint64_t> answers_{0};
  std::atomic<uint64_t> failures_{0};
};

}  // namespace

int RunUsers(int argc, char** argv, const Script& script) {
  const CommandLine line(argc, argv,
                         "[--loops=N] [--connections=N] [--users=N] [--rounds=N] HOST PORT");
  const spindle::SocketAddress server = line.Address();
  const size_t connections = line.Number("--connections", 4);
  if (connections == 0) line.DieOfMisuse("no connections");
  const Loops loops(line.Number("--loops", 2));
  spindle::ConnectionPool pool(loops.pool->loops(), server,
                               {.min_connections = 1, .max_connections = connections});
  Run run(pool, *loops.main, script, line.Number("--rounds", 100));
  for (EventLoop* const loop : loops.pool->loops()) {
    for (uint64_t left = line.Number("--users", 4); left > 0; --left) run.StartUser(*loop);
  }
  if (const absl::Status status = loops.main->Run(); !status.ok()) DieOf(status);
  std::printf("%lu answers, %lu failures\n%s\n", run.answers(), run.failures(),
              pool.Stats().ToString().c_str());
  return run.exit_code();
}

}  // namespace examples
