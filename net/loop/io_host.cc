#include "net/loop/io_host.h"

#include <errno.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/check.h"

namespace spindle {

IoHost::IoHost(EventLoop& loop, LoopRole& role, std::unique_ptr<IoBackend> backend,
               size_t read_block_size)
    : loop_(loop),
      role_(role),
      backend_(std::move(backend)),
      read_block_size_(read_block_size),
      now_(backend_->Now()),
      handed_over_(std::make_shared<HandOverQueue>(*backend_)) {}

IoHost::~IoHost() { SPINDLE_CHECK(slots_.live() == 0); }

IoError IoHost::MayAttach(int fd) const {
  if (closing_) return IoError(ECANCELED, IoOp::kPoll);
  if (fd < 0) return IoError(EBADF, IoOp::kPoll);
  if (fd > SlotToken::kMaxFd) return IoError(EMFILE, IoOp::kPoll);
  if (slots_.Occupied(fd)) return IoError(EEXIST, IoOp::kPoll);
  return IoError();
}

IoError IoHost::Attach(IoSlot& slot, int fd, Interest interest, Trigger trigger) {
  if (IoError error = MayAttach(fd); !error.ok()) return error;
  const SlotToken token = SlotToken::Next(fd);
  if (IoError error = backend_->Add(token, interest, trigger); !error.ok()) return error;
  AttachAdopted(slot, token);
  return IoError();
}

void IoHost::AttachAdopted(IoSlot& slot, SlotToken token) {
  SPINDLE_DCHECK(!slot.token_.valid());
  SPINDLE_CHECK(!slots_.Occupied(token.fd()))
      << "descriptor " << token.fd() << " was closed while the loop still used it";
  slot.token_ = token;
  slots_.Put(token, &slot);
}

IoError IoHost::AttachUnwatched(IoSlot& slot, int fd) {
  const IoError error = MayAttach(fd);
  if (error.ok()) AttachAdopted(slot, SlotToken::Next(fd));
  return error;
}

void IoHost::Detach(IoSlot& slot) {
  if (!slot.token_.valid()) return;
  slots_.Erase(slot.token_);
  slot.token_ = SlotToken();
  slot.marked_ready_ = false;
  slot.marked_flush_ = false;
}

void IoHost::MarkReady(IoSlot& slot) {
  if (slot.marked_ready_ || !slot.token_.valid()) return;
  slot.marked_ready_ = true;
  ready_.push_back(slot.token_);
}

void IoHost::MarkFlush(IoSlot& slot) {
  if (slot.marked_flush_ || !slot.token_.valid()) return;
  slot.marked_flush_ = true;
  flush_.push_back(slot.token_);
}

void IoHost::Defer(DeferredWork& work) {
  if (!work.hook_.linked()) deferred_.push_back(work);
}

void IoHost::NewBlock() {
  ChunkRef block = Chunk::Allocate(read_block_size_);
  SPINDLE_CHECK(block) << "out of memory";
  spare_block_[spare_blocks_++] = std::move(block);
}

void IoHost::AdoptTaken() {
  while (!adopting_.empty()) {
    const HandedOver handed = std::move(adopting_.front());
    adopting_.pop_front();
    handed.target->Adopt(handed.token, handed.peer);
  }
}

void IoHost::AdoptKnown(SlotToken token) {
  handed_over_->Take(adopting_);
  const auto found = std::find_if(adopting_.begin(), adopting_.end(),
                                  [&](const HandedOver& handed) { return handed.token == token; });
  if (found == adopting_.end()) return;
  const HandedOver handed = std::move(*found);
  adopting_.erase(found);
  handed.target->Adopt(handed.token, handed.peer);
}

void IoHost::TakeHandedOver() {
  while (!handed_over_->Take(adopting_))
    std::this_thread::yield();  // As long as an epoll_ctl takes.
  AdoptTaken();
}

void IoHost::Dispatch(std::span<const IoEvent> events) {
  if ((!handed_over_->empty() || !adopting_.empty()) && handed_over_->Take(adopting_)) AdoptTaken();
  for (const IoEvent& event : events) {
    IoSlot* slot = slots_.Find(event.token);
    if (slot == nullptr) {
      // Either its registration has ended, or an acceptor is just handing it over.
      AdoptKnown(event.token);
      slot = slots_.Find(event.token);
    }
    if (slot == nullptr) {
      ++stats_.stale_events;
      continue;
    }
    ++stats_.events;
    CallOut(
        *slot, [&](IoSlot& called) { called.OnIoEvent(event); },
        [&] { return static_cast<size_t>(&events.back() - &event); });
  }
}

size_t IoHost::RunReady() {
  ready_now_.swap(ready_);
  for (const SlotToken token : ready_now_) {
    IoSlot* slot = slots_.Find(token);
    if (slot == nullptr || !slot->marked_ready_) continue;
    slot->marked_ready_ = false;
    CallOut(*slot, [](IoSlot& called) { called.OnReady(); });
  }
  const size_t count = ready_now_.size();
  ready_now_.clear();
  return count;
}

size_t IoHost::RunFlushes() {
  size_t count = 0;
  // A flush can mark others (a relay's other side); they belong to this turn too.
  for (int round = 0; round < 4 && !flush_.empty(); ++round) {
    flush_now_.swap(flush_);
    for (const SlotToken token : flush_now_) {
      IoSlot* slot = slots_.Find(token);
      if (slot == nullptr || !slot->marked_flush_) continue;
      slot->marked_flush_ = false;
      CallOut(*slot, [](IoSlot& called) { called.OnFlush(); });
    }
    count += flush_now_.size();
    flush_now_.clear();
  }
  return count;
}

size_t IoHost::RunDeferred() {
  IntrusiveList<DeferredWork, &DeferredWork::hook_> batch;
  batch.splice_all(deferred_);
  size_t count = 0;
  while (DeferredWork* work = batch.pop_front()) {
    ++count;
    CallOut(*work, [](DeferredWork& called) { called.OnDeferred(); });
  }
  return count;
}

void IoHost::CloseAll() {
  handed_over_->Close();
  TakeHandedOver();
  closing_ = true;
  // A slot's last words may make new slots: go on until there are none.
  while (slots_.live() > 0) {
    slots_.ForEach([](IoSlot& slot) { slot.OnLoopGone(); });
    RunDeferred();
  }
  RunDeferred();
}

}  // namespace spindle
