#ifndef SPINDLE_NET_BACKEND_IO_BACKEND_H_
#define SPINDLE_NET_BACKEND_IO_BACKEND_H_

#include <errno.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/syscalls.h"
#include "net/backend/io_event.h"
#include "net/types/interest.h"
#include "net/types/io_error.h"

namespace spindle {

// How much a transfer moved, or why it moved nothing. Plain data.
struct IoResult {
  int64_t bytes = 0;  // Moved; 0 from a read means that the peer sends no more.
  int error = 0;      // errno, or 0.

  bool ok() const { return error == 0; }
  bool would_block() const;

  // From what Syscalls return: the bytes, or the negated errno.
  static IoResult Of(ssize_t result) {
    if (result >= 0) [[likely]]
      return IoResult{.bytes = result};
    return IoResult{.error = static_cast<int>(-result)};
  }
};

// Wakes a loop that waits. Outlives the back end, so that a late Wake can never reach a descriptor
// that belongs to somebody else by then.
class Waker {
 public:
  virtual ~Waker() = default;
  // Makes the current or the next Wait return. Any thread; never blocks, never fails.
  virtual void Wake() = 0;
};

enum class WaitMode : uint8_t {
  kBlock,  // Until there is an event, the timer rings or somebody wakes the loop.
  kPoll,   // Takes what there is.
};

// What a loop needs from the kernel: descriptors to watch, bytes to move, one timer, one wake-up.
// The epoll back end does it with epoll, recv, sendmsg, timerfd and eventfd; the same back end runs
// on the simulator's system calls in tests.
//
// Rules for every implementation:
//  1. It fills events and never calls user code. The loop calls the slot.
//  2. An event names the token that its registration was given, whatever has become of the
//     descriptor since. Timer and wake-up events are kept to itself.
//  3. Edge-triggered registrations report a state once; whoever reads or writes until
//     would_block() or a short transfer misses nothing.
//  4. EINTR never comes out.
//
// Loop thread only, but for Add, Modify, Remove and waker().
class IoBackend {
 public:
  virtual ~IoBackend() = default;

  // "epoll", for logs and metrics.
  virtual std::string_view name() const = 0;

  // Fills `out` with what happened. Returns how many; 0 after a timer, a wake-up or a signal.
  // Errors are our own bugs or the kernel out of memory.
  virtual absl::StatusOr<size_t> Wait(std::span<IoEvent> out, WaitMode mode) = 0;

  // The one timer: Wait(kBlock) returns at `when` or just after. kNever disarms it.
  virtual IoError ArmTimer(TimePoint when) = 0;

  // The clock of ArmTimer: monotonic, read afresh.
  virtual TimePoint Now() = 0;

  // Any thread. The same object each time.
  virtual std::shared_ptr<Waker> waker() = 0;

  // Watches token.fd(). Any thread, as for the two below: an acceptor registers a connection on its
  // worker's back end. Calls for one descriptor at a time.
  // ENOSPC and ENOMEM are limits of the machine.
  virtual IoError Add(SlotToken token, Interest interest, Trigger trigger) = 0;
  // Changes what is watched; also re-arms a one-shot registration.
  virtual IoError Modify(SlotToken token, Interest interest, Trigger trigger) = 0;
  // Stops watching a descriptor that stays open. Closing a descriptor needs no Remove, unless the
  // open file lives on elsewhere (dup, fork, passed to another process) and is level-triggered.
  virtual void Remove(SlotToken token) = 0;

  // Readable, for poll(2) and its kin, while Wait(kPoll) would return at once: with events, after a
  // ring of the timer or after a wake-up. For programs that wait by themselves; not to be touched
  // otherwise.
  virtual int pollable_fd() const = 0;

  // ---- Transfers. They are the same for every back end that reports readiness, and on the path of
  // every byte: hence no virtual call of their own.

  // Up to `into.size()` bytes from the socket.
  IoResult Read(int fd, std::span<char> into) {
    return Retry([&] { return syscalls_.Recv(fd, into.data(), into.size()); });
  }
  // Sends from `iovecs`, at most IOV_MAX of them; may send less than all. No SIGPIPE.
  IoResult Write(int fd, std::span<const iovec> iovecs) {
    return Retry([&] { return syscalls_.Send(fd, iovecs); });
  }
  // Sends from a file, from *offset on, and advances it. 0 bytes: the file ended. No SIGPIPE.
  IoResult SendFile(int fd, int file, off_t* offset, size_t length) {
    return Retry([&] { return syscalls_.SendFile(fd, file, offset, length); });
  }

  // For set-up and options. Outlives the back end.
  Syscalls& syscalls() { return syscalls_; }

 protected:
  explicit IoBackend(Syscalls& syscalls) : syscalls_(syscalls) {}

  Syscalls& syscalls_;

 private:
  // Repeats a call that a signal interrupted.
  template <typename Call>
  static IoResult Retry(Call call) {
    ssize_t result;
    do {
      result = call();
    } while (result == -EINTR);
    return IoResult::Of(result);
  }
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_IO_BACKEND_H_
