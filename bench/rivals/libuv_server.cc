// On libuv: streams, one read buffer for each loop, uv_try_write first and a queued write for what
// is left of it.
//
//   libuv_server [--loops=N] [--mode=MODE] [--upstream=PORT] HOST PORT

#include <uv.h>

#include "bench/rivals/server.h"

namespace {

using rivals::Mode;

struct Peer;

struct Loop {
  Loop(const rivals::Options& its_options, rivals::Mailbox* its_mailbox)
      : options(its_options), mailbox(its_mailbox) {}

  const rivals::Options options;
  rivals::Mailbox* const mailbox;
  uv_loop_t loop = {};
  uv_tcp_t listener = {};
  uv_async_t mail = {};
  std::vector<Peer*> members = {};
  char buffer[rivals::kReadBytes];
};

struct Peer {
  uv_tcp_t handle = {};
  Peer* target = nullptr;  // Where its input goes: itself, or the relay's other half.
  size_t place = 0;        // In members.
};

// What the socket did not take at once.
struct Write {
  uv_write_t request = {};
  std::string data;
  Peer* source = nullptr;  // Waits for it.
};

uv_stream_t* StreamOf(Peer* peer) { return reinterpret_cast<uv_stream_t*>(&peer->handle); }
uv_handle_t* HandleOf(Peer* peer) { return reinterpret_cast<uv_handle_t*>(&peer->handle); }
Loop& LoopOf(const Peer* peer) { return *static_cast<Loop*>(peer->handle.loop->data); }

void Close(Peer* peer) {
  if (uv_is_closing(HandleOf(peer))) return;
  uv_close(HandleOf(peer), [](uv_handle_t* handle) { delete static_cast<Peer*>(handle->data); });
}

void OnAllocate(uv_handle_t* handle, size_t /*suggested*/, uv_buf_t* buffer) {
  *buffer = uv_buf_init(static_cast<Loop*>(handle->loop->data)->buffer, rivals::kReadBytes);
}

void OnRead(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer);

void OnWritten(uv_write_t* request, int status) {
  const std::unique_ptr<Write> write(static_cast<Write*>(request->data));
  if (status != 0 || write->source == nullptr) return;
  if (!uv_is_closing(HandleOf(write->source))) {
    uv_read_start(StreamOf(write->source), OnAllocate, OnRead);
  }
}

// `source` waits until the socket has taken all; null: nobody does.
void Send(Peer* peer, const char* data, size_t size, Peer* source) {
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(data), static_cast<unsigned>(size));
  const int sent = uv_try_write(StreamOf(peer), &buffer, 1);
  if (sent == static_cast<int>(size)) return;
  if (sent < 0 && sent != UV_EAGAIN) return;  // Found by reading.
  const size_t done = sent > 0 ? static_cast<size_t>(sent) : 0;
  auto* const write = new Write{.data = std::string(data + done, size - done), .source = source};
  write->request.data = write;
  buffer = uv_buf_init(write->data.data(), static_cast<unsigned>(write->data.size()));
  if (source != nullptr) uv_read_stop(StreamOf(source));
  if (uv_write(&write->request, StreamOf(peer), &buffer, 1, OnWritten) != 0) delete write;
}

void SendToMembers(Loop& loop, const char* data, size_t size) {
  for (Peer* const member : loop.members) Send(member, data, size, nullptr);
}

void OnEnd(Peer* peer) {
  Loop& loop = LoopOf(peer);
  if (loop.options.mode == Mode::kRoom) {
    loop.members[peer->place] = loop.members.back();
    loop.members[peer->place]->place = peer->place;
    loop.members.pop_back();
  }
  if (loop.options.mode == Mode::kRelay) Close(peer->target);
  Close(peer);
}

void OnRead(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
  auto* const peer = static_cast<Peer*>(stream->data);
  if (size < 0) return OnEnd(peer);
  if (size == 0) return;
  Loop& loop = LoopOf(peer);
  if (loop.options.mode == Mode::kSink) return;
  const auto bytes = static_cast<size_t>(size);
  if (loop.options.mode == Mode::kRoom) {
    SendToMembers(loop, buffer->base, bytes);
    rivals::Loops::PostToOthers(loop.mailbox, {buffer->base, bytes});
    return;
  }
  Send(peer->target, buffer->base, bytes, peer);
}

Peer* NewPeer(Loop& loop) {
  auto* const peer = new Peer;
  uv_tcp_init(&loop.loop, &peer->handle);
  peer->handle.data = peer;
  return peer;
}

void Connect(Loop& loop, Peer* peer) {
  Peer* const upstream = NewPeer(loop);
  peer->target = upstream;
  upstream->target = peer;
  auto* const request = new uv_connect_t;
  request->data = upstream;
  const auto* const address = reinterpret_cast<const sockaddr*>(&loop.options.upstream);
  const int error =
      uv_tcp_connect(request, &upstream->handle, address, [](uv_connect_t* request, int status) {
        const std::unique_ptr<uv_connect_t> owner(request);
        auto* const upstream = static_cast<Peer*>(request->data);
        if (status != 0) return OnEnd(upstream);
        uv_tcp_nodelay(&upstream->handle, 1);
        uv_read_start(StreamOf(upstream), OnAllocate, OnRead);
        uv_read_start(StreamOf(upstream->target), OnAllocate, OnRead);
      });
  if (error == 0) return;
  delete request;
  OnEnd(upstream);
}

void OnAccept(uv_stream_t* listener, int status) {
  if (status != 0) return;
  Loop& loop = *static_cast<Loop*>(listener->loop->data);
  Peer* const peer = NewPeer(loop);
  if (uv_accept(listener, StreamOf(peer)) != 0) return Close(peer);
  if (loop.options.mode == Mode::kRelay) return Connect(loop, peer);
  if (loop.options.mode == Mode::kEcho) peer->target = peer;
  if (loop.options.mode == Mode::kRoom) {
    peer->place = loop.members.size();
    loop.members.push_back(peer);
  }
  uv_read_start(StreamOf(peer), OnAllocate, OnRead);
}

void OnMail(uv_async_t* async) {
  Loop& loop = *static_cast<Loop*>(async->loop->data);
  for (const rivals::Message& message : loop.mailbox->Take()) {
    SendToMembers(loop, message->data(), message->size());
  }
}

void Serve(const rivals::Options& options, int listener) {
  uv_async_t* mail = nullptr;
  rivals::Mailbox mailbox([&mail] { uv_async_send(mail); });
  const auto loop = std::make_unique<Loop>(options, &mailbox);
  uv_loop_init(&loop->loop);
  loop->loop.data = loop.get();
  mail = &loop->mail;
  uv_async_init(&loop->loop, mail, OnMail);
  rivals::Loops::Join(&mailbox);
  uv_tcp_init(&loop->loop, &loop->listener);
  uv_tcp_open(&loop->listener, listener);
  uv_listen(reinterpret_cast<uv_stream_t*>(&loop->listener), 4096, OnAccept);
  uv_run(&loop->loop, UV_RUN_DEFAULT);
}

}  // namespace

int main(int argc, char** argv) { return rivals::Main(argc, argv, Serve); }
