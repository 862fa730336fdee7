// On libev: one ev_io for each connection.
//
//   libev_server [--loops=N] [--mode=MODE] [--upstream=PORT] HOST PORT

#include <ev.h>

#include "bench/rivals/server.h"
#include "bench/rivals/socket_server.h"

namespace {

class LibEv {
 public:
  using Watch = ev_io;
  static constexpr bool kTurnEnds = false;
  using Server = rivals::SocketServer<LibEv>;
  using Peer = rivals::Peer<Watch>;

  explicit LibEv(struct ev_loop* loop) : loop_(loop) {}

  void Set(Peer& peer) {
    int events = 0;
    if (peer.interest & rivals::kRead) events |= EV_READ;
    if (peer.interest & rivals::kWrite) events |= EV_WRITE;
    if (peer.watch.data == nullptr) {
      ev_init(&peer.watch, OnEvent);
      peer.watch.data = &peer;
    }
    ev_io_stop(loop_, &peer.watch);
    if (events == 0) return;
    ev_io_set(&peer.watch, peer.fd, events);
    ev_io_start(loop_, &peer.watch);
  }

  void Drop(Peer& peer) {
    ev_io_stop(loop_, &peer.watch);
    delete &peer;
  }

 private:
  static void OnEvent(struct ev_loop* loop, ev_io* watch, int events) {
    auto* const server = static_cast<Server*>(ev_userdata(loop));
    auto* const peer = static_cast<Peer*>(watch->data);
    // One of the two: reading may end the connection, and the loop comes again.
    if (events & EV_WRITE) {
      server->OnWritable(*peer);
    } else {
      server->OnReadable(*peer);
    }
  }

  struct ev_loop* const loop_;
};

void OnAcceptable(struct ev_loop* loop, ev_io* watch, int /*events*/) {
  static_cast<LibEv::Server*>(ev_userdata(loop))->OnAcceptable(watch->fd);
}

void OnMail(struct ev_loop* loop, ev_async* /*watch*/, int /*events*/) {
  static_cast<LibEv::Server*>(ev_userdata(loop))->OnMail();
}

void Serve(const rivals::Options& options, int listener) {
  struct ev_loop* const loop = ev_loop_new(EVBACKEND_EPOLL);
  LibEv poller(loop);
  ev_async mail;
  ev_async_init(&mail, OnMail);
  ev_async_start(loop, &mail);
  rivals::Mailbox mailbox([loop, &mail] { ev_async_send(loop, &mail); });
  rivals::Loops::Join(&mailbox);
  LibEv::Server server(options, poller, &mailbox);
  ev_set_userdata(loop, &server);
  ev_io accept;
  ev_io_init(&accept, OnAcceptable, listener, EV_READ);
  ev_io_start(loop, &accept);
  ev_run(loop, 0);
}

}  // namespace

int main(int argc, char** argv) { return rivals::Main(argc, argv, Serve); }
