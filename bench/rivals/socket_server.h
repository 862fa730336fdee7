#ifndef SPINDLE_BENCH_RIVALS_SOCKET_SERVER_H_
#define SPINDLE_BENCH_RIVALS_SOCKET_SERVER_H_

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/rivals/server.h"

namespace rivals {

enum Interest : uint8_t { kNothing = 0, kRead = 1, kWrite = 2 };

// A connection of a SocketServer. `Watch` is what the library keeps for a descriptor.
template <typename Watch>
struct Peer {
  int fd = -1;
  uint8_t interest = kNothing;
  bool connecting = false;
  Peer* target = nullptr;    // Where its input goes: kEcho itself, kRelay the other half.
  size_t place = 0;          // kRoom: in members_.
  bool to_flush = false;     // In flush_.
  std::string pending = {};  // What the socket did not take yet.
  Watch watch = {};
};

// What the users of a library that only reports readiness write themselves: one recv into the
// loop's own buffer, one send at once from it, again only while the reads fill it; what the socket
// does not take is kept, and its source waits meanwhile. One thread.
//
// In a room, many messages of one turn go to each member with one send if the loop tells of the end
// of a turn (Poller::kTurnEnds), which calls Flush(); else each with one of its own.
//
// `Poller` has a type Watch, Set(Peer&) to watch for what peer.interest says, and Drop(Peer&),
// which ends that and deletes the peer, at once or at the end of the turn.
template <typename Poller>
class SocketServer {
 public:
  using Peer = rivals::Peer<typename Poller::Watch>;

  // `mailbox` is this loop's, for kRoom; else null.
  SocketServer(const Options& options, Poller& poller, Mailbox* mailbox)
      : options_(options),
        poller_(poller),
        mailbox_(mailbox),
        buffer_(std::make_unique_for_overwrite<char[]>(kReadBytes)) {}

  void OnAcceptable(int listener) {
    for (int fd; (fd = Accept(listener)) >= 0;) Open(fd);
  }

  static int Accept(int listener) {
    return accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }

  // kEcho and kSink: any thread, if Poller::Set is.
  void Open(int fd) {
    auto* const peer = new Peer{.fd = fd};
    if (options_.mode == Mode::kRelay) return OpenRelay(*peer);
    if (options_.mode == Mode::kEcho) peer->target = peer;
    if (options_.mode == Mode::kRoom) {
      peer->place = members_.size();
      members_.push_back(peer);
    }
    Want(*peer, kRead);
  }

  void OnReadable(Peer& peer) {
    for (int i = 0; i < kReadsInARow; ++i) {
      const ssize_t size = recv(peer.fd, buffer_.get(), kReadBytes, 0);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (size <= 0) return Close(peer);
      if (!Handle(peer, {buffer_.get(), static_cast<size_t>(size)})) return;
      if (static_cast<size_t>(size) < kReadBytes) return;
    }
  }

  void OnWritable(Peer& peer) {
    if (peer.connecting) return OnConnected(peer);
    const ssize_t sent = send(peer.fd, peer.pending.data(), peer.pending.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) Close(peer);
      return;
    }
    peer.pending.erase(0, static_cast<size_t>(sent));
    if (!peer.pending.empty()) return;
    peer.pending.shrink_to_fit();
    Want(peer, peer.interest & ~kWrite);
    // It, or the other half, may send again.
    if (peer.target != nullptr) Want(*peer.target, peer.target->interest | kRead);
  }

  // The end of a turn.
  void Flush() {
    for (Peer* const peer : flush_) {
      peer->to_flush = false;
      if (peer->fd < 0 || (peer->interest & kWrite)) continue;
      flushing_.clear();
      flushing_.swap(peer->pending);
      Send(*peer, flushing_);
    }
    flush_.clear();
  }

  // What the mailbox has.
  void OnMail() {
    for (const Message& message : mailbox_->Take()) SendToMembers(*message);
  }

 private:
  void Want(Peer& peer, int interest) {
    if (peer.interest == interest) return;
    peer.interest = static_cast<uint8_t>(interest);
    poller_.Set(peer);
  }

  // False if no more is to be read for now.
  bool Handle(Peer& peer, std::string_view data) {
    if (options_.mode == Mode::kSink) return true;
    if (options_.mode == Mode::kRoom) {
      SendToMembers(data);
      Loops::PostToOthers(mailbox_, data);
      return true;
    }
    Send(*peer.target, data);
    if (peer.target->pending.empty()) return true;
    Want(peer, peer.interest & ~kRead);
    return false;
  }

  void SendToMembers(std::string_view data) {
    for (Peer* const member : members_) {
      if (!Poller::kTurnEnds) {
        Send(*member, data);
        continue;
      }
      member->pending.append(data);
      if (!std::exchange(member->to_flush, true)) flush_.push_back(member);
    }
  }

  // A peer that takes nothing any more is found by reading.
  void Send(Peer& peer, std::string_view data) {
    if (peer.pending.empty()) {
      const ssize_t sent = send(peer.fd, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent == static_cast<ssize_t>(data.size())) return;
      if (sent < 0 && errno != EAGAIN) return;
      if (sent > 0) data.remove_prefix(static_cast<size_t>(sent));
    }
    peer.pending.append(data);
    Want(peer, peer.interest | kWrite);
  }

  void OpenRelay(Peer& peer) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    SetNoDelay(fd);
    const auto* const address = reinterpret_cast<const sockaddr*>(&options_.upstream);
    if (connect(fd, address, sizeof options_.upstream) != 0 && errno != EINPROGRESS) {
      close(fd);
      close(peer.fd);
      delete &peer;
      return;
    }
    auto* const upstream = new Peer{.fd = fd, .connecting = true, .target = &peer};
    peer.target = upstream;
    Want(*upstream, kWrite);
  }

  void OnConnected(Peer& peer) {
    peer.connecting = false;
    Want(peer, kRead);
    Want(*peer.target, kRead);
  }

  void Close(Peer& peer) {
    if (options_.mode == Mode::kRelay) CloseOne(*peer.target);
    if (options_.mode == Mode::kRoom) {
      members_[peer.place] = members_.back();
      members_[peer.place]->place = peer.place;
      members_.pop_back();
    }
    CloseOne(peer);
  }

  void CloseOne(Peer& peer) {
    const int fd = peer.fd;
    peer.fd = -1;
    poller_.Drop(peer);
    close(fd);
  }

  const Options options_;
  Poller& poller_;
  Mailbox* const mailbox_;
  const std::unique_ptr<char[]> buffer_;
  std::vector<Peer*> members_;
  std::vector<Peer*> flush_;
  std::string flushing_;  // Keeps its capacity.
};

}  // namespace rivals

#endif  // SPINDLE_BENCH_RIVALS_SOCKET_SERVER_H_
