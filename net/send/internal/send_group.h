#ifndef SPINDLE_NET_SEND_INTERNAL_SEND_GROUP_H_
#define SPINDLE_NET_SEND_INTERNAL_SEND_GROUP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/intrusive_list.h"
#include "net/loop/event_loop.h"
#include "net/loop/loop_ref.h"
#include "net/loop/timer.h"
#include "net/send/internal/run_spec.h"
#include "net/send/internal/send_lane.h"
#include "net/send/send_options.h"
#include "net/send/send_result.h"
#include "net/types/close_reason.h"
#include "net/types/socket_address.h"

namespace spindle {

// What a group reports when its part of a run is over.
struct GroupReport {
  std::vector<SendOutcome> outcomes = {};  // By lane.
  TimePoint started = {};                  // When its lanes were let go.
  TimePoint last_reply = {};
  TimePoint last_close = {};
  uint64_t answered = 0;
  uint64_t bytes = 0;
  Histogram latency = {};
  std::vector<SendSpan> timeline = {};
};

// Who hears of a group; called on the plan's home loop, in tasks.
class SendHome {
 public:
  virtual ~SendHome() = default;
  // All lanes are open or have failed, or nothing had to be opened.
  virtual void OnReady(size_t group, OpenResult opened) = 0;
  virtual void OnFinished(size_t group, GroupReport report) = 0;
  virtual void OnClosed(size_t group) = 0;
};

// The lanes of one plan on one loop: opens them, gives them their turns, and finds out when the
// run is over.
//
// Loop thread only, but for the constructor and loop_ref(). Shared with the tasks that call it.
//
// Functions of the run may destroy the plan, and so stop the group, inside any call that sends or
// matches. Everything that may call them has an Entry, which keeps the group until it has returned,
// and looks at stopped() after them.
class SendGroup final : public std::enable_shared_from_this<SendGroup> {
 public:
  struct Setup {
    EventLoop& loop;
    SocketAddress server;
    SendPlanOptions options;
    LoopRef home;
    size_t number = 0;  // This group is the number-th of `groups`; lanes are dealt out in turn.
    size_t groups = 1;
  };

  explicit SendGroup(const Setup& setup);
  ~SendGroup();
  void SetHome(std::weak_ptr<SendHome> home) { home_ = std::move(home); }

  const LoopRef& loop_ref() const { return loop_ref_; }
  size_t size() const { return lanes_.size(); }

  // ---- For the plan, as tasks.

  // Opens pooled lanes that are not open; OnReady follows. With `spec` for a run, in which at most
  // `window` lanes have their turn at once; else `spec` is null.
  void Prepare(std::shared_ptr<const RunSpec> spec, size_t window);
  // Lets the lanes go. `start_line` is the plan's. OnFinished follows.
  void Go(TimePoint start_line);
  // Ends the run, or the opening, at once; every lane that is not through fails with `why`.
  void Halt(std::string_view why);
  // OnClosed follows.
  void Close();
  // Calls nobody from now on. `loop_lives`: this is the loop's thread; else there is no loop any
  // more.
  void Stop(bool loop_lives);

  // ---- For the lanes.

  class Entry {
   public:
    explicit Entry(SendGroup& group) : group_(group) { ++group_.depth_; }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
      if (--group_.depth_ == 0 && group_.last_hold_ != nullptr) [[unlikely]]
        group_.LetGo();
    }

   private:
    SendGroup& group_;
  };

  EventLoop& loop() const { return loop_; }
  const SocketAddress& server() const { return server_; }
  const SendPlanOptions& options() const { return options_; }
  bool timeline() const { return timeline_; }
  bool stopped() const { return stopped_; }

  void OnLinkOpen(SendLane& lane);
  void OnLinkFailed(SendLane& lane, std::string error);
  void OnLinkClosed(SendLane& lane, const CloseReason& reason);
  // Bytes came that belong to no reply.
  void OnStray(SendLane& lane);
  void CountReply(size_t bytes, Duration latency) {
    ++report_.answered;
    report_.bytes += bytes;
    report_.latency.Record(latency);
  }
  // A reply is complete: decides what the lane does next.
  void OnReply(SendLane& lane, TimePoint now);
  // Ends the lane's part of the run with an error, and its connection.
  void Fail(SendLane& lane, std::string_view error);
  // Gives turns to who waits for one, and ends the run if there is nothing left to do.
  void Settle() {
    if (going_ && (!waiting_.empty() || unfinished_ == 0)) SettleSlow();
  }
  void AddSpan(size_t connection, uint64_t message, SendPhase phase, TimePoint from, TimePoint to);

 private:
  void OpenMore();
  void Ready();
  void SettleSlow();
  void Fill();
  void OnLaneFinished(SendLane& lane);
  void Finish();
  void CheckClosed();
  void ArmTimer(TimePoint when);
  void OnTimer();
  void LetGo();

  EventLoop& loop_;
  const LoopRef loop_ref_;
  const SocketAddress server_;
  const SendPlanOptions options_;
  const LoopRef home_loop_;
  const size_t number_;
  const bool fresh_;
  const bool timeline_;
  std::weak_ptr<SendHome> home_;
  std::vector<std::unique_ptr<SendLane>> lanes_;

  // Opening.
  bool opening_ = false;
  size_t next_to_open_ = 0;
  size_t connecting_ = 0;
  bool closing_ = false;  // Between Close and OnClosed.

  // The run.
  std::shared_ptr<const RunSpec> spec_;  // Null between runs.
  bool going_ = false;
  size_t window_ = 0;
  size_t places_ = 0;  // Lanes that have their turn.
  size_t unfinished_ = 0;
  IntrusiveList<SendLane, &SendLane::hook> waiting_;  // Who waits for a turn.
  TimerId timer_;
  TimePoint start_line_;
  GroupReport report_;

  size_t depth_ = 0;  // Entries.
  bool stopped_ = false;
  std::shared_ptr<SendGroup> last_hold_;  // From Stop inside an Entry until the last one ends.
};

}  // namespace spindle

#endif  // SPINDLE_NET_SEND_INTERNAL_SEND_GROUP_H_
