#ifndef SPINDLE_NET_POOL_INTERNAL_POOL_BOOK_H_
#define SPINDLE_NET_POOL_INTERNAL_POOL_BOOK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/pool/circuit_breaker.h"
#include "net/pool/pool_options.h"
#include "net/pool/pool_stats.h"
#include "net/pool/waiter_queue.h"

namespace spindle {

using PoolWaiter = WaiterQueue<AcquireCallback>::Waiter;

// What a loop is to do. Given out by the book, carried out by the loop's shard, later.
struct PoolOrder {
  enum class Kind : uint8_t {
    kConnect,  // Opens a connection; it is counted as connecting already.
    kYield,    // Closes an idle connection, if one is owed: its place has gone elsewhere.
    kAnswer,   // Tells `waiter` of `error`.
    kWake,     // Calls Wake at `when`.
    kDrain,    // Closes what is idle, gives up what is connecting.
    kDrained,  // The last connection of a pool that drains is gone.
    kWarm,     // min_connections are open, or will not be: `warm_done` is told.
    kCancel,   // Gives up the Acquire of `number`.
  };
  Kind kind;
  size_t loop = 0;
  AcquireError error = AcquireError::kNone;
  TimePoint when = {};
  AcquireCallback callback = nullptr;
  absl::AnyInvocable<void(bool warm)> warm_done = nullptr;
  bool warm = false;
  uint64_t number = 0;
};
using PoolOrders = std::vector<PoolOrder>;

// All decisions of a pool, and the counts they rest on. No I/O, no clock, no lock: every function
// says what time it is and appends what is to be done to `orders`. One thread at a time (the pool
// calls it under its mutex).
//
// Invariants, checked in debug builds after each call:
//  - idle + leased + connecting + closing <= max_connections, over all loops.
//  - A connection is counted on its own loop in exactly one of them from the order to open it until
//    its descriptor is closed, with one exception: one that gives up its place (`owed`) is counted
//    as "connecting" where the place goes. So places never outnumber descriptors.
//  - A waiter is in one queue, or somebody owes him the answer.
//  - While a connection is idle nobody waits on its loop, but for those who want a fresh one.
class PoolBook {
 public:
  PoolBook(const PoolOptions& options, size_t loops, uint64_t seed);

  // ---- Who wants a connection.

  enum class Verdict : uint8_t {
    kTake,    // An idle one of this loop is his, counted as leased; `waiter` is untouched.
    kWait,    // He is in the queue.
    kRefuse,  // `error` says why; `waiter` is untouched.
  };
  // `put_back`: he had been served, but with a connection that had ended. He keeps his place, and
  // is refused only by the end of the pool or an open circuit.
  enum class Entry : uint8_t { kNew, kPutBack };
  Verdict Ask(size_t loop, TimePoint now, PoolWaiter& waiter, Entry entry, AcquireError* error,
              PoolOrders& orders);
  // An idle connection of this loop, counted as leased, if there is one.
  bool Take(size_t loop);
  uint64_t NextNumber() { return ++last_number_; }
  std::vector<PoolWaiter> TakeExpired(size_t loop, TimePoint now);
  // Takes the waiter of that number out of the queue, if he is there.
  std::optional<PoolWaiter> Cancel(size_t loop, uint64_t number) {
    return loops_[loop].waiters.TakeNumber(number);
  }
  // Of a loop that ends; they are the caller's to answer.
  std::vector<PoolWaiter> TakeAll(size_t loop) { return loops_[loop].waiters.TakeAll(); }
  TimePoint NextDeadline(size_t loop) const { return loops_[loop].waiters.next_deadline(); }

  // ---- What becomes of connections.

  // One that was opened, or came back.
  struct Offer {
    enum class What : uint8_t {
      kGrant,  // To `waiter`; counted as leased.
      kIdle,   // Counted as idle.
      kYield,  // It is to be closed; MoveDone follows.
      kClose,  // It is to be closed; counted as closing, Closed follows.
    };
    What what;
    std::optional<PoolWaiter> waiter = std::nullopt;
  };
  Offer Connected(size_t loop, TimePoint now, PoolOrders& orders);
  Offer Returned(size_t loop, TimePoint now, PoolOrders& orders);

  // Names an attempt: those of one generation fail together and count as one failure.
  uint64_t generation() const { return generation_; }
  void ConnectFailed(size_t loop, uint64_t generation, TimePoint now, PoolOrders& orders);
  void ConnectAbandoned(size_t loop, TimePoint now, PoolOrders& orders);
  // One that was not made ready (PoolOptions::greet), counted as connecting until now and as
  // closing from now on. kOurs: given up because the pool drains, which says nothing of the server.
  enum class Greeting : uint8_t { kFailed, kOurs };
  void GreetingEnds(Greeting how, size_t loop, uint64_t generation, TimePoint now,
                    PoolOrders& orders);

  // A connection has shown that the server is there. Once for each that was Connected, unless it
  // ended Unproven: early is what the server ended, which counts as a failed attempt.
  void Proven(TimePoint now, PoolOrders& orders);
  enum class Unproven : uint8_t { kEarly, kOurs };
  void EndedUnproven(Unproven how, uint64_t generation, TimePoint now, PoolOrders& orders);

