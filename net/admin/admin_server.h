#ifndef SPINDLE_NET_ADMIN_ADMIN_SERVER_H_
#define SPINDLE_NET_ADMIN_ADMIN_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "net/admin/metrics_text.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_server.h"
#include "net/types/socket_address.h"

namespace spindle {

struct AdminOptions {
  // A loop that has not answered by then is shown as one that does not answer.
  Duration answer_deadline = std::chrono::seconds(1);
};

// Lets people and programs look at a running server, by HTTP/1.1 with GET:
//
//   /metrics       counters for Prometheus; per loop and per server, never per connection
//   /loops         the loops, a line each
//   /conns         connections: ?sort=id|bytes|queued|unread, ?limit=N (50)
//   /conns/ID      one connection, with what tcp(7) TCP_INFO says
//   /healthz       200 "ok", or 503 and why not
//
// /loops and /conns take ?format=json. A loop is asked by a task of its own, so nobody takes a lock
// that a loop needs, and a loop that hangs delays an answer by the deadline, no more. Listing the
// connections of a loop takes it time in proportion to their number; the other pages do not.
//
// At a loopback address or a Unix socket only: whoever can connect may look. Requests whose Host is
// a name other than "localhost" are refused, so that a web page cannot read this by a name of its
// own (DNS rebinding).
//
// Made, changed and destroyed on the main loop's thread, or while that loop does not run; it
// answers there. The pool must outlive it.
class AdminServer {
 public:
  // Errors: an address that is not local; those of StreamServer::Listen.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Listen(EventLoopThreadPool& pool,
                                                             const SocketAddress& address,
                                                             AdminOptions options = {});
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Shows `server` under `name`. The probe may outlive its server.
  void Watch(std::string name, StreamServerProbe server);
  // Adds the program's own metrics to /metrics; called on the main loop.
  void AddMetrics(std::function<void(MetricsText&)> write);
  // What /healthz says; called on the main loop. Without it, it says ok.
  void SetHealth(std::function<absl::Status()> check);

  const SocketAddress& address() const;

 private:
  class Core;
  explicit AdminServer(std::shared_ptr<Core> core);

  std::shared_ptr<Core> core_;
  std::unique_ptr<StreamServer> server_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_ADMIN_ADMIN_SERVER_H_
