#ifndef SPINDLE_NET_LOOP_IO_HOST_H_
#define SPINDLE_NET_LOOP_IO_HOST_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/loop_role.h"
#include "base/probe.h"
#include "base/syscalls.h"
#include "net/backend/io_backend.h"
#include "net/backend/io_slot.h"
#include "net/loop/internal/callback_watch.h"
#include "net/loop/internal/hand_over_queue.h"
#include "net/loop/internal/slot_table.h"
#include "net/loop/loop_stats.h"
#include "net/loop/timer_queue.h"
#include "net/types/chunk.h"
#include "net/types/socket_address.h"

namespace spindle {

class EventLoop;

// Work put off to the end of the turn, when no callback is running: the second phase of a close.
// Loop thread only; its owner cancels it (by destroying it) at any time.
class DeferredWork {
 public:
  DeferredWork() = default;
  DeferredWork(const DeferredWork&) = delete;
  DeferredWork& operator=(const DeferredWork&) = delete;

 protected:
  ~DeferredWork() { hook_.Unlink(); }

 private:
  friend class IoHost;
  virtual void OnDeferred() = 0;
  // Whose callback that is, where the loop is asked to tell.
  virtual CallbackOrigin origin() const { return {.kind = "close"}; }
  ListHook hook_;
};

// What a loop offers to the things that live on it: registrations, the ready list, the flush list,
// work at the end of the turn, timers and the shared read block. For the library's own layers; user
// code sees EventLoop.
//
// Loop thread only, but for hand_over_queue().
class IoHost {
 public:
  IoHost(EventLoop& loop, LoopRole& role, std::unique_ptr<IoBackend> backend,
         size_t read_block_size);
  ~IoHost();
  IoHost(const IoHost&) = delete;
  IoHost& operator=(const IoHost&) = delete;

  // The services of `loop`.
  static IoHost& Of(EventLoop& loop);
  // True if a turn of `loop` would do something even if its descriptors are all silent.
  static bool NeedsTurn(EventLoop& loop);

  EventLoop& loop() { return loop_; }
  LoopRole& role() ABSL_LOCK_RETURNED(role_) { return role_; }
  void AssertInLoop() const ABSL_ASSERT_EXCLUSIVE_LOCK(role_) { role_.AssertHeld(); }
  IoBackend& backend() { return *backend_; }
  Syscalls& syscalls() { return backend_->syscalls(); }
  TimerQueue& timers() { return timers_; }
  const TimerQueue& timers() const { return timers_; }
  LoopStats& stats() { return stats_; }
  // The time at which this turn began; cheap, and up to one turn old.
  TimePoint now() const { return now_; }
  // Read afresh.
  TimePoint Now() { return backend_->Now(); }

  // Registers `fd` for `slot`, which must be detached. `fd` stays the caller's.
  // Errors: ENOSPC, ENOMEM; EPERM for files that cannot be watched (regular files); EBADF; EMFILE
  // for descriptors above SlotToken::kMaxFd; ECANCELED while the loop is being destroyed; EEXIST if
  // the loop has a slot of that number, because it is watched already or was closed while watched.
  IoError Attach(IoSlot& slot, int fd, Interest interest, Trigger trigger);
  // As Attach, for a registration that exists already. CHECKs that the loop has no slot of that
  // number: one of the loop's descriptors would have been closed behind its back, and bytes of one
  // connection would go to another.
  void AttachAdopted(IoSlot& slot, SlotToken token);
  // A slot for a descriptor that the back end does not watch (a regular file): it gets OnReady when
  // it asks for it, OnLoopGone, and nothing else. Errors: EEXIST, EBADF, EMFILE and ECANCELED.
  IoError AttachUnwatched(IoSlot& slot, int fd);
  // Ends the registration in the loop; nothing more is dispatched to `slot`, not even what this
  // turn has fetched already. For descriptors that stay open call backend().Remove first.
  void Detach(IoSlot& slot);

  // The slot of a registration that has not ended, else null.
  IoSlot* Find(SlotToken token) const { return slots_.Find(token); }
  // The loop is being destroyed: nothing new is attached.
  bool closing() const { return closing_; }

  // OnReady in the next turn, which then does not wait. Once, however often it is asked for.
  void MarkReady(IoSlot& slot);
  // OnFlush at the end of this turn. Once, however often it is asked for.
  void MarkFlush(IoSlot& slot);
  // OnDeferred at the end of this turn, after all flushes. Once.
  void Defer(DeferredWork& work);

