#include "bench/load/room_load.h"

#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "net/stream/connection.h"

namespace spindle::bench {
namespace {

// How often "is everybody here?" is asked.
constexpr Duration kCallEvery = std::chrono::milliseconds(5);
// The number of such a message; others count from 1.
constexpr uint32_t kCallNumber = 0;

}  // namespace

struct RoomLoad::Peer : LoadPeer {
  size_t index = 0;
  std::vector<uint32_t> got;  // Of each sender: the number of the last message.
  bool heard = false;
  // As a sender.
  uint32_t number = 0;
  size_t missing = 0;  // Connections that do not have it yet.
  TimePoint sent_at = {};
};

RoomLoad::RoomLoad(EventLoop& loop, const SocketAddress& server, const RoomLoadOptions& options)
    : ConnectedLoad(loop, server, options.connect_timeout),
      options_(options),
      payload_(options.seed, options.message_bytes),
      message_(options.message_bytes, '\0') {
  SPINDLE_CHECK(options.message_bytes >= kRoomHeaderBytes);
  SPINDLE_CHECK(options.senders >= 1 && options.senders <= options.connections);
  for (size_t i = 0; i < options.connections; ++i) {
    Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
    peer.index = i;
    peer.got.resize(options.senders);
    Add(peer, {.on_bytes = [this, &peer](Connection&, Buffer& input) { OnBytes(peer, input); },
               .on_close = [this, &peer](Connection&,
                                         const CloseReason& reason) { OnClose(peer, reason); }});
  }
}

RoomLoad::~RoomLoad() {
  loop().Cancel(call_timer_);
  EndAll();
}

void RoomLoad::OnConnected() {
  Call();
  call_timer_ = loop().RunEvery(kCallEvery, [this] { Call(); });
}

bool RoomLoad::connected() const {
  return ConnectedLoad::connected() && (heard_ == peers_.size() || !errors().empty());
}

void RoomLoad::Call() {
  if (connected()) {
    loop().Cancel(call_timer_);
    return;
  }
  Connection* const connection = peers_[0]->connection;
  if (connection != nullptr) connection->Write(Message(0, kCallNumber));
}

std::string_view RoomLoad::Message(size_t sender, uint32_t number) {
  const std::string_view bytes = payload_.Message(sender, number);
  message_.replace(kRoomHeaderBytes, std::string::npos, bytes.substr(kRoomHeaderBytes));
  StoreBig32(message_.data(), static_cast<uint32_t>(sender));
  StoreBig32(message_.data() + 4, number);
  return message_;
}

void RoomLoad::Start(TimePoint /*start*/) {
  stopping_ = false;
  for (size_t i = 0; i < options_.senders; ++i) {
    if (peers_[i]->connection != nullptr) Send(*peers_[i]);
  }
}

void RoomLoad::Send(Peer& peer) {
  if (!peer.connection->Write(Message(peer.index, peer.number + 1)).ok()) return;
  ++peer.number;
  peer.missing = peers_.size();
  peer.sent_at = loop().Now();
  ++in_flight_;
}

void RoomLoad::OnBytes(Peer& peer, Buffer& input) {
  while (input.size() >= options_.message_bytes && !peer.wrong) {
    OnMessage(peer, input.Peek(options_.message_bytes));
    input.Consume(options_.message_bytes);
  }
}

void RoomLoad::OnMessage(Peer& peer, std::string_view message) {
  const uint32_t sender = LoadBig32(message.data());
  const uint32_t number = LoadBig32(message.data() + 4);
  const std::string_view bytes = payload_.Message(sender, number);
  if (sender >= options_.senders ||
      message.substr(kRoomHeaderBytes) != bytes.substr(kRoomHeaderBytes)) {
    return CountWrong(peer, "wrong bytes");
  }
  if (!std::exchange(peer.heard, true)) ++heard_;
  if (number == kCallNumber) return;
  Peer& from = *peers_[sender];
  if (number != from.number || number != peer.got[sender] + 1) {
    return CountWrong(peer, "a message twice, or not in its order");
  }
  peer.got[sender] = number;
  if (--from.missing > 0) return;
  CountMessage(options_.message_bytes);
  CountLatency(loop().Now() - from.sent_at);
  --in_flight_;
  if (!stopping_ && from.connection != nullptr) Send(from);
}

void RoomLoad::OnClose(Peer& peer, const CloseReason& reason) {
  // What it does not have, it will not get.
  if (dead()) in_flight_ = 0;
  CountEnd(peer, reason);
}

}  // namespace spindle::bench
