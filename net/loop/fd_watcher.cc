#include "net/loop/fd_watcher.h"

#include <errno.h>

#include <string>
#include <utility>

#include "base/errno_status.h"
#include "base/live_counter.h"
#include "base/strings.h"
#include "net/backend/io_slot.h"
#include "net/loop/internal/owned_callback.h"
#include "net/loop/io_host.h"

namespace spindle {

// Invariant: attached for as long as the loop lives, so that it learns of the loop's end: watched
// by the back end (kWatched), or known to the loop only (kPaused, kAlwaysReady).
class FdWatcher::Slot final : public IoSlot, private LiveCounted<FdWatcher> {
 public:
  Slot(IoHost& host, int fd, absl::AnyInvocable<void(FdEvents)> callback,
       std::source_location where)
      : host_(&host), fd_(fd), callback_(std::move(callback)), where_(where) {}
  ~Slot() {
    if (host_ == nullptr) return;
    host_->AssertInLoop();
    Unwatch();
  }

  int fd() const { return fd_; }
  Interest interest() const { return interest_; }

  IoError SetInterest(Interest interest, Trigger trigger) {
    if (host_ == nullptr) return IoError(ECANCELED, IoOp::kPoll);
    host_->AssertInLoop();
    interest_ = interest;
    trigger_ = trigger;
    if (state_ == State::kWatched && interest != Interest::kNone) {
      const IoError error = host_->backend().Modify(token(), interest, trigger);
      if (error.ok()) return error;
      static_cast<void>(Pause());
      return error;
    }
    if (interest == Interest::kNone) return Pause();
    return Watch();
  }

  void OnIoEvent(const IoEvent& event) override {
    // The interest may have changed since the event was fetched.
    FdEvents events;
    events.readable = event.Has(kIoReadable) && Has(interest_, Interest::kRead);
    events.writable = event.Has(kIoWritable) && Has(interest_, Interest::kWrite);
    events.peer_closed = event.Has(kIoPeerClosed) && Has(interest_, Interest::kPeerClosed);
    events.priority = event.Has(kIoPriority) && Has(interest_, Interest::kPriority);
    events.error = event.Has(kIoError);
    events.hangup = event.Has(kIoHangup);
    if (!events.readable && !events.writable && !events.peer_closed && !events.priority &&
        !events.error && !events.hangup) {
      return;
    }
    static_cast<void>(callback_.Run(events));
  }

  void OnReady() override {
    if (state_ != State::kAlwaysReady) return;
    armed_ = trigger_ == Trigger::kLevel;
    FdEvents events;
    events.readable = Has(interest_, Interest::kRead);
    events.writable = Has(interest_, Interest::kWrite);
    if (!callback_.Run(events)) return;
    if (armed_ && host_ != nullptr) host_->MarkReady(*this);
  }

  CallbackOrigin origin() const override { return {.kind = "descriptor", .where = where_}; }

  void OnLoopGone() override {
    host_->Detach(*this);
    host_ = nullptr;
    state_ = State::kDetached;
    interest_ = Interest::kNone;
  }

 private:
  enum class State : uint8_t { kDetached, kWatched, kPaused, kAlwaysReady };

  void Unwatch() {
    if (state_ == State::kWatched) host_->backend().Remove(token());
    host_->Detach(*this);
    state_ = State::kDetached;
    armed_ = false;
  }

  IoError Pause() {
    Unwatch();
    interest_ = Interest::kNone;
    const IoError error = host_->AttachUnwatched(*this, fd_);
    if (error.ok()) state_ = State::kPaused;
    return error;
  }

  IoError Watch() {
    Unwatch();
    IoError error = host_->Attach(*this, fd_, interest_, trigger_);
    if (error.ok()) {
      state_ = State::kWatched;
      return error;
    }
    if (error.code() != EPERM) {
      static_cast<void>(Pause());
      return error;
    }
    error = host_->AttachUnwatched(*this, fd_);
    if (!error.ok()) return error;
    state_ = State::kAlwaysReady;
    armed_ = (interest_ & Interest::kReadWrite) != Interest::kNone;
    if (armed_) host_->MarkReady(*this);
    return error;
  }

  IoHost* host_;  // Null once the loop is gone.
  const int fd_;
  State state_ = State::kDetached;
  Interest interest_ = Interest::kNone;
  Trigger trigger_ = Trigger::kLevel;
  bool armed_ = false;  // kAlwaysReady: there is another report to come.
  OwnedCallback<FdEvents> callback_;
  const std::source_location where_;
};

namespace {

absl::Status StatusOf(IoError error, int fd) {
  if (error.ok()) return absl::OkStatus();
  return ErrnoStatus(Concat("watch descriptor ", fd), error.code());
}

}  // namespace

absl::StatusOr<std::unique_ptr<FdWatcher>> FdWatcher::Create(
    EventLoop& loop, int fd, Interest interest, Trigger trigger,
    absl::AnyInvocable<void(FdEvents)> callback, std::source_location where) {
  auto slot = std::make_unique<Slot>(IoHost::Of(loop), fd, std::move(callback), where);
  if (IoError error = slot->SetInterest(interest, trigger); !error.ok()) {
    return StatusOf(error, fd);
  }
  return std::unique_ptr<FdWatcher>(new FdWatcher(std::move(slot)));
}

FdWatcher::FdWatcher(std::unique_ptr<Slot> slot) : slot_(std::move(slot)) {}

FdWatcher::~FdWatcher() = default;

absl::Status FdWatcher::SetInterest(Interest interest, Trigger trigger) {
  return StatusOf(slot_->SetInterest(interest, trigger), fd());
}

Interest FdWatcher::interest() const { return slot_->interest(); }

int FdWatcher::fd() const { return slot_->fd(); }

}  // namespace spindle