  // Blocks of read_block_size bytes, for what lives no longer than a callback and its flush:
  // reading into, writing from. Never null. Who is done with one gives it back; any other chunk, or
  // one that somebody still shares, is just dropped.
  ChunkRef TakeBlock() {
    Block();
    return std::move(spare_block_[--spare_blocks_]);
  }
  // The block that TakeBlock would return, to be filled before it is taken.
  Chunk& Block() {
    if (spare_blocks_ == 0) NewBlock();
    return *spare_block_[spare_blocks_ - 1];
  }
  void GiveBackBlock(ChunkRef&& block) {
    if (block && spare_blocks_ < kMaxSpareBlocks && block->unique() &&
        block->own_capacity() >= read_block_size_) {
      // The place is empty: there is nothing to release.
      new (&spare_block_[spare_blocks_++]) ChunkRef(std::move(block));
    }
  }

  // Where acceptors on other threads leave connections for this loop. It outlives the loop.
  const std::shared_ptr<HandOverQueue>& hand_over_queue() const { return handed_over_; }
  // Adopts all that has been handed over before this call, also what is just being registered.
  void TakeHandedOver();

  // ---- For the loop.
  // From now on each callback is measured, unless `limit` is zero, and told to `watchdog`, unless
  // that is null.
  void WatchCallbacks(std::string loop_name, Duration limit,
                      std::unique_ptr<WatchedLoop> watchdog) {
    watch_ = std::make_unique<CallbackWatch>(std::move(loop_name), limit, std::move(watchdog),
                                             stats_, syscalls());
  }
  // Null where nobody watches.
  CallbackWatch* watch() { return watch_.get(); }
  // A turn begins, with `found` events.
  void BeginTurn(TimePoint now, size_t found) {
    now_ = now;
    if (watch_ != nullptr) watch_->BeginTurn(now, found);
  }
  void Dispatch(std::span<const IoEvent> events);
  // Runs what was marked ready before the call. Returns how many.
  size_t RunReady();
  size_t RunFlushes();
  size_t RunDeferred();
  bool has_work() const { return !ready_.empty() || !flush_.empty() || !deferred_.empty(); }
  size_t live_slots() const { return slots_.live(); }
  // Tells every slot that the loop is gone, until none is left.
  void CloseAll();

 private:
  static constexpr size_t kMaxSpareBlocks = 4;

  // Calls into `owner`, a slot or deferred work. `waiting()`: how many more events of the turn come
  // after it.
  template <typename Owner, typename Call, typename Waiting>
  void CallOut(Owner& owner, Call call, Waiting waiting) {
    const uintptr_t which = reinterpret_cast<uintptr_t>(&owner);
    SPINDLE_PROBE1(callback_begin, which);
    CallbackWatch::Run(
        watch_.get(), [&] { return owner.origin(); }, [&] { call(owner); }, waiting);
    SPINDLE_PROBE1(callback_end, which);
  }
  template <typename Owner, typename Call>
  void CallOut(Owner& owner, Call call) {
    CallOut(owner, call, [] { return size_t{0}; });
  }
  IoError MayAttach(int fd) const;
  void NewBlock();
  // Adopts what is in adopting_, one after the other: user code may come back here.
  void AdoptTaken();
  // Adopts the connection that `token` names, if it has been handed over.
  void AdoptKnown(SlotToken token);

  EventLoop& loop_;
  LoopRole& role_;
  const std::unique_ptr<IoBackend> backend_;
  const size_t read_block_size_;
  SlotTable slots_;
  TimerQueue timers_;
  LoopStats stats_;
  std::unique_ptr<CallbackWatch> watch_;
  TimePoint now_;
  ChunkRef spare_block_[kMaxSpareBlocks];
  size_t spare_blocks_ = 0;  // How many of them are there.
  std::vector<SlotToken> ready_;
  std::vector<SlotToken> ready_now_;  // Being run; kept for its capacity.
  std::vector<SlotToken> flush_;
  std::vector<SlotToken> flush_now_;
  IntrusiveList<DeferredWork, &DeferredWork::hook_> deferred_;
  const std::shared_ptr<HandOverQueue> handed_over_;
  std::deque<HandedOver> adopting_;  // Taken from the queue, not adopted yet.
  bool closing_ = false;             // CloseAll has begun: nothing new is attached.
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_IO_HOST_H_
