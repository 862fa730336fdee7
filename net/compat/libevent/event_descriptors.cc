#include <errno.h>
#include <event2/event.h>

#include <utility>

#include "net/compat/libevent/internal/debug.h"
#include "net/compat/libevent/internal/descriptors.h"
#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {
namespace {

constexpr int kMaxEventsEach = 0xffff;

// What events are told about a report of the kernel.
short EventsOf(const IoEvent& report) {
  if (report.Has(kIoError)) return EV_READ | EV_WRITE;
  if (report.Has(kIoHangup) && !report.Has(kIoPeerClosed)) return EV_READ | EV_WRITE;
  int events = 0;
  if (report.Has(kIoReadable)) events |= EV_READ;
  if (report.Has(kIoWritable)) events |= EV_WRITE;
  if (report.Has(kIoPeerClosed)) events |= EV_CLOSED;
  return static_cast<short>(events);
}

}  // namespace

// One descriptor.
//
// Invariants: attached to the loop, or on the list of those left for its thread, as long as there
// is an event; the kernel knows `interest_` and `trigger_`, if `known_` says so.
class Descriptors::Entry final : public IoSlot {
 public:
  Entry(Descriptors& owner, int fd) : owner_(owner), base_(owner.base_), fd_(fd) {}
  // The base has let go of the loop.
  ~Entry() = default;

  const EventList& events() const { return events_; }

  int Add(event* ev) {
    if (IsFull(ev)) {
      LogWarning("too many events wait for descriptor %d", fd_);
      return -1;
    }
    if (DebugMode() && !events_.empty() &&
        (events_.front()->ev_events & EV_ET) != (ev->ev_events & EV_ET)) {
      LogWarning("edge- and level-triggered events are mixed on descriptor %d", fd_);
      return -1;
    }
    Count(ev, 1);
    const int result = Sync();
    if (result < 0) {
      const int error = errno;
      Count(ev, -1);
      static_cast<void>(Sync());
      errno = error;
      return -1;
    }
    events_.PushFront(ev);
    return result;
  }

  int Remove(event* ev) {
    EventList::Remove(ev);
    Count(ev, -1);
    return Sync();
  }

  void Activate(short events) {
    for (event* ev = events_.front(); ev != nullptr;) {
      event* next = EventList::Next(ev);
      if ((ev->ev_events & events & ~EV_ET) != 0) ActivateEvent(ev, ev->ev_events & events, 1);
      ev = next;
    }
  }

  void OnIoEvent(const IoEvent& event) override {
    base_.EnterDispatch();
    Activate(static_cast<short>(EventsOf(event) | EV_ET));
  }

  // Files that epoll refuses: ready at all times.
  void OnReady() override {
    base_.EnterDispatch();
    if (!always_ready_ || interest_ == Interest::kNone) return;
    base_.host().MarkReady(*this);
    Activate(EV_READ | EV_WRITE);
  }

  void OnLoopGone() override { base_.host().Detach(*this); }

  // On the loop's thread: what other threads have left to do.
  void TakeChange() {
    left_ = false;
    if (interest_ == Interest::kNone) {
      base_.host().Detach(*this);
      always_ready_ = false;
    } else if (!token().valid()) {
      // Registered for a token that the loop does not know.
      base_.host().backend().Remove(early_token_);
      known_ = false;
      if (const int error = Watch(); error != 0) {
        errno = error;
        LogWarningErrno("cannot watch descriptor %d", fd_);
      }
    } else if (always_ready_) {
      base_.host().MarkReady(*this);
    }
  }

  void Detach(bool reachable) {
    if (reachable) {
      if (known_) base_.host().backend().Remove(Token());
      base_.host().Detach(*this);
    }
    known_ = false;
    left_ = false;
    always_ready_ = false;
  }

  bool Attach() { return interest_ == Interest::kNone || Watch() == 0; }

 private:
  bool IsFull(const event* ev) const {
    return ((ev->ev_events & EV_READ) != 0 && readers_ == kMaxEventsEach) ||
           ((ev->ev_events & EV_WRITE) != 0 && writers_ == kMaxEventsEach) ||
           ((ev->ev_events & EV_CLOSED) != 0 && closers_ == kMaxEventsEach);
  }

  void Count(const event* ev, int change) {
    if ((ev->ev_events & EV_READ) != 0) readers_ += change;
    if ((ev->ev_events & EV_WRITE) != 0) writers_ += change;
    if ((ev->ev_events & EV_CLOSED) != 0) closers_ += change;
    if ((ev->ev_events & EV_ET) == 0) level_ += change;
  }

  SlotToken Token() const { return token().valid() ? token() : early_token_; }

