#ifndef SPINDLE_EXAMPLES_COMMON_SERVE_H_
#define SPINDLE_EXAMPLES_COMMON_SERVE_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "examples/common/command_line.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_server.h"
#include "net/types/socket_address.h"

namespace examples {

// Ends the process with the message of `status`, which is an error.
[[noreturn]] void DieOf(const absl::Status& status, int exit_code = kExitCannotConnect);

// The value of `result`, or the end of the process with its message. For what fails at start-up
// because of the machine: no descriptors, address in use.
template <class T>
T OrDie(absl::StatusOr<T> result, int exit_code = kExitCannotConnect) {
  if (!result.ok()) DieOf(result.status(), exit_code);
  return *std::move(result);
}

// The main loop and `workers` threads with loops of their own. Main thread.
struct Loops {
  explicit Loops(size_t workers);

  std::unique_ptr<spindle::EventLoop> main;
  std::unique_ptr<spindle::EventLoopThreadPool> pool;
};

// Says "listening on ADDRESS" on stderr and runs `loop` until SIGTERM or SIGINT; then drains
// `server`: no new connections, and the open ones end in an orderly way, within `seconds` seconds.
// A second signal ends it at once. Returns what main should return.
int ServeUntilSignal(spindle::EventLoop& loop, spindle::StreamServer& server, int seconds = 5);

// Says "listening on ADDRESS" on stderr and runs `loop` until SIGTERM or SIGINT: for servers that
// have nothing to drain. Returns what main should return.
int RunUntilSignal(spindle::EventLoop& loop, const spindle::SocketAddress& address);

}  // namespace examples

#endif  // SPINDLE_EXAMPLES_COMMON_SERVE_H_
