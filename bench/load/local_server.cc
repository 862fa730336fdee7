#include "bench/load/local_server.h"

#include <utility>

#include "absl/status/status.h"

namespace spindle::bench {

absl::StatusOr<std::unique_ptr<LocalServer>> LocalServer::Start(const LocalServerOptions& options) {
  std::unique_ptr<LocalServer> local(new LocalServer);
  absl::StatusOr<std::unique_ptr<EventLoopThread>> acceptor =
      EventLoopThread::Start({.loop = {.name = "acceptor"}});
  if (!acceptor.ok()) return acceptor.status();
  local->acceptor_ = *std::move(acceptor);
  absl::StatusOr<std::unique_ptr<EventLoopThreadPool>> pool =
      EventLoopThreadPool::Start(local->acceptor_->loop(), {.workers = options.workers});
  if (!pool.ok()) return pool.status();
  local->pool_ = *std::move(pool);

  absl::StatusOr<std::unique_ptr<StreamServer>> server = absl::CancelledError("no loop");
  local->acceptor_->ref().CallAndWait([&] {
    server = StreamServer::Listen(*local->pool_, options.address,
                                  MakeService(options.mode, options.think),
                                  {.connection = ServiceOptions(options.mode, options.think)});
  });
  if (!server.ok()) return server.status();
  local->server_ = *std::move(server);
  return local;
}

}  // namespace spindle::bench