  // Makes the registration what the events want. 0, or 1 if it changed; -1 and errno.
  int Sync() {
    Interest wanted = Interest::kNone;
    if (readers_ > 0) wanted |= Interest::kRead;
    if (writers_ > 0) wanted |= Interest::kWrite;
    if (closers_ > 0) wanted |= Interest::kPeerClosed;
    // Level-triggered events would miss what edges do not repeat.
    const Trigger trigger = level_ == 0 && !base_.files_allowed ? Trigger::kEdge : Trigger::kLevel;
    if (wanted == interest_ && (trigger == trigger_ || wanted == Interest::kNone)) return 0;
    if (wanted == Interest::kNone) {
      interest_ = wanted;
      Unwatch();
      return 1;
    }
    const Interest before = std::exchange(interest_, wanted);
    const Trigger trigger_before = std::exchange(trigger_, trigger);
    const int error = Watch();
    if (error == 0) return 1;
    interest_ = before;
    trigger_ = trigger_before;
    errno = error;
    return -1;
  }

  void Unwatch() {
    if (known_) base_.host().backend().Remove(Token());
    known_ = false;
    if (!base_.MayTouchLoop()) {
      Leave();
      return;
    }
    base_.host().Detach(*this);
    always_ready_ = false;
  }

  void Leave() {
    if (left_) return;
    left_ = true;
    owner_.left_.push_back(this);
    base_.NotifyLoop();
  }

  // Returns errno, or 0.
  int Watch() {
    IoBackend& backend = base_.host().backend();
    if (always_ready_) return 0;
    if (known_) {
      // Closed and opened again since: the kernel has forgotten the registration.
      const int error = backend.Modify(Token(), interest_, trigger_).code();
      if (error != ENOENT) return error;
      return backend.Add(Token(), interest_, trigger_).code();
    }
    if (!token().valid() && base_.MayTouchLoop()) {
      const int error = base_.host().AttachUnwatched(*this, fd_).code();
      if (error != 0) return error;
    } else if (!token().valid()) {
      early_token_ = SlotToken::Next(fd_);
    }
    int error = backend.Add(Token(), interest_, trigger_).code();
    // The same number for the same file again, as dup2(2) can make it.
    if (error == EEXIST) error = backend.Modify(Token(), interest_, trigger_).code();
    if (error == EPERM && base_.files_allowed) {
      always_ready_ = true;
      if (base_.MayTouchLoop()) base_.host().MarkReady(*this);
      error = 0;
    } else if (error != 0) {
      if (base_.MayTouchLoop()) base_.host().Detach(*this);
      return error;
    } else {
      known_ = true;
    }
    if (!base_.MayTouchLoop()) Leave();
    return 0;
  }

  Descriptors& owner_;
  event_base& base_;
  const int fd_;
  EventList events_;
  int readers_ = 0;
  int writers_ = 0;
  int closers_ = 0;
  int level_ = 0;  // Events without EV_ET.
  Interest interest_ = Interest::kNone;
  Trigger trigger_ = Trigger::kLevel;
  bool known_ = false;
  bool left_ = false;  // In Descriptors::left_.
  bool always_ready_ = false;
  SlotToken early_token_;  // While the loop has no slot for it.
};

Descriptors::Descriptors(event_base& base) : base_(base) {}

Descriptors::~Descriptors() = default;

Descriptors::Entry* Descriptors::Find(int fd) const {
  if (fd < 0 || static_cast<size_t>(fd) >= entries_.size()) return nullptr;
  return entries_[static_cast<size_t>(fd)].get();
}

int Descriptors::Add(event* ev) {
  const int fd = ev->ev_fd;
  if (fd < 0) return 0;
  if (fd > SlotToken::kMaxFd) {
    errno = EMFILE;
    return -1;
  }
  const auto index = static_cast<size_t>(fd);
  if (index >= entries_.size()) entries_.resize(index + index / 2 + 32);
  if (entries_[index] == nullptr) entries_[index] = std::make_unique<Entry>(*this, fd);
  const int result = entries_[index]->Add(ev);
  if (result < 0) LogWarningErrno("cannot watch descriptor %d", fd);
  return result;
}

int Descriptors::Remove(event* ev) {
  Entry* entry = Find(ev->ev_fd);
  return entry == nullptr ? 0 : entry->Remove(ev);
}

void Descriptors::Activate(int fd, short events) {
  if (Entry* entry = Find(fd)) entry->Activate(events);
}

void Descriptors::TakeChanges() {
  for (Entry* entry : std::exchange(left_, {})) entry->TakeChange();
}

void Descriptors::Detach(bool reachable) {
  left_.clear();
  for (const auto& entry : entries_) {
    if (entry != nullptr) entry->Detach(reachable);
  }
}

bool Descriptors::AttachAll() {
  bool all = true;
  for (const auto& entry : entries_) {
    if (entry != nullptr && !entry->Attach()) all = false;
  }
  return all;
}

int Descriptors::ForEach(const std::function<int(event*)>& visit) const {
  for (const auto& entry : entries_) {
    if (entry == nullptr) continue;
    for (event* ev = entry->events().front(); ev != nullptr; ev = EventList::Next(ev)) {
      if (const int result = visit(ev); result != 0) return result;
    }
  }
  return 0;
}

}  // namespace spindle::compat
