#ifndef SPINDLE_BENCH_LOAD_LOCAL_SERVER_H_
#define SPINDLE_BENCH_LOAD_LOCAL_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/load/cpu_time.h"
#include "bench/load/service.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_server.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

struct LocalServerOptions {
  SocketAddress address = SocketAddress::LoopbackV4(0);
  ServiceMode mode = ServiceMode::kEcho;
  Duration think{0};
  ThinkMode think_mode = ThinkMode::kTimer;
  size_t workers = 2;          // 0: the accepting loop does all.
  std::vector<int> cpus = {};  // Its threads run on these processors only. Empty: on any.
};

// A server in this process, on threads of its own: one accepts, the others serve the connections,
// which they get in turn. One thread at a time, not one of its own.
class LocalServer {
 public:
  // Returns once it listens. Errors: those of EventLoopThread::Start and StreamServer::Listen.
  static absl::StatusOr<std::unique_ptr<LocalServer>> Start(const LocalServerOptions& options);
  // Ends open connections, then the threads.
  ~LocalServer() = default;
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;

  const SocketAddress& address() const { return server_->address(); }
  StreamServerStats stats() const { return server_->stats(); }
  // Of all its threads.
  CpuTime cpu_time() const;
  // System calls of its loops, for I/O and waiting.
  uint64_t system_calls() const;

 private:
  LocalServer() = default;

  std::vector<EventLoop*> Loops() const;

  // Destroyed in the opposite order.
  std::unique_ptr<EventLoopThread> acceptor_;
  std::unique_ptr<EventLoopThreadPool> pool_;
  std::unique_ptr<StreamServer> server_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_LOCAL_SERVER_H_
