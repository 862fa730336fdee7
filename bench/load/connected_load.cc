#include "bench/load/connected_load.h"

#include <string>
#include <utility>

#include "base/strings.h"
#include "bench/load/client_options.h"
#include "net/types/io_error.h"

namespace spindle::bench {
namespace {

// Connection attempts under way at once: a server's backlog is finite, and what falls off it costs
// a second.
constexpr size_t kConnectsAtOnce = 128;

}  // namespace

void ConnectedLoad::Add(LoadPeer& peer, ConnectionCallbacks callbacks) {
  callbacks.on_open = [this, &peer](Connection& connection) {
    peer.connection = &connection;
    ++open_;
    ++opened_;
    OnSettled();
  };
  callbacks.on_close = [this, &peer, on_close = std::move(callbacks.on_close)](
                           Connection& connection, const CloseReason& reason) {
    if (ending_) return;
    --open_;
    peer.connection = nullptr;
    on_close(connection, reason);
  };
  StreamClientOptions options;
  options.connection = ClientConnectionOptions();
  options.connect_timeout = connect_timeout_;
  peer.client = std::make_unique<StreamClient>(loop_, server_, std::move(callbacks), options,
                                               [this](const ConnectError& error) {
                                                 CountError(error.error.ToString());
                                                 OnSettled();
                                               });
  peers_.push_back(&peer);
}

void ConnectedLoad::EndAll() {
  ending_ = true;
  for (LoadPeer* const peer : peers_) peer->client.reset();
}

void ConnectedLoad::Connect() {
  for (size_t i = 0; i < kConnectsAtOnce; ++i) ConnectNext();
}

void ConnectedLoad::ConnectNext() {
  if (next_to_connect_ < peers_.size()) peers_[next_to_connect_++]->client->Connect();
}

void ConnectedLoad::OnSettled() {
  if (++settled_ == peers_.size()) OnConnected();
  ConnectNext();
}

void ConnectedLoad::CountWrong(LoadPeer& peer, std::string_view what) {
  CountError(std::string(what));
  peer.wrong = true;
  peer.connection->Abort();
}

void ConnectedLoad::CountEnd(const LoadPeer& peer, const CloseReason& reason) {
  if (!peer.wrong) CountError(Concat("connection ended: ", reason.ToString()));
}

}  // namespace spindle::bench
