// Random calls on a base and its events, as a seed has them; prints what happens.
//
//   event_script SEED STEPS
//
// Compared on two libraries: they agree if they print the same. Whatever depends on the clock is
// left out: timeouts are either due by the next pass, or never.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr size_t kEvents = 24;
constexpr size_t kPairs = 6;
constexpr int kSignals[] = {SIGUSR1, SIGUSR2};

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2862933555777941757u + 3037000493u) {}
  unsigned Roll(unsigned sides) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>(state_ >> 33) % sides;
  }

 private:
  uint64_t state_;
};

class Script {
 public:
  explicit Script(uint64_t seed) : dice_(seed) {
    event_set_log_callback([](int, const char*) {});
    priorities_ = static_cast<int>(1 + dice_.Roll(3));
    base_ = event_base_new();
    event_base_priority_init(base_, priorities_);
    const timeval never = {.tv_sec = 5000, .tv_usec = 0};
    common_never_ = event_base_init_common_timeout(base_, &never);
    for (auto& pair : pairs_) OpenPair(pair);
    for (Slot& slot : slots_) slot.script = this;
  }
  ~Script() {
    for (Slot& slot : slots_) Drop(slot);
    event_base_free(base_);
    for (auto& pair : pairs_) {
      close(pair[0]);
      close(pair[1]);
    }
  }

  void Run(int steps) {
    for (step_ = 0; step_ < steps; ++step_) {
      Act(/*inside=*/false);
      if (dice_.Roll(4) == 0) RunLoop();
    }
    RunLoop();
  }

 private:
  struct Slot {
    Script* script = nullptr;
    bool assigned = false;
    bool due = false;  // Its timeout is one of no time.
    event ev;
    int calls = 0;
  };

  size_t IndexOf(const Slot& slot) const { return static_cast<size_t>(&slot - slots_.data()); }

