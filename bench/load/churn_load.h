#ifndef SPINDLE_BENCH_LOAD_CHURN_LOAD_H_
#define SPINDLE_BENCH_LOAD_CHURN_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "bench/load/load.h"
#include "bench/load/payload.h"
#include "bench/load/send_schedule.h"
#include "bench/load/time_queue.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_client.h"
#include "net/types/buffer.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

struct ChurnLoadOptions {
  size_t lanes = 1;  // Connections at once, at most.
  size_t message_bytes = 64;
  // Open loop: when connections are meant to begin. One that finds no free lane waits for one.
  std::optional<SendRate> rate = std::nullopt;
  // Open loop: so many wait at most; one more is not begun and counts as an error.
  uint64_t max_backlog = uint64_t{1} << 20;
  uint64_t seed = 1;
  uint64_t first_lane = 0;  // The number of the first one, for its choice of bytes.
  Duration connect_timeout = std::chrono::seconds(10);
  // Own addresses, taken in turn; empty: the kernel's choice. The end that closes first, which is
  // this one, keeps each pair of addresses and ports for a minute (TIME_WAIT): one own address is
  // good for about 28,000 connections to one server in that time.
  std::vector<SocketAddress> local = {};
};

// 127.0.0.1 to 127.0.0.`count`, port 0. At most 254.
std::vector<SocketAddress> LoopbackSpread(size_t count);

// Short connections: each connects, sends one message, gets it back and closes. Closed loop: a lane
// then starts again, in step with the end of the connection before. One message counts per
// connection; its latency is from Connect, or from the intended time, to its last byte. Loop thread
// only.
class ChurnLoad final : public Load {
 public:
  ChurnLoad(EventLoop& loop, const SocketAddress& server, const ChurnLoadOptions& options);
  ~ChurnLoad() override;

  void Connect() override {}
  bool connected() const override { return true; }
  void Start(TimePoint start) override;
  void Stop() override;
  bool idle() const override { return in_flight() == 0; }
  uint64_t in_flight() const override { return busy_ + waiting_.size(); }
  size_t open() const override { return open_; }
  uint64_t opened() const override { return opened_; }
  bool dead() const override { return false; }
  void GiveUp(TimePoint now) override;

 private:
  struct Lane;

  ConnectionCallbacks CallbacksFor(Lane& lane);
  void OnDue();
  // The lane's next connection, or its rest if there is none.
  void Next(Lane& lane);
  void NextAfterError(Lane& lane);
  void Begin(Lane& lane, TimePoint time);
  void OnOpen(Lane& lane, Connection& connection);
  void OnBytes(Lane& lane, Connection& connection, Buffer& input);
  void OnClose(Lane& lane, const CloseReason& reason);

  EventLoop& loop_;
  const SocketAddress server_;
  const ChurnLoadOptions options_;
  const Payload payload_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> free_;  // Open loop: lanes at rest.
  TimeQueue waiting_;        // Open loop: intended times that found no lane.
  std::optional<SendSchedule> schedule_;
  TimerId due_timer_;
  uint64_t begun_ = 0;  // Connections.
  uint64_t busy_ = 0;   // Lanes that are not at rest.
  size_t open_ = 0;
  uint64_t opened_ = 0;
  bool stopping_ = false;
  bool destroying_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CHURN_LOAD_H_
