#ifndef SPINDLE_NET_SEND_SEND_PLAN_H_
#define SPINDLE_NET_SEND_SEND_PLAN_H_

#include <cstddef>
#include <memory>
#include <span>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "net/loop/event_loop.h"
#include "net/send/send_options.h"
#include "net/send/send_result.h"
#include "net/send/send_run.h"
#include "net/types/socket_address.h"

namespace spindle {

// Sends messages over a set of connections to one server, sequentially, with a window, pipelined or
// all in parallel, checks every byte of the replies, and tells what became of each connection.
//
//   SendPlan plan(loop, server, {.connections = 8});
//   const absl::Status status = plan.Run(
//       {.messages = 100, .mode = SendMode::Parallel(), .message = "ping\n", .reply = "pong\n"},
//       [&](const SendResult& result) {
//         std::cout << result.ToString() << "\n";
//         loop.Quit();
//       });
//   CHECK(status.ok());
//   loop.Run();
//
// A run has a common start line: when all connections are ready (pooled ones open) one time is
// taken, and all that the mode allows are let go. With several loops each is told by a task, so it
// starts when its thread has woken up; SendResult::start_lag says how late the last one was.
//
// What goes wrong with one connection (refused, reset, closed, silent, wrong bytes) is the end of
// that connection's part, and reported; the others go on.
//
// Thread rule: the thread of `home`, but for Cancel and the destructor: any thread. The loops must
// exist when the plan is made. When one of them ends before the plan does, its connections fail.
// The destructor may run at any time, in any callback of this plan too: its connections end, and
// no callback and no function of a run is called any more.
class SendPlan {
 public:
  // All connections live on `home`.
  SendPlan(EventLoop& home, const SocketAddress& server, SendPlanOptions options = {});
  // Connection i lives on loops[i % loops.size()], for instance of EventLoopThreadPool::loops().
  // `loops` is not empty (CHECK); no loop is named twice.
  SendPlan(EventLoop& home, std::span<EventLoop* const> loops, const SocketAddress& server,
           SendPlanOptions options = {});
  ~SendPlan();
  SendPlan(const SendPlan&) = delete;
  SendPlan& operator=(const SendPlan&) = delete;

  // Each of these three starts something whose end is reported by a callback, on `home`, never
  // inside the call. One at a time: FAILED_PRECONDITION while another one is under way.

  // Opens the pooled connections that are not open. FAILED_PRECONDITION for fresh ones. Cancel
  // makes those that are not open yet fail.
  absl::Status Open(absl::AnyInvocable<void(const OpenResult&)> on_opened);
  // Runs `run`; pooled connections that are not open are opened before the start line.
  // INVALID_ARGUMENT if the run makes no sense: no message, an empty reply, a window or pipeline of
  // zero, a window smaller than the number of loops.
  absl::Status Run(SendRun run, absl::AnyInvocable<void(const SendResult&)> on_done);
  // Ends the pooled connections in an orderly way; they can be opened again.
  absl::Status Close(absl::AnyInvocable<void()> on_closed);

  // Ends the Run or Open that is under way: its callback comes soon. Connections that await a
  // reply are aborted, pooled ones that do not stay open. Any thread; nothing happens if nothing is
  // under way.
  void Cancel();

  size_t size() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_SEND_PLAN_H_
