// Listeners of event2/listener.h: sockets that hand out what they accept.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <event2/spindle.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "net/compat/libevent/internal/listener_workers.h"
#include "net/compat/libevent/internal/lock.h"
#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/memory.h"

struct evconnlistener {
  void* lock = nullptr;
  event readable = {};
  evconnlistener_cb callback = nullptr;
  evconnlistener_errorcb error_callback = nullptr;
  void* arg = nullptr;
  unsigned flags = 0;
  bool enabled = false;
  int refs = 1;
  std::vector<std::shared_ptr<spindle::compat::ListenerWorker>> workers;
};

namespace spindle::compat {
namespace {

// How many connections one event accepts before other events have their turn.
constexpr int kMaxAcceptsPerEvent = 64;

// The lock is held, and let go of. Frees the listener with the last reference.
void UnrefAndUnlock(evconnlistener* listener) {
  const bool last = --listener->refs == 0;
  Unlock(listener->lock);
  if (!last) return;
  const int fd = event_get_fd(&listener->readable);
  if ((listener->flags & LEV_OPT_CLOSE_ON_FREE) != 0 && fd >= 0) evutil_closesocket(fd);
  FreeLock(listener->lock);
  Delete(listener);
}

// Errors of single connections, or of none: the next accept may do better.
bool IsPassing(int error) { return error == EAGAIN || error == EINTR || error == ECONNABORTED; }

int AcceptFlags(unsigned flags) {
  int result = SOCK_NONBLOCK;
  if ((flags & LEV_OPT_LEAVE_SOCKETS_BLOCKING) != 0) result = 0;
  if ((flags & LEV_OPT_CLOSE_ON_EXEC) != 0) result |= SOCK_CLOEXEC;
  return result;
}

// Whether the listener goes on, with the lock held; it is for the caller to let go of it.
bool Deliver(evconnlistener* listener, int fd, sockaddr* address, socklen_t size) {
  const evconnlistener_cb callback = listener->callback;
  void* const arg = listener->arg;
  if (callback == nullptr) {
    evutil_closesocket(fd);
    return false;
  }
  Unlock(listener->lock);
  callback(listener, fd, address, static_cast<int>(size), arg);
  Acquire(listener->lock);
  return listener->enabled && listener->refs > 1;
}

void Fail(evconnlistener* listener, int error) {
  const evconnlistener_errorcb callback = listener->error_callback;
  void* const arg = listener->arg;
  if (callback == nullptr) {
    errno = error;
    LogWarningErrno("evconnlistener: accept");
    return;
  }
  Unlock(listener->lock);
  errno = error;
  callback(listener, arg);
  Acquire(listener->lock);
}

void OnConnection(evutil_socket_t fd, short, void* arg) {
  auto* listener = static_cast<evconnlistener*>(arg);
  Acquire(listener->lock);
  ++listener->refs;
  for (int i = 0; i < kMaxAcceptsPerEvent; ++i) {
    sockaddr_storage address = {};
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const int accepted = accept4(fd, generic, &size, AcceptFlags(listener->flags));
    if (accepted < 0) {
      if (!IsPassing(errno)) Fail(listener, errno);
      break;
    }
    if (size == 0) {  // some systems say so of a connection that is gone already
      evutil_closesocket(accepted);
      continue;
    }
    if (!Deliver(listener, accepted, generic, size)) break;
  }
  UnrefAndUnlock(listener);
}

// Starts or stops waiting, as far as that is wanted and there is somebody to call.
int Apply(evconnlistener* listener) {
  const bool wants = listener->enabled && listener->callback != nullptr;
  for (const auto& worker : listener->workers) {
    if (wants) {
      worker->Enable();
    } else {
      worker->Disable();
    }
  }
  // A callback that runs elsewhere needs the lock, which the caller holds: no waiting for it.
  return wants ? event_add(&listener->readable, nullptr) : event_del_noblock(&listener->readable);
}

using Workers = std::vector<std::shared_ptr<ListenerWorker>>;

// Starts loops that are to accept besides those there are; fewer if there is no more to be had.
Workers StartWorkers(evconnlistener* listener, int count) {
  Workers started;
  while (static_cast<int>(started.size()) < count) {
    auto worker = ListenerWorker::Start(event_get_fd(&listener->readable), OnConnection, listener);
    if (worker == nullptr) break;
    started.push_back(std::move(worker));
  }
  // None of them accepts yet.
  if (!started.empty() && listener->lock == nullptr) listener->lock = NewLock();
  return started;
}

// The loops that SPINDLE_LISTENER_LOOPS asks for.
void StartWorkersOfEnvironment(evconnlistener* listener) {
  const int loops = ListenerLoops();
  listener->workers = StartWorkers(listener, loops - 1);
  const int running = static_cast<int>(listener->workers.size()) + 1;
  if (running < loops) {
    LogWarning("evconnlistener: only %d of %d loops could be started", running, loops);
  }
}

// A socket bound as the flags say, or -1.
int BoundSocket(unsigned flags, const sockaddr* address, int size) {
  const int type =
      SOCK_STREAM | SOCK_NONBLOCK | ((flags & LEV_OPT_CLOSE_ON_EXEC) != 0 ? SOCK_CLOEXEC : 0);
  const int family = address != nullptr ? address->sa_family : AF_UNSPEC;
  const int fd = socket(family, type, 0);
  if (fd < 0) return -1;
  const int on = 1;
  bool ready = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0;
  if (ready && (flags & LEV_OPT_REUSEABLE) != 0) {
    ready = evutil_make_listen_socket_reuseable(fd) == 0;
  }
  if (ready && (flags & LEV_OPT_REUSEABLE_PORT) != 0) {
    ready = evutil_make_listen_socket_reuseable_port(fd) == 0;
  }
  if (ready && (flags & LEV_OPT_DEFERRED_ACCEPT) != 0) {
    ready = evutil_make_tcp_listen_socket_deferred(fd) == 0;
  }
  if (ready && (flags & LEV_OPT_BIND_IPV6ONLY) != 0) {
    ready = evutil_make_listen_socket_ipv6only(fd) == 0;
  }
  if (ready && address != nullptr) ready = bind(fd, address, static_cast<socklen_t>(size)) == 0;
  if (ready) return fd;
  const int error = errno;
  evutil_closesocket(fd);
  errno = error;
  return -1;
}

}  // namespace
}  // namespace spindle::compat