  // An idle connection leaves the idle ones; `left` are still there. True: it was counted as idle
  // and is counted nowhere now. False: its place was given away: MoveDone when it is closed.
  bool IdleLeaves(size_t loop, size_t left);
  // Ours to close, after IdleLeaves or instead of Returned.
  void Closing(size_t loop, PoolCloseCause cause);
  void LeasedLeaves(size_t loop);
  void Closed(size_t loop, TimePoint now, PoolOrders& orders);
  void MoveDone(size_t loop, TimePoint now, PoolOrders& orders);
  // The server, or an error, ended one, which has left already.
  void Lost(PoolCloseCause cause, TimePoint now, PoolOrders& orders);
  // Whether one more idle connection may be closed for being idle.
  bool MayReap(size_t loop) const;
  // How many idle ones of this loop have lost their place to others, of `there`.
  size_t Owed(size_t loop, size_t there) const { return there - loops_[loop].idle; }

  // ---- The rest.

  // Looks for what can be done now: after `kWake`, and first of all.
  void Wake(TimePoint now, PoolOrders& orders);
  // Answers all who wait; `drained_loop` gets kDrained when no connection is left.
  void Drain(size_t drained_loop, TimePoint now, PoolOrders& orders);
  // A loop is gone, with all it had. Its waiters are the caller's: to drop, outside of any lock.
  std::vector<PoolWaiter> LoopGone(size_t loop, TimePoint now, PoolOrders& orders);
  // Nothing is granted or opened from here on.
  void Stop() { stopped_ = true; }
  bool draining() const { return draining_; }
  // Once drained.
  PoolDrainResult drain_result() const;
  bool stopped() const { return stopped_; }
  // min_connections are open.
  bool warm() const { return Sum(&Loop::idle) + Sum(&Loop::leased) >= options_.min_connections; }

  PoolStats& stats() { return stats_; }
  PoolStats Snapshot(TimePoint now) const;
  Random& random() { return random_; }

 private:
  struct Loop {
    size_t idle = 0;
    size_t leased = 0;
    size_t connecting = 0;
    size_t closing = 0;
    bool gone = false;
    WaiterQueue<AcquireCallback> waiters;
    std::deque<size_t> owed;  // To which loops places go, as connections here are closed.
    size_t total() const { return idle + leased + connecting; }
    // Waiters for whom nothing is being opened yet.
    size_t needs() const { return waiters.size() - std::min(waiters.size(), connecting); }
  };
  size_t Sum(size_t Loop::*count) const;
  size_t total() const;
  bool full() const { return total() + Sum(&Loop::closing) >= options_.max_connections; }
  // True: somebody connects now.
  bool MayConnect(TimePoint now);
  void ServeNeeds(TimePoint now, PoolOrders& orders);
  bool OpenFor(size_t loop, TimePoint now, PoolOrders& orders);
  void Refill(TimePoint now, PoolOrders& orders);
  void Pump(TimePoint now, PoolOrders& orders);
  void Failure(uint64_t generation, TimePoint now, PoolOrders& orders);
  void AnswerAll(AcquireError error, PoolOrders& orders);
  void WakeAt(TimePoint when) { wanted_wake_ = std::min(wanted_wake_, when); }
  // The end of every call that gives orders.
  void Finish(PoolOrders& orders);
  enum class Kind : uint8_t { kFresh, kUsed };
  Offer Place(size_t loop, Kind kind, TimePoint now);
  // The place of a connection of `loop`, which is counted nowhere, goes to `to`.
  Offer Yield(size_t loop, size_t to);
  // Whether a loop that has `there` connections may give a place to `to`, where somebody waits: not
  // its last one, unless he has waited for move_after. Else two busy loops would take it from each
  // other with every lease.
  bool MayMove(size_t there, size_t to, TimePoint now);
  // Who has waited longest of those that may have a place of `but`, which has `there`.
  std::optional<size_t> Neglected(size_t but, size_t there, TimePoint now);
  void Check() const;

  const PoolOptions& options_;
  std::vector<Loop> loops_;
  Random random_;
  Backoff backoff_;
  CircuitBreaker circuit_;
  PoolStats stats_;  // The counters; the rest is filled in by Snapshot.
  uint64_t last_number_ = 0;
  uint64_t generation_ = 0;
  size_t unproven_ = 0;
  size_t turn_ = 0;                            // Whose needs are looked at first.
  TimePoint connect_from_ = TimePoint::min();  // Nobody connects before.
  TimePoint refill_from_ = TimePoint::min();   // Nor to have min_connections again.
  TimePoint losses_since_ = TimePoint::min();
  uint32_t losses_ = 0;
  TimePoint armed_wake_ = kNever;   // The earliest kWake on its way.
  TimePoint wanted_wake_ = kNever;  // Of this call.
  bool draining_ = false;
  bool drained_ = false;
  bool stopped_ = false;
  size_t drained_loop_ = 0;
  uint64_t closed_before_drain_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_POOL_INTERNAL_POOL_BOOK_H_
