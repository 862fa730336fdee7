#include "bench/load/local_server.h"

#include <utility>

#include "absl/status/status.h"
#include "net/loop/loop_stats.h"

namespace spindle::bench {

absl::StatusOr<std::unique_ptr<LocalServer>> LocalServer::Start(const LocalServerOptions& options) {
  std::unique_ptr<LocalServer> local(new LocalServer);
  absl::StatusOr<std::unique_ptr<EventLoopThread>> acceptor = EventLoopThread::Start(
      {.loop = {.name = "acceptor"}, .cpu = options.cpus.empty() ? -1 : options.cpus.front()});
  if (!acceptor.ok()) return acceptor.status();
  local->acceptor_ = *std::move(acceptor);
  EventLoopThreadPoolOptions pool_options{.workers = options.workers};
  pool_options.cpus = options.cpus;
  absl::StatusOr<std::unique_ptr<EventLoopThreadPool>> pool =
      EventLoopThreadPool::Start(local->acceptor_->loop(), std::move(pool_options));
  if (!pool.ok()) return pool.status();
  local->pool_ = *std::move(pool);

  absl::StatusOr<std::unique_ptr<StreamServer>> server = absl::CancelledError("no loop");
  local->acceptor_->ref().CallAndWait([&] {
    server = StreamServer::Listen(*local->pool_, options.address,
                                  MakeService(options.mode, options.think, options.think_mode),
                                  {.connection = ServiceOptions(options.mode, options.think)});
  });
  if (!server.ok()) return server.status();
  local->server_ = *std::move(server);
  return local;
}

std::vector<EventLoop*> LocalServer::Loops() const {
  std::vector<EventLoop*> loops = {&acceptor_->loop()};
  if (pool_->size() > 0) loops.insert(loops.end(), pool_->loops().begin(), pool_->loops().end());
  return loops;
}

CpuTime LocalServer::cpu_time() const {
  CpuTime sum;
  for (const EventLoop* loop : Loops()) {
    loop->ref().CallAndWait([&] { sum += ThreadCpuTime(); });
  }
  return sum;
}

uint64_t LocalServer::system_calls() const {
  uint64_t sum = 0;
  for (const EventLoop* loop : Loops()) {
    const LoopStats stats = loop->Stats();
    sum += stats.reads + stats.writes + stats.turns;
  }
  return sum;
}

}  // namespace spindle::bench
