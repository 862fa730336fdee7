// On libevent's events: one persistent event for reading and one for writing, in each connection.
//
//   libevent_event_server [--loops=N] [--mode=MODE] [--upstream=PORT] HOST PORT
//
// It runs on whichever libevent the loader finds.

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>

#include "bench/rivals/server.h"
#include "bench/rivals/socket_server.h"

namespace {

class LibEvent {
 public:
  struct Watch {
    event read = {};
    event write = {};
    LibEvent* poller = nullptr;
    uint8_t added = rivals::kNothing;
  };
  static constexpr bool kTurnEnds = false;
  using Server = rivals::SocketServer<LibEvent>;
  using Peer = rivals::Peer<Watch>;

  explicit LibEvent(event_base* base) : base_(base) {}

  void set_server(Server* server) { server_ = server; }

  void Set(Peer& peer) {
    Watch& watch = peer.watch;
    if (watch.poller == nullptr) {
      watch.poller = this;
      event_assign(&watch.read, base_, peer.fd, EV_READ | EV_PERSIST, OnReadable, &peer);
      event_assign(&watch.write, base_, peer.fd, EV_WRITE | EV_PERSIST, OnWritable, &peer);
    }
    Switch(watch, watch.read, rivals::kRead, peer.interest);
    Switch(watch, watch.write, rivals::kWrite, peer.interest);
  }

  void Drop(Peer& peer) {
    if (peer.watch.poller != nullptr) {
      event_del(&peer.watch.read);
      event_del(&peer.watch.write);
    }
    delete &peer;
  }

 private:
  static void Switch(Watch& watch, event& of, uint8_t which, uint8_t interest) {
    if (((watch.added ^ interest) & which) == 0) return;
    watch.added ^= which;
    if (interest & which) {
      event_add(&of, nullptr);
    } else {
      event_del(&of);
    }
  }

  static void OnReadable(evutil_socket_t /*fd*/, short /*what*/, void* argument) {
    auto* const peer = static_cast<Peer*>(argument);
    peer->watch.poller->server_->OnReadable(*peer);
  }

  static void OnWritable(evutil_socket_t /*fd*/, short /*what*/, void* argument) {
    auto* const peer = static_cast<Peer*>(argument);
    peer->watch.poller->server_->OnWritable(*peer);
  }

  event_base* const base_;
  Server* server_ = nullptr;
};

void OnAcceptable(evutil_socket_t fd, short /*what*/, void* server) {
  static_cast<LibEvent::Server*>(server)->OnAcceptable(fd);
}

void OnMail(evutil_socket_t fd, short /*what*/, void* server) {
  eventfd_t value = 0;
  eventfd_read(fd, &value);
  static_cast<LibEvent::Server*>(server)->OnMail();
}

void Serve(const rivals::Options& options, int listener) {
  // One thread for each base: no locks.
  event_config* const config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_base* const base = event_base_new_with_config(config);
  event_config_free(config);
  const int mail = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  rivals::Mailbox mailbox([mail] { eventfd_write(mail, 1); });
  rivals::Loops::Join(&mailbox);
  LibEvent poller(base);
  LibEvent::Server server(options, poller, &mailbox);
  poller.set_server(&server);
  event_add(event_new(base, listener, EV_READ | EV_PERSIST, OnAcceptable, &server), nullptr);
  event_add(event_new(base, mail, EV_READ | EV_PERSIST, OnMail, &server), nullptr);
  event_base_dispatch(base);
}

}  // namespace

int main(int argc, char** argv) { return rivals::Main(argc, argv, Serve); }
