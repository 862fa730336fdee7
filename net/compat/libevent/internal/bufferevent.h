#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_BUFFEREVENT_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_BUFFEREVENT_H_

// What the kinds of bufferevents share. Functions here expect the lock of the bufferevent to be
// held where they do not say otherwise.

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>

#include <cstddef>
#include <cstdint>

#include "net/compat/libevent/internal/evbuffer.h"
#include "net/compat/libevent/internal/shared_lock.h"

namespace spindle::compat {

struct BufferEvent;
struct RateLimit;

// The layout that programs were compiled with.
static_assert(sizeof(bufferevent) == 392);
static_assert(offsetof(bufferevent, ev_read) == 16);
static_assert(offsetof(bufferevent, ev_write) == 144);
static_assert(offsetof(bufferevent, input) == 272);
static_assert(offsetof(bufferevent, wm_read) == 288);
static_assert(offsetof(bufferevent, readcb) == 320);
static_assert(offsetof(bufferevent, timeout_read) == 352);
static_assert(offsetof(bufferevent, enabled) == 384);

// Why reading or writing rests although it is enabled; a set of these.
enum SuspendReason : uint16_t {
  kSuspendWatermark = 1,  // the input buffer is full
  kSuspendRate = 2,       // its own rate limit is used up
  kSuspendGroup = 4,      // its group's is
  kSuspendLookup = 8,     // its peer's name is being looked up
  kSuspendFilter = 16     // a filter over it does not read
};

}  // namespace spindle::compat

// A kind of bufferevents. `enable` and `disable` start and stop what `events` says, and are not
// told of what is suspended.
struct bufferevent_ops {
  const char* name;
  int (*enable)(spindle::compat::BufferEvent* bev, short events);
  int (*disable)(spindle::compat::BufferEvent* bev, short events);
  void (*adjust_timeouts)(spindle::compat::BufferEvent* bev);
  // -1 failed, 0 nothing came of it, 1 something did.
  int (*flush)(spindle::compat::BufferEvent* bev, short iotype, bufferevent_flush_mode mode);
  // Null where there is no descriptor.
  int (*set_fd)(spindle::compat::BufferEvent* bev, evutil_socket_t fd);
  evutil_socket_t (*get_fd)(spindle::compat::BufferEvent* bev);
  // Null where there is none.
  bufferevent* (*underlying)(spindle::compat::BufferEvent* bev);
  // The last reference is gone.
  void (*unlink)(spindle::compat::BufferEvent* bev);
  // Later, in the loop, without the lock: frees what belongs to the kind, and the memory of `bev`,
  // which has called nobody since `unlink`. The rest has been freed already.
  void (*destroy)(spindle::compat::BufferEvent* bev);
};

namespace spindle::compat {

// A bufferevent as the library sees it. Kinds derive from it; it is their first member.
struct BufferEvent : bufferevent {
  SharedLock lock;
  int refs = 1;
  // The last reference is gone. An event whose callback the loop had begun to call may still come:
  // it must do nothing.
  bool is_gone = false;
  int options = 0;
  uint16_t read_suspended = 0;
  uint16_t write_suspended = 0;

  bool connecting = false;
  bool connect_refused = false;  // found by connect(2) itself, to be reported from the loop
  int dns_error = 0;

  // What the deferred callback is to report.
  bool read_due = false;
  bool write_due = false;
  short event_due = 0;
  int error_due = 0;
  event_callback deferred = {};

  RateLimit* rate = nullptr;
  size_t max_read = 0;  // in one go; 0: the default
  size_t max_write = 0;
};

inline BufferEvent* Impl(bufferevent* bev) { return static_cast<BufferEvent*>(bev); }
inline const BufferEvent* Impl(const bufferevent* bev) {
  return static_cast<const BufferEvent*>(bev);
}

// Makes the parts common to all kinds. `lock` is shared by several, or null: then one is made if
// the options ask for it. False when memory is out or the options make no sense.
bool InitBufferEvent(BufferEvent* bev, event_base* base, const bufferevent_ops* ops, int options,
                     SharedLock lock);
// Frees what InitBufferEvent made, for a bufferevent that nobody has seen yet.
void DropParts(BufferEvent* bev);

// Holds the lock, and a reference over what callbacks do.
class BufferEventScope {
 public:
  explicit BufferEventScope(bufferevent* bev);
  BufferEventScope(const BufferEventScope&) = delete;
  BufferEventScope& operator=(const BufferEventScope&) = delete;
  ~BufferEventScope();

 private:
  BufferEvent* const bev_;
};

void AcquireLock(BufferEvent* bev);
void ReleaseLock(BufferEvent* bev);
void Ref(BufferEvent* bev);
// Lets go of the lock and of a reference. True if it was the last.
bool UnrefAndUnlock(BufferEvent* bev);

// The loop that its events are in; null if it has none yet.
event_base* LoopOf(const BufferEvent* bev);

// Calls the user's callbacks if there are any, or has them called later. `options` of BEV_OPT_ and
// BEV_TRIG_.
void RunReadCallback(BufferEvent* bev, int options);
void RunWriteCallback(BufferEvent* bev, int options);
void RunEventCallback(BufferEvent* bev, short what, int options);
// The same for data callbacks, if the low watermarks allow it.
void Trigger(BufferEvent* bev, short iotype, int options);

void SuspendRead(BufferEvent* bev, SuspendReason reason);
void ResumeRead(BufferEvent* bev, SuspendReason reason);
void SuspendWrite(BufferEvent* bev, SuspendReason reason);
void ResumeWrite(BufferEvent* bev, SuspendReason reason);

// Suspends reading while the input has reached the high watermark. Kinds that set a watch on their
// input call it there.
void HeedHighWatermark(BufferEvent* bev);

int Enable(BufferEvent* bev, short events);
int Disable(BufferEvent* bev, short events);

// Adds the event with the timeout, if that is set, else without.
int AddWithTimeout(event* ev, const timeval& timeout);

// For kinds without a descriptor: ev_read and ev_write are timers.
void InitTimers(BufferEvent* bev);
void AdjustTimers(BufferEvent* bev);
void RestartReadTimer(BufferEvent* bev);
void RestartWriteTimer(BufferEvent* bev);
void StopReadTimer(BufferEvent* bev);
void StopWriteTimer(BufferEvent* bev);

// ---- Rate limits (bufferevent_rate.cc).

// What may be read or written now.
size_t MaxToRead(BufferEvent* bev);
size_t MaxToWrite(BufferEvent* bev);
// Notes what was, and suspends when the limit is used up.
void CountRead(BufferEvent* bev, size_t size);
void CountWritten(BufferEvent* bev, size_t size);
// Takes it out of its group and stops its timer; the memory goes with FreeRate.
void LeaveRate(BufferEvent* bev);
void FreeRate(BufferEvent* bev);

// ---- Sockets (bufferevent_sock.cc).
extern const bufferevent_ops kSocketOps;

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_BUFFEREVENT_H_
