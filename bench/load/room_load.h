#ifndef SPINDLE_BENCH_LOAD_ROOM_LOAD_H_
#define SPINDLE_BENCH_LOAD_ROOM_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "bench/load/connected_load.h"
#include "bench/load/payload.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

struct RoomLoadOptions {
  size_t connections = 1;
  size_t senders = 1;         // The first ones of them.
  size_t message_bytes = 64;  // At least kRoomHeaderBytes.
  uint64_t seed = 1;
  Duration connect_timeout = std::chrono::seconds(10);
};

// Who sent it, and its number.
inline constexpr size_t kRoomHeaderBytes = 8;

// Messages to a server that sends all it gets to all its connections, the sender's among them. A
// sender sends its next message when every connection has the last one; that is then one message,
// and its latency. Each connection must get each message once, whole, and those of a sender in
// their order.
//
// connected() only when every connection has got a message: a server may not have accepted all of
// those that the kernel has opened. What is sent for that is a message like others, but not
// counted.
//
// Loop thread only.
class RoomLoad final : public ConnectedLoad {
 public:
  RoomLoad(EventLoop& loop, const SocketAddress& server, const RoomLoadOptions& options);
  ~RoomLoad() override;

  bool connected() const override;
  void Start(TimePoint start) override;
  void Stop() override { stopping_ = true; }
  bool idle() const override { return in_flight_ == 0; }
  uint64_t in_flight() const override { return in_flight_; }

 private:
  struct Peer;

  void OnConnected() override;
  void Call();
  void Send(Peer& peer);
  void OnBytes(Peer& peer, Buffer& input);
  void OnMessage(Peer& peer, std::string_view message);
  void OnClose(Peer& peer, const CloseReason& reason);
  // Message `number` of `sender`; valid until the next one.
  std::string_view Message(size_t sender, uint32_t number);

  const RoomLoadOptions options_;
  const Payload payload_;
  std::string message_;
  std::vector<std::unique_ptr<Peer>> peers_;
  TimerId call_timer_;
  size_t heard_ = 0;  // Connections that have got a message.
  uint64_t in_flight_ = 0;
  bool stopping_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_ROOM_LOAD_H_
