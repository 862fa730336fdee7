#include "bench/load/room_load.h"

#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/strings.h"
#include "bench/load/client_options.h"
#include "net/stream/stream_client.h"
#include "net/types/io_error.h"

namespace spindle::bench {
namespace {

// As in EchoLoad.
constexpr size_t kConnectsAtOnce = 128;

// How often "is everybody here?" is asked.
constexpr Duration kCallEvery = std::chrono::milliseconds(5);
// The number of such a message; others count from 1.
constexpr uint32_t kCallNumber = 0;

}  // namespace

struct RoomLoad::Peer {
  size_t index = 0;
  std::unique_ptr<StreamClient> client;
  Connection* connection = nullptr;  // While it is open.
  std::vector<uint32_t> got;         // Of each sender: the number of the last message.
  bool heard = false;
  bool wrong = false;  // An error was counted already.
  // As a sender.
  uint32_t number = 0;
  size_t missing = 0;  // Connections that do not have it yet.
  TimePoint sent_at = {};
};

RoomLoad::RoomLoad(EventLoop& loop, const SocketAddress& server, const RoomLoadOptions& options)
    : loop_(loop),
      options_(options),
      payload_(options.seed, options.message_bytes),
      message_(options.message_bytes, '\0') {
  SPINDLE_CHECK(options.message_bytes >= kRoomHeaderBytes);
  SPINDLE_CHECK(options.senders >= 1 && options.senders <= options.connections);
  StreamClientOptions client;
  client.connection = ClientConnectionOptions();
  client.connect_timeout = options.connect_timeout;
  for (size_t i = 0; i < options.connections; ++i) {
    auto peer = std::make_unique<Peer>();
    peer->index = i;
    peer->got.resize(options.senders);
    peer->client = std::make_unique<StreamClient>(loop, server, CallbacksFor(*peer), client,
                                                  [this](const ConnectError& error) {
                                                    CountError(error.error.ToString());
                                                    OnSettled();
                                                  });
    peers_.push_back(std::move(peer));
  }
}

RoomLoad::~RoomLoad() {
  destroying_ = true;
  loop_.Cancel(call_timer_);
  peers_.clear();
}

ConnectionCallbacks RoomLoad::CallbacksFor(Peer& peer) {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [this, &peer](Connection& connection) {
    peer.connection = &connection;
    ++open_;
    ++opened_;
    OnSettled();
  };
  callbacks.on_bytes = [this, &peer](Connection&, Buffer& input) { OnBytes(peer, input); };
  callbacks.on_close = [this, &peer](Connection&, const CloseReason& reason) {
    OnClose(peer, reason);
  };
  return callbacks;
}

void RoomLoad::Connect() {
  for (size_t i = 0; i < kConnectsAtOnce; ++i) ConnectNext();
}

void RoomLoad::ConnectNext() {
  if (next_to_connect_ < peers_.size()) peers_[next_to_connect_++]->client->Connect();
}

void RoomLoad::OnSettled() {
  if (++settled_ == peers_.size()) {
    Call();
    call_timer_ = loop_.RunEvery(kCallEvery, [this] { Call(); });
  }
  ConnectNext();
}

bool RoomLoad::connected() const {
  return settled_ == peers_.size() && (heard_ == peers_.size() || !errors().empty());
}

void RoomLoad::Call() {
  if (connected()) {
    loop_.Cancel(call_timer_);
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
  peer.sent_at = loop_.Now();
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
  if (sender >= options_.senders || message != Message(sender, number)) {
    return OnWrongBytes(peer, "wrong bytes");
  }
  if (!std::exchange(peer.heard, true)) ++heard_;
  if (number == kCallNumber) return;
  Peer& from = *peers_[sender];
  if (number != from.number || number != peer.got[sender] + 1) {
    return OnWrongBytes(peer, "a message twice, or not in its order");
  }
  peer.got[sender] = number;
  if (--from.missing > 0) return;
  CountMessage(options_.message_bytes);
  CountLatency(loop_.Now() - from.sent_at);
  --in_flight_;
  if (!stopping_ && from.connection != nullptr) Send(from);
}

void RoomLoad::OnWrongBytes(Peer& peer, std::string_view what) {
  CountError(std::string(what));
  peer.wrong = true;
  peer.connection->Abort();
}

void RoomLoad::OnClose(Peer& peer, const CloseReason& reason) {
  if (destroying_) return;
  --open_;
  peer.connection = nullptr;
  // What it does not have, it will not get.
  if (open_ == 0) in_flight_ = 0;
  if (!peer.wrong) CountError(Concat("connection ended: ", reason.ToString()));
}

}  // namespace spindle::bench
