#ifndef SPINDLE_BENCH_SEND_MODES_WINDOWED_SENDS_H_
#define SPINDLE_BENCH_SEND_MODES_WINDOWED_SENDS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/clock.h"
#include "base/histogram.h"
#include "bench/send_modes/sender_pool.h"

namespace spindle::bench {

// Sends the same number of messages over each connection of a pool, with at most `window` of the
// connections awaiting a reply at a time. Who has got a reply queues up behind the others.
//
// Window 1 is "sequential": message and reply on connection 0, then 1, and so on, and from the
// start again. A window as large as the pool is "parallel": all send at once, and each its next
// message as soon as it has its reply. All else is the same for both: loop, connections, bytes.
//
// Loop thread only; the pool must outlive it.
class WindowedSends final : private SenderPool::Listener {
 public:
  WindowedSends(SenderPool& pool, size_t window, uint64_t messages_per_connection);
  ~WindowedSends();
  WindowedSends(const WindowedSends&) = delete;
  WindowedSends& operator=(const WindowedSends&) = delete;

  void Start();
  // Each message has its reply or is lost.
  bool done() const { return started_ && in_flight_ == 0; }

  uint64_t answered() const { return answered_; }
  // Messages without a reply, those that were not sent any more included.
  uint64_t lost() const { return lost_; }
  // From Start to the last reply. Valid once done.
  Duration wall() const { return last_reply_ - start_; }
  const Histogram& latency() const { return latency_; }

 private:
  void OnReply(size_t connection, Duration latency) override;
  void OnLost(size_t connection) override;
  void Fill();
  void GiveUp(size_t connection);

  SenderPool& pool_;
  const size_t window_;
  std::vector<uint64_t> left_;  // Messages to send, by connection.
  std::deque<size_t> waiting_;  // Connections with messages left and none under way.
  size_t in_flight_ = 0;
  uint64_t answered_ = 0;
  uint64_t lost_ = 0;
  bool started_ = false;
  TimePoint start_;
  TimePoint last_reply_;
  Histogram latency_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_WINDOWED_SENDS_H_
