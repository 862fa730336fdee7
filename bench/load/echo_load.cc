#include "bench/load/echo_load.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/strings.h"
#include "bench/load/client_options.h"
#include "net/send/byte_matcher.h"
#include "net/types/close_reason.h"

namespace spindle::bench {
namespace {

// Connection attempts under way at once: a server's backlog is finite, and what falls off it costs
// a second.
constexpr size_t kConnectsAtOnce = 128;

}  // namespace

struct EchoLoad::Peer {
  uint64_t index = 0;
  std::unique_ptr<StreamClient> client;
  ByteMatcher matcher;
  uint64_t sent = 0;
  uint64_t answered = 0;
  std::vector<TimePoint> sent_at;  // Of message m: [m % pipeline].
  bool wrong = false;              // An error was counted already.
};

EchoLoad::EchoLoad(EventLoop& loop, const SocketAddress& server, const EchoLoadOptions& options)
    : loop_(loop), options_(options), payload_(options.seed, options.message_bytes) {
  StreamClientOptions client;
  client.connection = ClientConnectionOptions();
  client.connect_timeout = options.connect_timeout;
  for (size_t i = 0; i < options.connections; ++i) {
    auto peer = std::make_unique<Peer>();
    peer->index = i;
    peer->sent_at.resize(options.pipeline);
    peer->client = std::make_unique<StreamClient>(loop, server, CallbacksFor(*peer), client,
                                                  [this](const ConnectError& error) {
                                                    CountError(error.error.ToString());
                                                    OnSettled();
                                                  });
    peers_.push_back(std::move(peer));
  }
}

EchoLoad::~EchoLoad() {
  destroying_ = true;
  peers_.clear();
}

ConnectionCallbacks EchoLoad::CallbacksFor(Peer& peer) {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [this](Connection&) {
    ++open_;
    OnSettled();
  };
  callbacks.on_bytes = [this, &peer](Connection& connection, Buffer& input) {
    OnBytes(peer, connection, input);
  };
  callbacks.on_close = [this, &peer](Connection&, const CloseReason& reason) {
    OnClose(peer, reason);
  };
  return callbacks;
}

void EchoLoad::Connect() {
  for (size_t i = 0; i < kConnectsAtOnce; ++i) ConnectNext();
}

void EchoLoad::ConnectNext() {
  if (next_to_connect_ < peers_.size()) peers_[next_to_connect_++]->client->Connect();
}

void EchoLoad::OnSettled() {
  ++settled_;
  ConnectNext();
}

void EchoLoad::Start() {
  const TimePoint now = loop_.Now();
  for (const std::unique_ptr<Peer>& peer : peers_) {
    Connection* const connection = peer->client->connection();
    if (connection == nullptr) continue;
    peer->matcher.Expect(payload_.Message(peer->index, 0));
    for (size_t i = 0; i < options_.pipeline; ++i) Send(*peer, *connection, now);
  }
}

void EchoLoad::Send(Peer& peer, Connection& connection, TimePoint now) {
  const IoError error = connection.Write(payload_.Message(peer.index, peer.sent));
  if (!error.ok()) return;  // It is closing; OnClose counts.
  peer.sent_at[peer.sent % options_.pipeline] = now;
  ++peer.sent;
  ++in_flight_;
}

void EchoLoad::OnBytes(Peer& peer, Connection& connection, Buffer& input) {
  const TimePoint now = loop_.Now();
  while (!input.empty() && !peer.wrong) {
    const MatchOutcome outcome =
        peer.sent == peer.answered ? MatchOutcome::kWrong : peer.matcher.Feed(input);
    if (outcome == MatchOutcome::kMore) return;
    if (outcome == MatchOutcome::kWrong) {
      CountError(peer.sent == peer.answered ? "bytes that nobody asked for" : "wrong bytes");
      peer.wrong = true;
      connection.Abort();
      break;
    }
    Count(now - peer.sent_at[peer.answered % options_.pipeline], options_.message_bytes);
    ++peer.answered;
    --in_flight_;
    peer.matcher.Expect(payload_.Message(peer.index, peer.answered));
    if (!stopping_) Send(peer, connection, now);
  }
  input.Clear();
}

void EchoLoad::OnClose(Peer& peer, const CloseReason& reason) {
  if (destroying_) return;
  --open_;
  in_flight_ -= peer.sent - peer.answered;
  peer.answered = peer.sent;
  if (!peer.wrong) CountError(Concat("connection ended: ", reason.ToString()));
}

}  // namespace spindle::bench
