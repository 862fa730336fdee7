#include "bench/load/stream_load.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "bench/load/character_lines.h"
#include "net/stream/connection.h"
#include "net/types/io_error.h"

namespace spindle::bench {
namespace {

// A prime, so that blocks of any usual size begin at ever other places: bytes that are left out or
// come twice are noticed. Fits into a processor's cache.
constexpr size_t kRandomPeriod = 262139;

std::string RandomBytes(uint64_t seed, size_t size) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next() >> 56);
  return bytes;
}

}  // namespace

struct StreamLoad::Peer : LoadPeer {
  uint64_t start = 0;  // Where in the data its stream begins.
  uint64_t sent = 0;   // Bytes; also below.
  uint64_t received = 0;
  uint64_t in_flight = 0;  // Blocks.
};

StreamLoad::StreamLoad(EventLoop& loop, const SocketAddress& server,
                       const StreamLoadOptions& options)
    : ConnectedLoad(loop, server, options.connect_timeout), options_(options) {
  std::string data;
  if (options.way == StreamWay::kReceive) {
    while (data.size() < kRandomPeriod) data += CharacterLines();
    period_ = data.size();
  } else {
    data = RandomBytes(options.seed, kRandomPeriod);
    period_ = data.size();
    while (data.size() < period_ + options.block_bytes) {
      data.append(data, 0, std::min(period_, period_ + options.block_bytes - data.size()));
    }
  }
  data_bytes_ = data.size();
  data_ = Chunk::CopyOf(data);
  SPINDLE_CHECK(data_) << "out of memory";
  for (size_t i = 0; i < options.connections; ++i) {
    Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
    if (options.way != StreamWay::kReceive) peer.start = (options.first_connection + i) * 401;
    Add(peer, {.on_bytes = [this, &peer](Connection&, Buffer& input) { OnBytes(peer, input); },
               .on_drained = [this, &peer](Connection&) { OnDrained(peer); },
               .on_close = [this, &peer](Connection&,
                                         const CloseReason& reason) { OnClose(peer, reason); }});
  }
}

StreamLoad::~StreamLoad() { EndAll(); }

void StreamLoad::Start(TimePoint /*start*/) {
  if (options_.way == StreamWay::kReceive) return;
  for (const std::unique_ptr<Peer>& peer : peers_) {
    if (peer->connection != nullptr) SendBlock(*peer);
  }
}

void StreamLoad::Stop() {
  stopping_ = true;
  if (options_.way != StreamWay::kReceive) return;
  for (const std::unique_ptr<Peer>& peer : peers_) {
    if (peer->connection != nullptr) peer->connection->Abort();
  }
}

void StreamLoad::SendBlock(Peer& peer) {
  const size_t begin = static_cast<size_t>((peer.start + peer.sent) % period_);
  const IoError error = peer.connection->WriteChunk(data_, begin, begin + options_.block_bytes);
  if (!error.ok()) return;  // It is closing; OnClose counts.
  peer.sent += options_.block_bytes;
  ++peer.in_flight;
  ++in_flight_;
}

void StreamLoad::BlockDone(Peer& peer) {
  CountMessage(options_.block_bytes);
  if (peer.in_flight == 0) return;  // kReceive.
  --peer.in_flight;
  --in_flight_;
}

void StreamLoad::OnDrained(Peer& peer) {
  if (options_.way == StreamWay::kSend) BlockDone(peer);
  if (!stopping_) SendBlock(peer);
}

void StreamLoad::OnBytes(Peer& peer, Buffer& input) {
  const char* const data = data_->data();
  const uint64_t blocks_before = peer.received / options_.block_bytes;
  while (!input.empty() && !peer.wrong) {
    const std::string_view front = input.Front();
    const size_t offset = static_cast<size_t>((peer.start + peer.received) % period_);
    const size_t length = std::min(front.size(), data_bytes_ - offset);
    const bool asked_for =
        options_.way == StreamWay::kReceive ||
        (options_.way == StreamWay::kEcho && peer.received + length <= peer.sent);
    if (!asked_for || front.substr(0, length) != std::string_view(data + offset, length)) {
      CountWrong(peer, asked_for ? "wrong bytes" : "bytes that nobody asked for");
      break;
    }
    peer.received += length;
    input.Consume(length);
  }
  input.Clear();
  for (uint64_t i = blocks_before; i < peer.received / options_.block_bytes; ++i) {
    BlockDone(peer);
  }
}

void StreamLoad::OnClose(Peer& peer, const CloseReason& reason) {
  in_flight_ -= peer.in_flight;
  peer.in_flight = 0;
  const bool by_stop = stopping_ && options_.way == StreamWay::kReceive;
  if (!by_stop) CountEnd(peer, reason);
}

}  // namespace spindle::bench
