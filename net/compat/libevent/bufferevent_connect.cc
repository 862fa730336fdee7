// Connecting bufferevents on sockets.

#include <event2/dns.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "net/compat/libevent/internal/bufferevent.h"

namespace spindle::compat {
namespace {

enum class Connect { kFailed, kPending, kRefused };

Connect Start(evutil_socket_t fd, const sockaddr* address, int size) {
  if (connect(fd, address, static_cast<socklen_t>(size)) == 0) return Connect::kPending;
  if (errno == EINPROGRESS || errno == EINTR) return Connect::kPending;
  return errno == ECONNREFUSED ? Connect::kRefused : Connect::kFailed;
}

int ConnectTo(BufferEvent* bev, const sockaddr* address, int size) {
  evutil_socket_t fd = bev->be_ops->get_fd(bev);
  const bool is_new = fd < 0;
  if (is_new) {
    if (address == nullptr) return -1;
    fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
  }
  const Connect outcome = address != nullptr ? Start(fd, address, size) : Connect::kPending;
  if (outcome == Connect::kFailed) {
    const int error = errno;
    if (is_new) evutil_closesocket(fd);
    errno = error;
    return -1;
  }
  // Set first, so that the output that is there already does not count as waiting for room.
  bev->connecting = true;
  bev->connect_refused = outcome == Connect::kRefused;
  bev->be_ops->set_fd(bev, fd);
  if (outcome == Connect::kRefused) {
    event_active(&bev->ev_write, EV_WRITE, 1);
    return 0;
  }
  return bev->be_ops->enable(bev, EV_WRITE);
}

// The address of the peer, or what came in its place.
void OnAddress(int result, evutil_addrinfo* found, void* arg) {
  auto* bev = static_cast<BufferEvent*>(arg);
  AcquireLock(bev);
  ResumeWrite(bev, kSuspendLookup);
  ResumeRead(bev, kSuspendLookup);
  bev->dns_error = result;
  if (result == EVUTIL_EAI_CANCEL) {
    UnrefAndUnlock(bev);
    return;
  }
  if (result != 0) {
    RunEventCallback(bev, BEV_EVENT_ERROR, 0);
  } else if (ConnectTo(bev, found->ai_addr, static_cast<int>(found->ai_addrlen)) != 0) {
    RunEventCallback(bev, BEV_EVENT_ERROR, 0);
  }
  if (found != nullptr) evutil_freeaddrinfo(found);
  UnrefAndUnlock(bev);
}

// Of a name such as [::1] the inner part.
bool CopyName(const char* hostname, char* name, size_t capacity) {
  const size_t size = std::strlen(hostname);
  const bool in_brackets = size >= 2 && hostname[0] == '[' && hostname[size - 1] == ']';
  const size_t inner = in_brackets ? size - 2 : size;
  if (inner >= capacity) return false;
  std::memcpy(name, hostname + (in_brackets ? 1 : 0), inner);
  name[inner] = '\0';
  return true;
}

}  // namespace
}  // namespace spindle::compat

using namespace spindle::compat;

extern "C" {

int bufferevent_socket_connect(bufferevent* bufev, const sockaddr* address, int socklen) {
  BufferEventScope scope(bufev);
  if (bufev->be_ops->set_fd == nullptr) return -1;
  return ConnectTo(Impl(bufev), address, socklen);
}

int bufferevent_socket_connect_hostname(bufferevent* bufev, evdns_base* dns, int family,
                                        const char* hostname, int port) {
  if (family != AF_INET && family != AF_INET6 && family != AF_UNSPEC) return -1;
  if (port < 1 || port > 65535) return -1;
  char service[8];
  std::snprintf(service, sizeof(service), "%d", port);
  char name[NI_MAXHOST];
  if (!CopyName(hostname, name, sizeof(name))) return -1;
  BufferEvent* bev = Impl(bufev);
  AcquireLock(bev);
  Ref(bev);  // OnAddress lets go of it
  bev->dns_error = 0;
  SuspendWrite(bev, kSuspendLookup);
  SuspendRead(bev, kSuspendLookup);
  ReleaseLock(bev);
  evutil_addrinfo hints = {};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  if (dns != nullptr) {
    evdns_getaddrinfo(dns, name, service, &hints, OnAddress, bev);
    return 0;
  }
  evutil_addrinfo* found = nullptr;
  const int result = evutil_getaddrinfo(name, service, &hints, &found);
  OnAddress(result, found, bev);
  return 0;
}

int bufferevent_socket_get_dns_error(bufferevent* bev) {
  BufferEventScope scope(bev);
  return Impl(bev)->dns_error;
}

}  // extern "C"
