// An echo server as users of libevent write one, in two ways:
//
//   libevent_echo event PORT         one persistent event per connection, read(2) and write(2)
//   libevent_echo bufferevent PORT   evconnlistener and bufferevents; the input moves to the output
//
// One thread, 127.0.0.1. Port 0: a free one. Prints "listening on 127.0.0.1:PORT" on stderr. It
// includes nothing of Spindle, and runs on whichever libevent the loader finds.

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// ---- Raw events: output that the socket does not take waits in the connection.

struct Connection {
  event* read = nullptr;
  event* write = nullptr;
  char data[16384];
  size_t begin = 0;
  size_t end = 0;
};

void Free(Connection* connection) {
  const evutil_socket_t fd = event_get_fd(connection->read);
  event_free(connection->read);
  event_free(connection->write);
  close(fd);
  delete connection;
}

// Writes what is there. While some is left, reading waits.
void WriteOut(Connection* connection) {
  const evutil_socket_t fd = event_get_fd(connection->read);
  const size_t size = connection->end - connection->begin;
  const ssize_t sent = send(fd, connection->data + connection->begin, size, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return Free(connection);
  if (sent > 0) connection->begin += static_cast<size_t>(sent);
  if (connection->begin == connection->end) {
    if (event_pending(connection->write, EV_WRITE, nullptr)) event_del(connection->write);
    event_add(connection->read, nullptr);
  } else {
    event_del(connection->read);
    event_add(connection->write, nullptr);
  }
}

void OnReadable(evutil_socket_t fd, short /*what*/, void* argument) {
  auto* const connection = static_cast<Connection*>(argument);
  const ssize_t size = recv(fd, connection->data, sizeof connection->data, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return Free(connection);
  connection->begin = 0;
  connection->end = static_cast<size_t>(size);
  const ssize_t sent = send(fd, connection->data, connection->end, MSG_NOSIGNAL);
  if (sent == size) return;
  if (sent > 0) connection->begin = static_cast<size_t>(sent);
  WriteOut(connection);
}

void OnWritable(evutil_socket_t /*fd*/, short /*what*/, void* argument) {
  WriteOut(static_cast<Connection*>(argument));
}

void NoDelay(evutil_socket_t fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void OnAcceptEvent(evconnlistener* listener, evutil_socket_t fd, sockaddr*, int, void*) {
  event_base* const base = evconnlistener_get_base(listener);
  NoDelay(fd);
  auto* const connection = new Connection;
  connection->read = event_new(base, fd, EV_READ | EV_PERSIST, OnReadable, connection);
  connection->write = event_new(base, fd, EV_WRITE | EV_PERSIST, OnWritable, connection);
  event_add(connection->read, nullptr);
}

// ---- Bufferevents.

void OnInput(bufferevent* stream, void* /*argument*/) {
  evbuffer_add_buffer(bufferevent_get_output(stream), bufferevent_get_input(stream));
}

void OnEnd(bufferevent* stream, short what, void* /*argument*/) {
  if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(stream);
}

void OnAcceptStream(evconnlistener* listener, evutil_socket_t fd, sockaddr*, int, void*) {
  NoDelay(fd);
  bufferevent* const stream =
      bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(stream, OnInput, nullptr, OnEnd, nullptr);
  bufferevent_enable(stream, EV_READ | EV_WRITE);
}

// ---- Both.

void OnSignal(evutil_socket_t /*signal*/, short /*what*/, void* argument) {
  event_base_loopexit(static_cast<event_base*>(argument), nullptr);
}

int Fail(const char* what) {
  std::fprintf(stderr, "libevent_echo: %s\n", what);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return Fail("usage: libevent_echo event|bufferevent PORT");
  evconnlistener_cb on_accept = nullptr;
  if (std::strcmp(argv[1], "event") == 0) on_accept = OnAcceptEvent;
  if (std::strcmp(argv[1], "bufferevent") == 0) on_accept = OnAcceptStream;
  if (on_accept == nullptr) return Fail("the first argument is \"event\" or \"bufferevent\"");

  event_base* const base = event_base_new();
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  evconnlistener* const listener =
      evconnlistener_new_bind(base, on_accept, nullptr, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                              1024, reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (listener == nullptr) return Fail("cannot listen");
  socklen_t length = sizeof address;
  getsockname(evconnlistener_get_fd(listener), reinterpret_cast<sockaddr*>(&address), &length);
  std::fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));

  event* const on_term = evsignal_new(base, SIGTERM, OnSignal, base);
  event_add(on_term, nullptr);
  event_base_dispatch(base);
  event_free(on_term);
  evconnlistener_free(listener);
  event_base_free(base);
  return 0;
}
