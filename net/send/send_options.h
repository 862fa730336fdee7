#ifndef SPINDLE_NET_SEND_SEND_OPTIONS_H_
#define SPINDLE_NET_SEND_SEND_OPTIONS_H_

#include <cstddef>
#include <cstdint>

#include "net/send/send_run.h"
#include "net/stream/stream_client.h"

namespace spindle {

enum class SendConnections : uint8_t {
  kPooled,  // Opened before the start line, and kept from run to run.
  kFresh,   // Each is opened when its turn comes, and closed after its last reply.
};

struct SendPlanOptions {
  size_t connections = 1;
  SendConnections kind = SendConnections::kPooled;
  // How each of them connects and behaves. Three things the plan decides: there is no reconnecting,
  // input is read whatever is queued, and output is not limited; what a run has under way limits
  // it. connection.linger_timeout is how long the close of a fresh connection waits for the peer's.
  StreamClientOptions client = {};
  // Pooled: attempts to connect under way at once, on each loop. A server's backlog is finite, and
  // what falls off it comes a second later.
  size_t connects_at_once = 64;
  // Whether runs report SendResult::timeline. Off, it costs nothing.
  Timeline timeline = Timeline::kOff;
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_SEND_OPTIONS_H_
