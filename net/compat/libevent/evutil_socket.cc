#include <event2/util.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/compat/libevent/internal/log.h"

using spindle::compat::LogWarningErrno;

namespace {

int SetOption(int sock, int level, int name) {
  const int one = 1;
  return setsockopt(sock, level, name, &one, sizeof one) == 0 ? 0 : -1;
}

}  // namespace

int evutil_socketpair(int d, int type, int protocol, evutil_socket_t sv[2]) {
  return socketpair(d, type, protocol, sv);
}

int evutil_make_socket_nonblocking(evutil_socket_t sock) {
  const int flags = fcntl(sock, F_GETFL);
  if (flags < 0) {
    LogWarningErrno("fcntl(%d, F_GETFL)", sock);
    return -1;
  }
  if ((flags & O_NONBLOCK) != 0) return 0;
  if (fcntl(sock, F_SETFL, flags | O_NONBLOCK) == 0) return 0;
  LogWarningErrno("fcntl(%d, F_SETFL)", sock);
  return -1;
}

int evutil_make_socket_closeonexec(evutil_socket_t sock) {
  const int flags = fcntl(sock, F_GETFD);
  if (flags < 0) {
    LogWarningErrno("fcntl(%d, F_GETFD)", sock);
    return -1;
  }
  if ((flags & FD_CLOEXEC) != 0) return 0;
  if (fcntl(sock, F_SETFD, flags | FD_CLOEXEC) == 0) return 0;
  LogWarningErrno("fcntl(%d, F_SETFD)", sock);
  return -1;
}

int evutil_make_listen_socket_reuseable(evutil_socket_t sock) {
  return SetOption(sock, SOL_SOCKET, SO_REUSEADDR);
}

int evutil_make_listen_socket_reuseable_port(evutil_socket_t sock) {
  return SetOption(sock, SOL_SOCKET, SO_REUSEPORT);
}

int evutil_make_listen_socket_ipv6only(evutil_socket_t sock) {
  return SetOption(sock, IPPROTO_IPV6, IPV6_V6ONLY);
}

int evutil_make_tcp_listen_socket_deferred(evutil_socket_t sock) {
  return SetOption(sock, IPPROTO_TCP, TCP_DEFER_ACCEPT);
}

int evutil_closesocket(evutil_socket_t sock) { return close(sock); }