using namespace spindle::compat;

extern "C" {

evconnlistener* evconnlistener_new(event_base* base, evconnlistener_cb cb, void* ptr,
                                   unsigned flags, int backlog, evutil_socket_t fd) {
  if (backlog != 0 && listen(fd, backlog > 0 ? backlog : 128) < 0) return nullptr;
  auto* listener = New<evconnlistener>();
  if (listener == nullptr) return nullptr;
  listener->callback = cb;
  listener->arg = ptr;
  listener->flags = flags;
  if ((flags & LEV_OPT_THREADSAFE) != 0) listener->lock = NewLock();
  event_assign(&listener->readable, base, fd, EV_READ | EV_PERSIST, OnConnection, listener);
  StartWorkersOfEnvironment(listener);
  if ((flags & LEV_OPT_DISABLED) == 0) evconnlistener_enable(listener);
  return listener;
}

evconnlistener* evconnlistener_new_bind(event_base* base, evconnlistener_cb cb, void* ptr,
                                        unsigned flags, int backlog, const sockaddr* sa,
                                        int socklen) {
  if (backlog == 0) return nullptr;
  const int fd = BoundSocket(flags, sa, socklen);
  if (fd < 0) return nullptr;
  evconnlistener* listener = evconnlistener_new(base, cb, ptr, flags, backlog, fd);
  if (listener == nullptr) {
    const int error = errno;
    evutil_closesocket(fd);
    errno = error;
  }
  return listener;
}

void evconnlistener_free(evconnlistener* lev) {
  Acquire(lev->lock);
  lev->callback = nullptr;
  lev->error_callback = nullptr;
  lev->enabled = false;
  Unlock(lev->lock);
  event_del(&lev->readable);  // waits for a callback that runs on another thread
  for (const auto& worker : lev->workers) worker->Release();
  Acquire(lev->lock);
  UnrefAndUnlock(lev);
}

int evconnlistener_enable(evconnlistener* lev) {
  ScopedLock lock(lev->lock);
  lev->enabled = true;
  return Apply(lev);
}

int evconnlistener_disable(evconnlistener* lev) {
  ScopedLock lock(lev->lock);
  lev->enabled = false;
  return Apply(lev);
}

event_base* evconnlistener_get_base(evconnlistener* lev) {
  event_base* base = ListenerWorker::BaseHere(lev);
  return base != nullptr ? base : event_get_base(&lev->readable);
}

int evconnlistener_set_loops(evconnlistener* lev, int loops) {
  if (loops < 1 || loops > kMaxListenerLoops) {
    errno = EINVAL;
    return -1;
  }
  const int more = loops - 1 - static_cast<int>(lev->workers.size());
  Workers started = StartWorkers(lev, more);
  const bool failed = static_cast<int>(started.size()) < more;
  Workers surplus;
  if (failed) {
    surplus = std::move(started);
  } else {
    ScopedLock lock(lev->lock);
    for (auto& worker : started) lev->workers.push_back(std::move(worker));
    for (int i = more; i < 0; ++i) {
      surplus.push_back(std::move(lev->workers.back()));
      lev->workers.pop_back();
    }
    if (lev->enabled) Apply(lev);
  }
  // Waits for callbacks, which may need the lock.
  for (const auto& worker : surplus) worker->Release();
  if (failed) errno = EAGAIN;
  return failed ? -1 : 0;
}

evutil_socket_t evconnlistener_get_fd(evconnlistener* lev) { return event_get_fd(&lev->readable); }

void evconnlistener_set_cb(evconnlistener* lev, evconnlistener_cb cb, void* arg) {
  ScopedLock lock(lev->lock);
  lev->callback = cb;
  lev->arg = arg;
  if (lev->enabled) Apply(lev);
}

void evconnlistener_set_error_cb(evconnlistener* lev, evconnlistener_errorcb errorcb) {
  ScopedLock lock(lev->lock);
  lev->error_callback = errorcb;
}

}  // extern "C"
