#ifndef SPINDLE_BENCH_LOAD_SOCKPERF_RESPONDER_H_
#define SPINDLE_BENCH_LOAD_SOCKPERF_RESPONDER_H_

#include <cstddef>
#include <cstdint>

#include "net/types/buffer.h"

namespace spindle::bench {

// The server's side of `sockperf ping-pong --tcp` on one connection; an echo for other clients, so
// that sockperf and `spindle bench` can measure the same server. One thread at a time, one per
// connection.
//
// A message of sockperf's is a sequence number in 8 bytes, flags in 2 (1: from the client, 2: wants
// a reply) and its whole length in 4, big-endian, then anything. The client counts a reply that is
// the same message without the first flag. (As seen on the wire with sockperf 3.7.) Whether a
// connection is sockperf's is told by the first piece read from it.
class SockperfResponder {
 public:
  // Returns what to send for `input`. Messages that are not complete stay in it, and must come
  // again with more behind them.
  Buffer Feed(Buffer& input);

  // Messages answered; of another client, pieces.
  uint64_t answered() const { return answered_; }

 private:
  enum class Client : uint8_t { kUnknown, kSockperf, kOther };

  static constexpr size_t kHeaderBytes = 14;

  Client client_ = Client::kUnknown;
  uint64_t answered_ = 0;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_SOCKPERF_RESPONDER_H_
