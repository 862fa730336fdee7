#ifndef SPINDLE_BENCH_SEND_MODES_SEND_MODEL_H_
#define SPINDLE_BENCH_SEND_MODES_SEND_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace spindle::bench {

// What the time of an arm is made of, as far as it is known. Plain data.
struct SendModel {
  uint64_t connections = 1;
  uint64_t messages = 1;       // Per connection.
  uint64_t pipeline = 1;       // Of them under way at once.
  uint64_t message_bytes = 0;  // The reply is taken to be short.
  Duration rtt{0};
  std::optional<uint64_t> bits_per_second = std::nullopt;  // nullopt: the link is never full.
  Duration think{0};                                       // Of the server, for each message.
  bool think_blocks = false;  // The server's loop thinks; else a timer does, for all at once.
  bool fresh = false;         // Each connection is opened for its messages: a handshake, and a
                              // window that begins small.
  uint64_t mss = 1448;
  // What one message costs besides, as seen in wall time when there is nothing else: system calls,
  // wake-ups of threads.
  Duration overhead{0};
  // Processor time of both ends for one message; at most `overhead` where they take turns.
  Duration cpu{0};
  // The part of `cpu` that goes into falling asleep and being woken: messages under way at the same
  // time share it.
  Duration wake_cpu{0};
  uint64_t cores = 1;         // That both ends share, or that each has.
  uint64_t server_loops = 1;  // That handlers can block.
};

// What sets the time of an arm.
enum class SendLimit : uint8_t {
  kRoundTrip,  // Waiting for the network.
  kThinkTime,  // Waiting for the server to answer.
  kWindow,     // Waiting for acknowledgements before more may be sent (slow start).
  kWire,       // The link is full.
  kCores,      // The processors are busy.
  kOverhead,   // Neither: what each message costs in turn.
};

// "round trip", "think time", "window", "wire", "cores", "overhead"
std::string_view SendLimitName(SendLimit limit);

struct Prediction {
  Duration wall{0};
  SendLimit limit = SendLimit::kOverhead;
};

// At most that many, when at most `window` connections have some.
uint64_t MessagesUnderWay(const SendModel& model, uint64_t window);

// How long the messages take when at most `window` connections have one under way: 1 is
// sequential, `connections` is parallel. The longest of four times: the chain of exchanges that
// follow each other; the link, which all bytes have to pass; the processors; the server's loops, if
// handlers block them. Pure; any thread. CHECKs that no count is zero.
Prediction Predict(const SendModel& model, uint64_t window);

// Sequential over parallel.
double PredictedSpeedup(const SendModel& model);

// Round trips beyond the first in which a new connection can send `bytes`: the window begins with
// ten segments and doubles (RFC 6928, RFC 5681 3.1), until it holds what the link does in one round
// trip.
uint64_t SlowStartRounds(uint64_t bytes, uint64_t mss, Duration rtt,
                         std::optional<uint64_t> bits_per_second);

// The size at which a message takes the link as long as it waits: below it sending in parallel
// pays, far above it does not. nullopt without a limit of the link.
std::optional<uint64_t> CrossoverBytes(const SendModel& model);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_SEND_MODEL_H_