  static void OpenPair(std::array<int, 2>& pair) {
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data());
  }

  void Assign(Slot& slot) {
    Drop(slot);
    int fd = -1;
    int events = 0;
    switch (dice_.Roll(4)) {
      case 0:
        break;
      case 1:
        fd = kSignals[dice_.Roll(2)];
        events = EV_SIGNAL;
        break;
      default:
        fd = pairs_[dice_.Roll(kPairs)][0];
        events = static_cast<int>(1 + dice_.Roll(7)) * 2;  // Of EV_READ, EV_WRITE, EV_SIGNAL.
        events = (events & EV_SIGNAL) != 0 ? (events & ~EV_SIGNAL) | EV_CLOSED : events;
        break;
    }
    if (dice_.Roll(2) == 0) events |= EV_PERSIST;
    if (dice_.Roll(6) == 0) events |= EV_FINALIZE;
    slot.assigned =
        event_assign(&slot.ev, base_, fd, static_cast<short>(events), &Call, &slot) == 0;
    slot.calls = 0;
    slot.due = false;
    printf("%d: assign %zu fd%d events %x\n", step_, IndexOf(slot), PairOf(fd), events);
    if (dice_.Roll(3) == 0) {
      const int priority = static_cast<int>(dice_.Roll(4));
      printf("  priority %d: %d\n", priority, event_priority_set(&slot.ev, priority));
    }
  }

  // Numbers of descriptors differ between the libraries.
  int PairOf(int fd) const {
    for (size_t i = 0; i < kPairs; ++i) {
      if (pairs_[i][0] == fd) return static_cast<int>(i) + 1000;
    }
    return fd;
  }

  void Drop(Slot& slot) {
    if (!slot.assigned) return;
    event_del(&slot.ev);
    slot.assigned = false;
  }

  // Several that are due at once have no certain order.
  bool AnyDue() {
    for (Slot& slot : slots_) {
      if (slot.assigned && slot.due && event_pending(&slot.ev, EV_TIMEOUT, nullptr) != 0)
        return true;
    }
    return false;
  }

  const timeval* Timeout(Slot& slot) {
    static constexpr timeval kNow = {.tv_sec = 0, .tv_usec = 0};
    static constexpr timeval kNever = {.tv_sec = 5000, .tv_usec = 0};
    switch (dice_.Roll(6)) {
      case 0:
        if (AnyDue()) return nullptr;
        slot.due = true;
        return &kNow;
      case 1:
        return &kNever;
      case 2:
        return common_never_;
      default:
        return nullptr;
    }
  }

  static void Call(evutil_socket_t fd, short events, void* arg) {
    Slot& slot = *static_cast<Slot*>(arg);
    Script& script = *slot.script;
    printf("  call %zu fd%d events %x pending %x\n", script.IndexOf(slot), script.PairOf(fd),
           events, static_cast<unsigned>(event_pending(&slot.ev, 0xff, nullptr)));
    // What stays ready would keep the loop going for ever.
    if (++slot.calls > 3) event_del(&slot.ev);
    // Signals have a place of their own among the descriptors, which nobody can rely on.
    if (script.depth_ == 0 && !script.raised_ && script.dice_.Roll(3) == 0) {
      ++script.depth_;
      script.Act(/*inside=*/true);
      --script.depth_;
    }
  }

  static void Once(evutil_socket_t, short events, void* arg) {
    printf("  once %ld events %x\n", static_cast<long>(reinterpret_cast<intptr_t>(arg)), events);
  }

  void Act(bool inside) {
    Slot& slot = slots_[dice_.Roll(kEvents)];
    auto& pair = pairs_[dice_.Roll(kPairs)];
    if (!slot.assigned) {
      Assign(slot);
      return;
    }
    const unsigned action = dice_.Roll(20);
    switch (action) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5: {
        const timeval* timeout = Timeout(slot);
        printf("%d: add %zu %ld: %d\n", step_, IndexOf(slot),
               timeout == nullptr ? -1 : static_cast<long>(timeout->tv_sec),
               event_add(&slot.ev, timeout));
        break;
      }
      case 6:
      case 7:
        printf("%d: del %zu: %d\n", step_, IndexOf(slot), event_del(&slot.ev));
        break;
      case 8:
      case 9: {
        const int result = static_cast<int>(1 + dice_.Roll(7));
        printf("%d: active %zu %x\n", step_, IndexOf(slot), static_cast<unsigned>(result));
        event_active(&slot.ev, result, static_cast<short>(1 + dice_.Roll(2)));
        break;
      }
      case 10:
        printf("%d: write: %zd\n", step_, write(pair[1], "x", 1));
        break;
      case 11: {
        char bytes[64];
        printf("%d: read: %zd\n", step_, read(pair[0], bytes, sizeof bytes));
        break;
      }
      default:
        ActRarely(action, slot, pair, inside);
    }
  }

  void ActRarely(unsigned action, Slot& slot, std::array<int, 2>& pair, bool inside) {
    switch (action) {
      case 12:
        printf("%d: remove_timer %zu: %d\n", step_, IndexOf(slot), event_remove_timer(&slot.ev));
        break;
      case 13:
        printf("%d: priority %zu: %d\n", step_, IndexOf(slot),
               event_priority_set(&slot.ev, static_cast<int>(dice_.Roll(4))));
        break;
      case 14:
        printf("%d: once\n", step_);
        event_base_once(base_, -1, EV_TIMEOUT, &Once, reinterpret_cast<void*>(intptr_t{step_}),
                        nullptr);
        break;
      case 15:
        // Only a signal that somebody waits for: others would end the program.
        if (!inside && (slot.ev.ev_events & EV_SIGNAL) != 0 &&
            event_pending(&slot.ev, EV_SIGNAL, nullptr) &&
            (slot.ev.ev_evcallback.evcb_flags & EVLIST_INSERTED) != 0) {
          printf("%d: raise %d\n", step_, slot.ev.ev_fd);
          raised_ = true;
          raise(slot.ev.ev_fd);
        }
        break;
      case 16:
        if (inside) {
          const unsigned kind = dice_.Roll(3);
          printf("%d: leave %u\n", step_, kind);
          if (kind == 0) event_base_loopbreak(base_);
          if (kind == 1) event_base_loopexit(base_, nullptr);
          if (kind == 2) event_base_loopcontinue(base_);
        }
        break;
      case 17:
        printf("%d: by fd\n", step_);
        event_base_active_by_fd(base_, pair[0], static_cast<short>(EV_READ << dice_.Roll(2)));
        break;
      case 18:
        printf("%d: shut\n", step_);
        shutdown(pair[1], SHUT_WR);
        break;
      case 19:
        Reopen(pair);
        break;
    }
  }

  // Closes a descriptor that events may wait for, after they are deleted, or before.
  void Reopen(std::array<int, 2>& pair) {
    printf("%d: reopen\n", step_);
    const bool first = dice_.Roll(2) == 0;
    if (first) {
      close(pair[0]);
      close(pair[1]);
    }
    for (Slot& slot : slots_) {
      if (slot.assigned && (slot.ev.ev_events & EV_SIGNAL) == 0 && slot.ev.ev_fd == pair[0]) {
        Drop(slot);
      }
    }
    if (!first) {
      close(pair[0]);
      close(pair[1]);
    }
    OpenPair(pair);
  }

  void RunLoop() {
    for (Slot& slot : slots_) slot.calls = 0;
    const int flags = dice_.Roll(2) == 0 ? EVLOOP_NONBLOCK : EVLOOP_NONBLOCK | EVLOOP_ONCE;
    // Timeouts of no time are due for certain, whichever clock the library reads.
    const timespec pause = {.tv_sec = 0, .tv_nsec = 8000000};
    if (HasTimeouts()) nanosleep(&pause, nullptr);
    printf("%d: loop %d\n", step_, flags);
    const int result = event_base_loop(base_, flags);
    raised_ = false;
    printf("  result %d exit %d break %d count %d %d\n", result, event_base_got_exit(base_),
           event_base_got_break(base_), Pending(), event_base_get_npriorities(base_));
  }

  bool HasTimeouts() {
    for (Slot& slot : slots_) {
      if (slot.assigned && event_pending(&slot.ev, EV_TIMEOUT, nullptr) != 0) return true;
    }
    return false;
  }

  int Pending() {
    int count = 0;
    for (Slot& slot : slots_) {
      if (slot.assigned && event_pending(&slot.ev, 0xff, nullptr) != 0) ++count;
    }
    return count;
  }

  Dice dice_;
  int priorities_ = 1;
  event_base* base_ = nullptr;
  const timeval* common_never_ = nullptr;
  std::array<std::array<int, 2>, kPairs> pairs_;
  std::array<Slot, kEvents> slots_;
  int step_ = 0;
  int depth_ = 0;
  bool raised_ = false;  // Since the last loop.
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s SEED STEPS\n", argv[0]);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  Script(strtoull(argv[1], nullptr, 10)).Run(atoi(argv[2]));
  return 0;
}
