// On libevent's bufferevents: what has come is moved to where it goes, without a copy.
//
//   libevent_buffer_server [--loops=N] [--mode=MODE] [--upstream=PORT] HOST PORT
//
// It runs on whichever libevent the loader finds.

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/eventfd.h>

#include <algorithm>

#include "bench/rivals/server.h"

namespace {

using rivals::Mode;

// Of output; above that its source waits until all is written.
constexpr size_t kHighWater = 256 * 1024;

struct Loop {
  const rivals::Options options;
  event_base* const base;
  rivals::Mailbox* const mailbox;
  std::vector<bufferevent*> members = {};
};

struct Peer {
  Loop* loop;
  bufferevent* stream;
  Peer* target = nullptr;  // Where its input goes: itself, or the relay's other half.
};

void SendToMembers(Loop& loop, const void* data, size_t size) {
  for (bufferevent* const member : loop.members) bufferevent_write(member, data, size);
}

void OnInput(bufferevent* stream, void* argument) {
  auto* const peer = static_cast<Peer*>(argument);
  evbuffer* const input = bufferevent_get_input(stream);
  const Mode mode = peer->loop->options.mode;
  if (mode == Mode::kSink) {
    evbuffer_drain(input, evbuffer_get_length(input));
  } else if (mode == Mode::kRoom) {
    const size_t size = evbuffer_get_length(input);
    const auto* const data = reinterpret_cast<const char*>(evbuffer_pullup(input, -1));
    SendToMembers(*peer->loop, data, size);
    rivals::Loops::PostToOthers(peer->loop->mailbox, {data, size});
    evbuffer_drain(input, size);
  } else {
    evbuffer* const output = bufferevent_get_output(peer->target->stream);
    evbuffer_add_buffer(output, input);
    if (evbuffer_get_length(output) > kHighWater) bufferevent_disable(stream, EV_READ);
  }
}

// All is written.
void OnDrained(bufferevent* /*stream*/, void* argument) {
  const Peer* const source = static_cast<Peer*>(argument)->target;
  if (source != nullptr && !(bufferevent_get_enabled(source->stream) & EV_READ)) {
    bufferevent_enable(source->stream, EV_READ);
  }
}

void Free(Peer* peer) {
  bufferevent_free(peer->stream);
  delete peer;
}

void OnEnd(bufferevent* /*stream*/, short what, void* argument) {
  auto* const peer = static_cast<Peer*>(argument);
  if (what & BEV_EVENT_CONNECTED) {
    bufferevent_enable(peer->target->stream, EV_READ | EV_WRITE);
    return;
  }
  if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))) return;
  if (peer->loop->options.mode == Mode::kRoom) {
    std::erase(peer->loop->members, peer->stream);
  }
  if (peer->loop->options.mode == Mode::kRelay) Free(peer->target);
  Free(peer);
}

Peer* NewPeer(Loop* loop, evutil_socket_t fd) {
  auto* const peer = new Peer{
      .loop = loop, .stream = bufferevent_socket_new(loop->base, fd, BEV_OPT_CLOSE_ON_FREE)};
  const bool echoes = loop->options.mode == Mode::kEcho || loop->options.mode == Mode::kRelay;
  bufferevent_setcb(peer->stream, OnInput, echoes ? OnDrained : nullptr, OnEnd, peer);
  return peer;
}

void OnAccept(evconnlistener* /*listener*/, evutil_socket_t fd, sockaddr*, int, void* argument) {
  auto* const loop = static_cast<Loop*>(argument);
  Peer* const peer = NewPeer(loop, fd);
  if (loop->options.mode == Mode::kRelay) {
    Peer* const upstream = NewPeer(loop, -1);
    peer->target = upstream;
    upstream->target = peer;
    const auto* const address = reinterpret_cast<const sockaddr*>(&loop->options.upstream);
    bufferevent_socket_connect(upstream->stream, const_cast<sockaddr*>(address),
                               sizeof loop->options.upstream);
    rivals::SetNoDelay(bufferevent_getfd(upstream->stream));
    bufferevent_enable(upstream->stream, EV_READ | EV_WRITE);
    return;  // It is read from once that is connected.
  }
  if (loop->options.mode == Mode::kEcho) peer->target = peer;
  if (loop->options.mode == Mode::kRoom) loop->members.push_back(peer->stream);
  bufferevent_enable(peer->stream, EV_READ | EV_WRITE);
}

void OnMail(evutil_socket_t fd, short /*what*/, void* argument) {
  auto* const loop = static_cast<Loop*>(argument);
  eventfd_t value = 0;
  eventfd_read(fd, &value);
  for (const rivals::Message& message : loop->mailbox->Take()) {
    SendToMembers(*loop, message->data(), message->size());
  }
}

void Serve(const rivals::Options& options, int listener) {
  event_config* const config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_base* const base = event_base_new_with_config(config);
  event_config_free(config);
  const int mail = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  rivals::Mailbox mailbox([mail] { eventfd_write(mail, 1); });
  rivals::Loops::Join(&mailbox);
  Loop loop = {.options = options, .base = base, .mailbox = &mailbox};
  evconnlistener_new(base, OnAccept, &loop, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
                     listener);
  event_add(event_new(base, mail, EV_READ | EV_PERSIST, OnMail, &loop), nullptr);
  event_base_dispatch(base);
}

}  // namespace

int main(int argc, char** argv) { return rivals::Main(argc, argv, Serve); }
