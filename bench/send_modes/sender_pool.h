#ifndef SPINDLE_BENCH_SEND_MODES_SENDER_POOL_H_
#define SPINDLE_BENCH_SEND_MODES_SENDER_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "bench/load/load.h"
#include "bench/load/message_frame.h"
#include "bench/load/payload.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_client.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// What answers a message; see message_frame.h.
enum class ReplyMode : uint8_t { kAck, kEcho };

std::string_view ReplyModeName(ReplyMode mode);

struct SenderPoolOptions {
  size_t connections = 1;
  size_t message_bytes = 1024;
  ReplyMode reply = ReplyMode::kAck;
  uint64_t seed = 1;
  Duration connect_timeout = std::chrono::seconds(10);
};

// Connections to one server that are opened before they are used and stay open. Each sends one
// message at a time and waits for its reply, every byte of which is checked; when is the caller's
// choice. Loop thread only.
class SenderPool {
 public:
  // Called from the loop. May call Send.
  class Listener {
   public:
    // The reply of `connection` is complete; `latency` is from Send to its last byte.
    virtual void OnReply(size_t connection, Duration latency) = 0;
    // `connection` ended while its reply was awaited. errors() says why.
    virtual void OnLost(size_t connection) = 0;

   protected:
    ~Listener() = default;
  };

  SenderPool(EventLoop& loop, const SocketAddress& server, const SenderPoolOptions& options);
  ~SenderPool();
  SenderPool(const SenderPool&) = delete;
  SenderPool& operator=(const SenderPool&) = delete;

  // Opens all connections, one after the other: a server that deals them out in turn does so in
  // the order of their numbers.
  void Connect();
  // Each connection is open or has failed.
  bool connected() const { return settled_ == lanes_.size(); }
  // Ends all connections, in good order.
  void Close();
  bool closed() const { return open_ == 0; }

  // Who is told from now on; null: nobody. Must outlive its registration.
  void SetListener(Listener* listener) { listener_ = listener; }
  // Sends the next message of `connection`. False if it is not open. CHECKs that it awaits nothing.
  bool Send(size_t connection);
  // Counts as an error, and ends, every connection that awaits a reply.
  void GiveUpWaiting(std::string_view why);

  size_t size() const { return lanes_.size(); }
  size_t open() const { return open_; }
  size_t message_bytes() const { return options_.message_bytes; }
  EventLoop& loop() const { return loop_; }
  // By connection: "connection 3: wrong bytes in the reply".
  const ErrorCounts& errors() const { return errors_; }

 private:
  struct Lane;

  ConnectionCallbacks CallbacksFor(Lane& lane);
  void ConnectNext();
  void OnSettled();
  void OnBytes(Lane& lane, Connection& connection, Buffer& input);
  void OnClose(Lane& lane, const CloseReason& reason);
  // Notes the first error of a connection.
  void CountError(Lane& lane, std::string_view what);

  EventLoop& loop_;
  const SenderPoolOptions options_;
  const Payload payload_;
  const FrameHeader header_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Listener* listener_ = nullptr;
  ErrorCounts errors_;
  size_t settled_ = 0;  // Connections that were opened, or failed.
  size_t open_ = 0;
  bool closing_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_SENDER_POOL_H_
