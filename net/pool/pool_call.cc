#include "net/pool/pool_call.h"

#include <memory>
#include <utility>

#include "net/loop/timer.h"

namespace spindle {
namespace {

// A call under way; held by whatever will go on with it: the wait for a connection, the lease's
// callbacks, the timer. Loop thread only.
class Call final : public std::enable_shared_from_this<Call> {
 public:
  Call(ConnectionPool& pool, EventLoop& loop, PoolCall call,
       absl::AnyInvocable<void(const PoolCallResult&)> done)
      : pool_(pool), loop_(loop), call_(std::move(call)), done_(std::move(done)) {}

  void Start() {
    deadline_ = SaturatingAdd(loop_.Now(), call_.timeout);
    timer_ = loop_.RunAt(deadline_, [self = shared_from_this()] {
      self->lease_.Discard();
      self->Finish(PoolCallError::kTimeout);
    });
    Attempt(AcquireOptions::Want::kAny);
  }

 private:
  void Attempt(AcquireOptions::Want want) {
    ++result_.attempts;
    pool_.Acquire(
        loop_, {.timeout = deadline_ - loop_.Now(), .want = want},
        [self = shared_from_this()](AcquireResult result) { self->OnAcquired(std::move(result)); });
  }

  void OnAcquired(AcquireResult result) {
    if (!done_) return;  // Too late; the lease goes back unused.
    if (result.error == AcquireError::kTimeout) return Finish(PoolCallError::kTimeout);
    if (!result.ok()) {
      result_.acquire = result.error;
      return Finish(PoolCallError::kNoConnection);
    }
    lease_ = std::move(result.lease);
    lease_.SetCallbacks({
        .on_bytes = [self = shared_from_this()](Connection&,
                                                Buffer& input) { self->OnBytes(input); },
        .on_close = [self = shared_from_this()](const LeaseEnd& end) { self->OnClose(end); },
    });
    lease_.connection()->Write(call_.request);
  }

  void OnBytes(Buffer& input) {
    switch (call_.on_reply(input)) {
      case ReplyState::kMore:
        return;
      case ReplyState::kDone:
        lease_.Return();
        return Finish(PoolCallError::kNone);
      case ReplyState::kBad:
        lease_.Discard();
        return Finish(PoolCallError::kBadReply);
    }
  }

  void OnClose(const LeaseEnd& end) {
    lease_ = ConnectionLease();
    if (!done_) return;
    result_.end = end;
    const bool stopped =
        end.reason.kind == CloseKind::kServerStopped || end.reason.kind == CloseKind::kLoopStopped;
    if (end.nothing_sent() && !stopped && result_.attempts < call_.attempts) {
      return Attempt(AcquireOptions::Want::kFresh);
    }
    Finish(PoolCallError::kLost);
  }

  void Finish(PoolCallError error) {
    auto done = std::exchange(done_, nullptr);
    if (!done) return;
    if (result_.end.reason.kind != CloseKind::kLoopStopped) loop_.Cancel(timer_);
    result_.error = error;
    done(result_);
  }

  ConnectionPool& pool_;
  EventLoop& loop_;
  PoolCall call_;
  absl::AnyInvocable<void(const PoolCallResult&)> done_;  // Null once it has run.
  PoolCallResult result_;
  ConnectionLease lease_;
  TimePoint deadline_;
  TimerId timer_;
};

}  // namespace

std::string_view PoolCallErrorName(PoolCallError error) {
  switch (error) {
    case PoolCallError::kNone:
      return "none";
    case PoolCallError::kNoConnection:
      return "no_connection";
    case PoolCallError::kTimeout:
      return "timeout";
    case PoolCallError::kLost:
      return "lost";
    case PoolCallError::kBadReply:
      break;
  }
  return "bad_reply";
}

void CallOverPool(ConnectionPool& pool, EventLoop& loop, PoolCall call,
                  absl::AnyInvocable<void(const PoolCallResult&)> done) {
  std::make_shared<Call>(pool, loop, std::move(call), std::move(done))->Start();
}

}  // namespace spindle
