// A UDP echo server as users of libuv write one, in two ways:
//
//   libuv_udp_echo plain PORT       one datagram per receive, answered by uv_udp_try_send
//   libuv_udp_echo recvmmsg PORT    UV_UDP_RECVMMSG: up to 20 per receive, answered by uv_udp_send,
//                                   which puts answers together where it has to queue them
//
// One thread, 127.0.0.1. Port 0: a free one. Prints "listening on 127.0.0.1:PORT" on stderr. It
// includes nothing of Spindle.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/rivals/server.h"

namespace {

// What libuv takes for one datagram of the receive buffer, and the most that it receives at once.
constexpr size_t kDatagram = 64 * 1024;
constexpr size_t kAtOnce = 20;

bool use_recvmmsg = false;
// Valid until the next receive, by which time every answer has been copied or sent.
char buffer[kDatagram * kAtOnce];

// An answer that libuv could not send at once, and its bytes.
struct Answer {
  uv_udp_send_t request;
  char data[];
};

void OnAllocate(uv_handle_t* /*handle*/, size_t /*suggested*/, uv_buf_t* out) {
  *out = uv_buf_init(buffer, use_recvmmsg ? sizeof buffer : kDatagram);
}

void OnSent(uv_udp_send_t* request, int /*status*/) { std::free(request->data); }

void OnDatagram(uv_udp_t* socket, ssize_t size, const uv_buf_t* data, const sockaddr* peer,
                unsigned /*flags*/) {
  if (size < 0 || peer == nullptr) return;
  uv_buf_t answer = uv_buf_init(data->base, static_cast<unsigned>(size));
  if (uv_udp_try_send(socket, &answer, 1, peer) != UV_EAGAIN) return;
  auto* const copy = static_cast<Answer*>(std::malloc(sizeof(Answer) + static_cast<size_t>(size)));
  std::memcpy(copy->data, data->base, static_cast<size_t>(size));
  copy->request.data = copy;
  answer.base = copy->data;
  if (uv_udp_send(&copy->request, socket, &answer, 1, peer, OnSent) != 0) std::free(copy);
}

int Fail(const char* what) {
  std::fprintf(stderr, "libuv_udp_echo: %s\n", what);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  rivals::PrepareProcess();
  if (argc != 3) return Fail("usage: libuv_udp_echo plain|recvmmsg PORT");
  use_recvmmsg = std::strcmp(argv[1], "recvmmsg") == 0;
  if (!use_recvmmsg && std::strcmp(argv[1], "plain") != 0) {
    return Fail("the first argument is \"plain\" or \"recvmmsg\"");
  }
  uv_loop_t* const loop = uv_default_loop();
  uv_udp_t socket;
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", std::atoi(argv[2]), &address);
  if (uv_udp_init_ex(loop, &socket, AF_INET | (use_recvmmsg ? UV_UDP_RECVMMSG : 0)) != 0 ||
      uv_udp_bind(&socket, reinterpret_cast<const sockaddr*>(&address), 0) != 0) {
    return Fail("cannot bind");
  }
  int receive_buffer = 4 * 1024 * 1024;
  uv_recv_buffer_size(reinterpret_cast<uv_handle_t*>(&socket), &receive_buffer);
  int length = sizeof address;
  uv_udp_getsockname(&socket, reinterpret_cast<sockaddr*>(&address), &length);
  rivals::SayListening(address);
  uv_udp_recv_start(&socket, OnAllocate, OnDatagram);
  uv_run(loop, UV_RUN_DEFAULT);
  return 0;
}
