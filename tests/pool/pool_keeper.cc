// Keeps a pool of connections to an echo server busy, on two loops, and answers each line on stdin
// with one line about it:
//
//   pool_keeper HOST PORT CONNECTIONS
//   {"idle": 8, "leased": 0, "connecting": 0, "closing": 0, "opened": 8, "closed": 0, "ok": 12,
//    "failed": 0, "repeated_ids": 0, "stats": "..."}
//
// Delays are a tenth of the usual, so that a hundred restarts do not take an hour. Ends at the end
// of stdin; exit code 1 if an id was given twice or an echo was another's.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/pool/connection_pool.h"
#include "net/stream/resolver.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

class Keeper {
 public:
  Keeper(EventLoopThreadPool& threads, const SocketAddress& server, size_t connections)
      : pool_(threads.loops(), server,
              {.min_connections = connections,
               .max_connections = connections,
               .connect_timeout = milliseconds(1000),
               .backoff = {.initial = milliseconds(200), .max = milliseconds(800)},
               .circuit = {.open_for = milliseconds(200)},
               .reconnect_spread = milliseconds(200)}) {
    for (EventLoop* const loop : threads.loops()) {
      loop->ref().Post(
          [this, loop] { loop->RunEvery(milliseconds(5), [this, loop] { Use(*loop); }); });
    }
  }

  void Tell() {
    const PoolStats stats = pool_.Stats();
    std::printf(
        "{\"idle\": %zu, \"leased\": %zu, \"connecting\": %zu, \"closing\": %zu, \"opened\": %lu, "
        "\"closed\": %lu, \"ok\": %lu, \"failed\": %lu, \"repeated_ids\": %lu, \"stats\": "
        "\"%s\"}\n",
        stats.idle, stats.leased, stats.connecting, stats.closing,
        static_cast<unsigned long>(stats.opened), static_cast<unsigned long>(stats.closed_in_all()),
        ok_.load(), failed_.load(), repeated_.load(), stats.ToString().c_str());
    std::fflush(stdout);
  }
  bool good() const { return repeated_ == 0 && wrong_ == 0; }

 private:
  void Use(EventLoop& loop) {
    pool_.Acquire(loop, {.timeout = milliseconds(100)}, [this](AcquireResult result) {
      if (!result.ok()) {
        ++failed_;
        return;
      }
      if (result.lease.uses_before() == 0) {
        MutexLock lock(mutex_);
        if (!ids_.insert(result.lease.id().ToString()).second) ++repeated_;
      }
      const std::string text = std::to_string(++number_) + "\n";
      auto lease = std::make_shared<ConnectionLease>(std::move(result.lease));
      lease->SetCallbacks({
          .on_bytes =
              [this, lease, text](Connection&, Buffer& input) {
                if (input.size() < text.size()) return;
                if (input.ToString() != text) ++wrong_;
                input.Clear();
                ++ok_;
                lease->Return();
              },
          .on_close =
              [this, lease](const LeaseEnd&) {
                ++failed_;
                lease->Return();
              },
      });
      lease->connection()->Write(text);
    });
  }

  Mutex mutex_;
  std::set<std::string> ids_ ABSL_GUARDED_BY(mutex_);
  std::atomic<unsigned long> number_{0}, ok_{0}, failed_{0}, repeated_{0}, wrong_{0};
  ConnectionPool pool_;
};

int Main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: pool_keeper HOST PORT CONNECTIONS\n");
    return 2;
  }
  const auto addresses = ResolveNow(argv[1], argv[2]);
  if (!addresses.ok()) return 3;
  const auto main_loop = *EventLoop::Create();
  auto threads = *EventLoopThreadPool::Start(*main_loop, {.workers = 2});
  Keeper keeper(*threads, addresses->front(), std::strtoul(argv[3], nullptr, 10));
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c == '\n') keeper.Tell();
  }
  threads.reset();  // The loops first: nobody uses the keeper any more.
  return keeper.good() ? 0 : 1;
}

}  // namespace
}  // namespace spindle

int main(int argc, char** argv) { return spindle::Main(argc, argv); }
