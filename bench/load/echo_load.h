#ifndef SPINDLE_BENCH_LOAD_ECHO_LOAD_H_
#define SPINDLE_BENCH_LOAD_ECHO_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "bench/load/connected_load.h"
#include "bench/load/payload.h"
#include "bench/load/send_schedule.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

struct EchoLoadOptions {
  size_t connections = 1;
  size_t message_bytes = 64;
  size_t pipeline = 1;  // Closed loop: messages of one connection under way at once.
  // Open loop: the connections take turns, and send whatever is under way on them already.
  std::optional<SendRate> rate = std::nullopt;
  // Open loop: what may be without an answer at once. A message that is due above that is not sent
  // and counts as an error; so a server that falls behind costs it no memory without end.
  uint64_t max_backlog_messages = uint64_t{1} << 20;
  uint64_t max_backlog_bytes = uint64_t{256} << 20;
  uint64_t seed = 1;
  uint64_t first_connection = 0;  // The number of the first one, for its choice of bytes.
  Duration connect_timeout = std::chrono::seconds(10);
};

// Messages of plain bytes over connections that stay open, with any echo server; every byte that
// comes back is compared. Loop thread only.
class EchoLoad final : public ConnectedLoad {
 public:
  EchoLoad(EventLoop& loop, const SocketAddress& server, const EchoLoadOptions& options);
  ~EchoLoad() override;

  void Start(TimePoint start) override;
  void Stop() override;
  bool idle() const override { return in_flight_ == 0; }
  uint64_t in_flight() const override { return in_flight_; }
  void GiveUp(TimePoint now) override;

 private:
  struct Peer;

  void OnDue();
  void SendDue(TimePoint intended, TimePoint now);
  // `time` is what the latency counts from.
  void Send(Peer& peer, TimePoint time);
  void OnBytes(Peer& peer, Buffer& input);
  void OnClose(Peer& peer, const CloseReason& reason);

  const EchoLoadOptions options_;
  const uint64_t max_backlog_;
  const Payload payload_;
  std::vector<std::unique_ptr<Peer>> peers_;
  uint64_t in_flight_ = 0;
  std::optional<SendSchedule> schedule_;  // Open loop, once started.
  TimerId due_timer_;
  size_t next_to_send_ = 0;
  bool stopping_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_ECHO_LOAD_H_
