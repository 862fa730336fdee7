#ifndef SPINDLE_BENCH_LOAD_ECHO_LOAD_H_
#define SPINDLE_BENCH_LOAD_ECHO_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "bench/load/load.h"
#include "bench/load/payload.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_client.h"
#include "net/types/buffer.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

struct EchoLoadOptions {
  size_t connections = 1;
  size_t message_bytes = 64;
  size_t pipeline = 1;  // Messages of one connection under way at once.
  uint64_t seed = 1;
  Duration connect_timeout = std::chrono::seconds(10);
};

// Ping-pong of plain bytes over connections that stay open, with any echo server. A connection that
// fails is counted and not opened again. Loop thread only.
class EchoLoad final : public Load {
 public:
  EchoLoad(EventLoop& loop, const SocketAddress& server, const EchoLoadOptions& options);
  ~EchoLoad() override;

  void Connect() override;
  bool connected() const override { return settled_ == peers_.size(); }
  void Start() override;
  void Stop() override { stopping_ = true; }
  bool idle() const override { return in_flight_ == 0; }
  uint64_t in_flight() const override { return in_flight_; }
  size_t open() const override { return open_; }

 private:
  struct Peer;

  ConnectionCallbacks CallbacksFor(Peer& peer);
  void ConnectNext();
  void OnSettled();
  void Send(Peer& peer, Connection& connection, TimePoint now);
  void OnBytes(Peer& peer, Connection& connection, Buffer& input);
  void OnClose(Peer& peer, const CloseReason& reason);

  EventLoop& loop_;
  const EchoLoadOptions options_;
  const Payload payload_;
  std::vector<std::unique_ptr<Peer>> peers_;
  size_t next_to_connect_ = 0;
  size_t settled_ = 0;  // Connections that were opened, or failed.
  size_t open_ = 0;
  uint64_t in_flight_ = 0;
  bool stopping_ = false;
  bool destroying_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_ECHO_LOAD_H_
