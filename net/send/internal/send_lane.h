#ifndef SPINDLE_NET_SEND_INTERNAL_SEND_LANE_H_
#define SPINDLE_NET_SEND_INTERNAL_SEND_LANE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/attributes.h"
#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/live_counter.h"
#include "net/send/byte_matcher.h"
#include "net/send/internal/run_spec.h"
#include "net/send/send_result.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_client.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"
#include "net/types/io_error.h"

namespace spindle {

class SendGroup;

// One connection of a plan: writes messages, matches replies, notes times. Who may send when is
// its group's choice.
//
// Loop thread only. Where a connection comes from is known to the first part alone, so another
// owner of connections could stand in for the client: it calls OnOpen, OnBytes, OnDrained, OnClose.
class SendLane final : private LiveCounted<SendLane> {
 public:
  // `index` is the connection's number in the plan.
  SendLane(SendGroup& group, size_t index) : group_(group), index_(index) {}

  size_t index() const { return index_; }

  // ---- The connection.

  bool open() const { return link_ == Link::kOpen; }
  bool shut() const { return link_ == Link::kShut; }
  // OnLinkOpen or OnLinkFailed of the group follows.
  void Connect();
  // The orderly end; OnLinkClosed follows.
  void Close();
  // The end at once, or the end of the attempt to connect. OnLinkClosed follows if it was open.
  void Abort();
  // Destroys the connection; the group is not told.
  void DropClient();
  // How the last connection ended.
  const CloseReason& last_close() const { return last_close_; }

  // ---- One run.

  void BeginRun(const RunSpec& spec);
  void EndRun() { spec_ = nullptr; }
  const SendOutcome& outcome() const { return outcome_; }
  uint64_t in_flight() const { return outcome_.sent - outcome_.answered; }
  bool has_more() const { return outcome_.sent < messages_; }
  bool all_answered() const { return outcome_.answered == messages_; }
  // Since when it has waited for the reply that comes next. Valid while in_flight() > 0.
  TimePoint waiting_since() const { return waiting_since_; }

  // Writes messages, at the time `now`, until as many are under way as may be. There must be one to
  // write, and room for it. False if the lane has failed, or the plan was destroyed by a function
  // of the run.
  bool Pump(TimePoint now);
  // Notes the first error.
  void NoteError(std::string_view error);
  void NoteClose(const CloseReason& reason) { outcome_.close = reason; }
  // Timeline: what the messages under way did until `now`, when their connection failed.
  void NoteLost(TimePoint now);
  void NoteClosed(TimePoint now);

  // What the group knows about this lane.
  bool finished = false;    // Its part of the run is over.
  bool placed = false;      // It has its turn.
  std::string open_error;   // Why it could not be opened, the last time that this was tried.
  std::string stray_error;  // Went wrong between two runs: the next run reports it.
  ListHook hook;            // In the group's queue for a turn.

 private:
  enum class Link : uint8_t { kShut, kConnecting, kOpen, kClosing };
  struct InFlight {
    TimePoint sent_at;
    TimePoint written_at;     // Timeline only; TimePoint(): not yet.
    TimePoint first_byte_at;  // Timeline only; TimePoint(): not yet.
    size_t bytes = 0;
  };

  ConnectionCallbacks MakeCallbacks();
  void OnOpen();
  void OnBytes(Buffer& input);
  void OnDrained();
  void OnClose(const CloseReason& reason);

  InFlight& Slot(uint64_t message) { return slots_[message & (slots_.size() - 1)]; }
  // The three that a message passes are short and inlined; what goes wrong is not.
  bool SendNext(Connection& connection, TimePoint now);
  // Prepares for the reply to the message that is answered next. False as Pump.
  bool Expect(const MessageBytes& message);
  bool ExpectNext();
  MatchOutcome Match(Buffer& input);
  void OnAnswered(TimePoint now);
  ABSL_ATTRIBUTE_NOINLINE void FailNotOpen();
  ABSL_ATTRIBUTE_NOINLINE void FailWrite(IoError error);
  ABSL_ATTRIBUTE_NOINLINE void FailEmptyReply();
  ABSL_ATTRIBUTE_NOINLINE void FailWrongReply();
  void NoteAnswered(const InFlight& message, TimePoint now);
  void AddSpan(uint64_t message, SendPhase phase, TimePoint from, TimePoint to);

  SendGroup& group_;
  const size_t index_;
  std::unique_ptr<StreamClient> client_;  // Null until it is first needed.
  Link link_ = Link::kShut;
  CloseReason last_close_;
  TimePoint link_since_;  // When Connect or Close was called.

  const RunSpec* spec_ = nullptr;  // The group's; null between runs.
  uint64_t messages_ = 0;
  SendOutcome outcome_;
  std::vector<InFlight> slots_;  // Of the messages under way; a power of two of them.
  ByteMatcher matcher_;
  TimePoint waiting_since_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_INTERNAL_SEND_LANE_H_
