#ifndef SPINDLE_BENCH_LOAD_CHURN_LOAD_H_
#define SPINDLE_BENCH_LOAD_CHURN_LOAD_H_

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

struct ChurnLoadOptions {
  size_t lanes = 1;  // Connections at once.
  size_t message_bytes = 64;
  uint64_t seed = 1;
  Duration connect_timeout = std::chrono::seconds(10);
  // Own addresses, taken in turn; empty: the kernel's choice. The end that closes first, which is
  // this one, keeps each pair of addresses and ports for a minute (TIME_WAIT): one own address is
  // good for about 28,000 connections to one server in that time.
  std::vector<SocketAddress> local = {};
};

// 127.0.0.1 to 127.0.0.`count`, port 0. At most 254.
std::vector<SocketAddress> LoopbackSpread(size_t count);

// Short connections: each lane connects, sends one message, gets it back, closes, and starts again.
// One message counts per connection, from Connect to its last byte; in step with that the next
// connection waits for the end of this one. Loop thread only.
class ChurnLoad final : public Load {
 public:
  ChurnLoad(EventLoop& loop, const SocketAddress& server, const ChurnLoadOptions& options);
  ~ChurnLoad() override;

  void Connect() override {}
  bool connected() const override { return true; }
  void Start() override;
  void Stop() override { stopping_ = true; }
  bool idle() const override { return busy_ == 0; }
  uint64_t in_flight() const override { return busy_; }
  size_t open() const override { return open_; }

 private:
  struct Lane;

  ConnectionCallbacks CallbacksFor(Lane& lane);
  void Begin(Lane& lane);
  // Begin, or the lane's rest after Stop.
  void Next(Lane& lane);
  void NextAfterError(Lane& lane);
  void OnOpen(Lane& lane, Connection& connection);
  void OnBytes(Lane& lane, Connection& connection, Buffer& input);
  void OnClose(Lane& lane, const CloseReason& reason);

  EventLoop& loop_;
  const SocketAddress server_;
  const ChurnLoadOptions options_;
  const Payload payload_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  uint64_t begun_ = 0;  // Connections.
  uint64_t busy_ = 0;   // Lanes that have not stopped.
  size_t open_ = 0;
  bool stopping_ = false;
  bool destroying_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CHURN_LOAD_H_
