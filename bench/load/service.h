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
  kEcho,     // Sends them back (RFC 862).
  kDiscard,  // Drops them (RFC 863).
  kChargen,  // Drops them and sends lines of text for ever (RFC 864).
  kAck,      // Sends one byte for each message; see message_frame.h.
};

std::string_view ServiceModeName(ServiceMode mode);

// Callbacks for a StreamServer. With `think` above zero each answer waits for so long on a timer of
// the connection's loop: kEcho is then a delay line (each piece comes back `think` after it was
// read, whatever the framing), kAck delays each acknowledgement. Answers that wait are sent before
// a connection ends by the peer's FIN or by Drain. A connection with more than 16 MiB of answers
// waiting is not read from. Immutable; for any number of loops.
ConnectionCallbacks MakeService(ServiceMode mode, Duration think);

// The options that MakeService counts on.
ConnectionOptions ServiceOptions(ServiceMode mode, Duration think);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_SERVICE_H_
