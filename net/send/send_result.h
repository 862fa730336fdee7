#ifndef SPINDLE_NET_SEND_SEND_RESULT_H_
#define SPINDLE_NET_SEND_SEND_RESULT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "net/types/close_reason.h"

namespace spindle {

// What a SendPlan tells. Plain data; any thread.

enum class SendStatus : uint8_t {
  kComplete,   // Each message of each connection has its reply.
  kPartial,    // Connections failed; the others are complete.
  kDeadline,   // SendRun::deadline passed.
  kCancelled,  // SendPlan::Cancel.
};

// "complete", "partial", "deadline", "cancelled"; a literal.
std::string_view SendStatusName(SendStatus status);

// What became of one connection in one run.
struct SendOutcome {
  uint64_t sent = 0;  // Messages written.
  uint64_t answered = 0;
  // The first thing that went wrong, in words: "no reply within 10 ms". Empty: nothing did.
  std::string error = {};
  // How the connection ended, if it did before the run was done; else kNone.
  CloseReason close = {};
};

enum class SendPhase : uint8_t {
  kConnect,   // Until the connection is open. Fresh connections only, once for each.
  kWrite,     // From the call that writes until the kernel has taken the last byte.
  kInFlight,  // After that, until the first byte of the reply: there, the server's work, and back.
  kThink,     // The server's share of that, if SendRun::think says so. It is put in the middle, so
              // that there is one kInFlight before and one after it; at the latest it ends with the
              // reply's first byte, also if this thread noted the end of kWrite too late for that.
  kAck,       // From the first to the last byte of the reply.
  kClose,     // From our FIN to the end. Fresh connections only, once for each.
};

// "connect", "write", "in flight", "think", "ack", "close"; a literal.
std::string_view SendPhaseName(SendPhase phase);

// What one connection did for how long. The spans of a message that was never answered end with
// kWrite or with a kInFlight that ends when the connection failed.
struct SendSpan {
  size_t connection = 0;
  uint64_t message = 0;
  SendPhase phase = SendPhase::kWrite;
  Duration start{0};  // Since the start line.
  Duration length{0};

  friend bool operator==(const SendSpan&, const SendSpan&) = default;
};

struct SendResult {
  SendStatus status = SendStatus::kComplete;
  TimePoint start;            // The start line; TimePoint() if the run did not get there.
  Duration wall{0};           // From the start line to the last byte of the last reply.
  Duration wall_to_close{0};  // The same to the end of the last fresh connection; else as `wall`.
  // How long after the start line the last loop was let go. Zero with one loop.
  Duration start_lag{0};
  uint64_t answered = 0;
  uint64_t bytes = 0;  // In the messages that were answered; the replies do not count.
  Histogram latency;   // From the call that writes to the last byte of the reply.
  std::vector<SendOutcome> connections;
  std::vector<SendSpan> timeline;  // By connection, and by time in each.

  bool ok() const { return status == SendStatus::kComplete; }
  // Connections that something went wrong with.
  size_t failed() const;
  // The first of their errors: "connection 3: no reply within 10 ms". Empty if there is none.
  std::string FirstError() const;
  // "partial: 700 messages answered over 8 connections in 12.3 ms, p50 0.9 ms, max 2 ms; 1 failed,
  // first connection 3: no reply within 10 ms"
  std::string ToString() const;
};

// What SendPlan::Open came to.
struct OpenResult {
  struct Failure {
    size_t connection = 0;
    std::string error;
  };
  size_t open = 0;
  std::vector<Failure> failures = {};  // By connection.
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_SEND_RESULT_H_
