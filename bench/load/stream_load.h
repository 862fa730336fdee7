#ifndef SPINDLE_BENCH_LOAD_STREAM_LOAD_H_
#define SPINDLE_BENCH_LOAD_STREAM_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "bench/load/connected_load.h"
#include "net/loop/event_loop.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

enum class StreamWay : uint8_t {
  kEcho,     // Sends, and compares what comes back: as fast as both ways allow.
  kSend,     // Sends to a server that answers nothing.
  kReceive,  // Sends nothing, and compares what comes with the lines of ServiceMode::kChargen.
};

struct StreamLoadOptions {
  size_t connections = 1;
  StreamWay way = StreamWay::kEcho;
  size_t block_bytes = 64 * 1024;  // Written at once; and what counts as one message.
  uint64_t seed = 1;
  uint64_t first_connection = 0;  // The number of the first one, for its choice of bytes.
  Duration connect_timeout = std::chrono::seconds(10);
};

// Bytes without end over connections that stay open, as fast as the other end takes them. kSend
// counts a block when the kernel has it, kEcho and kReceive when it has come in full. There are no
// latencies. Loop thread only.
class StreamLoad final : public ConnectedLoad {
 public:
  StreamLoad(EventLoop& loop, const SocketAddress& server, const StreamLoadOptions& options);
  ~StreamLoad() override;

  void Start(TimePoint start) override;
  void Stop() override;
  bool idle() const override { return in_flight_ == 0; }
  uint64_t in_flight() const override { return in_flight_; }

 private:
  struct Peer;

  void SendBlock(Peer& peer);
  void BlockDone(Peer& peer);
  void OnBytes(Peer& peer, Buffer& input);
  void OnDrained(Peer& peer);
  void OnClose(Peer& peer, const CloseReason& reason);

  const StreamLoadOptions options_;
  ChunkRef data_;          // What repeats for ever, and the start of it once more.
  size_t data_bytes_ = 0;  // In it.
  size_t period_ = 0;      // After how many bytes it repeats.
  std::vector<std::unique_ptr<Peer>> peers_;
  uint64_t in_flight_ = 0;  // Blocks.
  bool stopping_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_STREAM_LOAD_H_
