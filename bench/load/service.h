#ifndef SPINDLE_BENCH_LOAD_SERVICE_H_
#define SPINDLE_BENCH_LOAD_SERVICE_H_

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_options.h"

namespace spindle::bench {

// What a server under test does with the bytes of a connection.
enum class ServiceMode : uint8_t {
  kEcho,      // Sends them back (RFC 862).
  kDiscard,   // Drops them (RFC 863).
  kChargen,   // Drops them and sends lines of text for ever (RFC 864).
  kAck,       // Sends one byte for each message; see message_frame.h.
  kHttp,      // The same reply to each request; see http_responder.h.
  kSockperf,  // Answers sockperf, and is an echo for others; see sockperf_responder.h.
};

std::string_view ServiceModeName(ServiceMode mode);

// How an answer takes its time.
enum class ThinkMode : uint8_t {
  kTimer,  // On a timer of the connection's loop, which does other things meanwhile.
  kBlock,  // Asleep in the callback: the whole loop waits, as for a slow disk or lock.
  kBurn,   // Busy in the callback: the loop waits, and a processor is used.
};

// Callbacks for a StreamServer. With `think` above zero each answer takes so long; kTimer makes
// kEcho a delay line: each piece comes back `think` after it was read, whatever the framing. kBlock
// and kBurn take `think` for each piece read (kEcho) or each message (kAck, kHttp, kSockperf).
// Answers that wait are sent before a connection ends by the peer's FIN or by Drain. A connection
// with more than 16 MiB of answers waiting is not read from. Immutable; for any number of loops.
ConnectionCallbacks MakeService(ServiceMode mode, Duration think,
                                ThinkMode think_mode = ThinkMode::kTimer);

// The options that MakeService counts on.
ConnectionOptions ServiceOptions(ServiceMode mode, Duration think);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_SERVICE_H_
