#ifndef SPINDLE_NET_POOL_POOL_CALL_H_
#define SPINDLE_NET_POOL_POOL_CALL_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/pool/connection_pool.h"
#include "net/pool/pool_options.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"

namespace spindle {

// What the reader of an answer says about the input so far.
enum class ReplyState : uint8_t {
  kMore,  // It is not complete; what was left in the buffer comes again, with more.
  kDone,  // It was complete and has been consumed.
  kBad,   // It makes no sense: the connection is of no use any more.
};

// One request and its answer.
struct PoolCall {
  std::string request = {};
  // Reads the answer.
  absl::AnyInvocable<ReplyState(Buffer& input)> on_reply = nullptr;
  Duration timeout = std::chrono::seconds(5);  // For all of it, the wait for a connection included.
  // How often in all. After the first it is tried on a fresh connection, and only if the one before
  // ended with nothing of the request given to the kernel: the server cannot have seen it.
  uint32_t attempts = 3;
};

enum class PoolCallError : uint8_t {
  kNone,
  kNoConnection,  // `acquire` says why.
  kTimeout,       // No answer in time. The server may have acted on the request.
  kLost,          // The connection ended first; `end` says how, and whether anything was sent.
  kBadReply,
};

// "lost"; a literal.
std::string_view PoolCallErrorName(PoolCallError error);

struct PoolCallResult {
  PoolCallError error = PoolCallError::kNone;
  AcquireError acquire = AcquireError::kNone;
  LeaseEnd end = {};
  uint32_t attempts = 0;

  bool ok() const { return error == PoolCallError::kNone; }
};

// Lends a connection, sends the request and reads the answer; then gives the connection back.
// `done` runs once, on `loop`; before this returns only while `pool` is being destroyed. Loop
// thread only, on a loop of the pool. `pool` may be destroyed meanwhile: `done` is told.
void CallOverPool(ConnectionPool& pool, EventLoop& loop, PoolCall call,
                  absl::AnyInvocable<void(const PoolCallResult&)> done);

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_POOL_CALL_H_
