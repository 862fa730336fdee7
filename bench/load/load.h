#ifndef SPINDLE_BENCH_LOAD_LOAD_H_
#define SPINDLE_BENCH_LOAD_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/histogram.h"

namespace spindle::bench {

// What went wrong, in words, and how often.
using ErrorCounts = std::map<std::string, uint64_t, std::less<>>;

inline uint64_t TotalErrors(const ErrorCounts& errors) {
  uint64_t total = 0;
  for (const auto& [what, count] : errors) total += count;
  return total;
}

// What a load has done in the measured time.
struct LoadCounts {
  uint64_t messages = 0;  // Answered in full, each byte as it should be.
  uint64_t bytes = 0;     // In them, one way.
  // To the last byte of the answer. Closed loop: from the call that sends, of `messages`. Open
  // loop: from the intended send time, of the messages intended in the measured time, whenever
  // their answers came.
  Histogram latency;
  Histogram send_lag;  // Open loop: from the intended send time to the call that sends.

  void Merge(const LoadCounts& other) {
    messages += other.messages;
    bytes += other.bytes;
    latency.Merge(other.latency);
    send_lag.Merge(other.send_lag);
  }
};

// A load on one server, from one loop. Closed loop: who gets an answer sends the next message, so
// that a server that stands still is asked less and its stalls weigh little in the percentiles.
// Open loop: messages are sent by a schedule, whoever has answered.
//
// Loop thread only. What happens is seen between two turns of the loop.
class Load {
 public:
  virtual ~Load() = default;

  // Opens the connections that are kept open, if any.
  virtual void Connect() = 0;
  // Each of them is open or has failed.
  virtual bool connected() const = 0;
  // Starts the messages, now; an open loop's schedule counts from `start`, which is about now. Can
  // be called again once idle.
  virtual void Start(TimePoint start) = 0;
  // Sends no more; answers under way are still waited for and checked.
  virtual void Stop() = 0;
  // After Stop: nothing is under way any more.
  virtual bool idle() const = 0;
  // Messages under way.
  virtual uint64_t in_flight() const = 0;
  // Connections open now, and all that ever were.
  virtual size_t open() const = 0;
  virtual uint64_t opened() const = 0;
  // Nothing can come any more, as all connections have ended.
  virtual bool dead() const = 0;
  // Nobody waits any longer for what is under way. Open loop: it counts with the time it took so
  // far, since to leave out the longest waits would flatter the server.
  virtual void GiveUp(TimePoint /*now*/) {}

  const LoadCounts& counts() const { return counts_; }
  // Counts what happens from now on; of an open loop also what was meant to happen from `begin` on.
  void BeginMeasuring(TimePoint begin) {
    counts_ = {};
    measuring_ = true;
    begin_ = begin;
  }
  void EndMeasuring(TimePoint end) {
    measuring_ = false;
    end_ = end;
  }
  const ErrorCounts& errors() const { return errors_; }

 protected:
  // A message was answered.
  void CountMessage(size_t bytes) {
    if (!measuring_) return;
    ++counts_.messages;
    counts_.bytes += bytes;
  }
  // Closed loop, with CountMessage.
  void CountLatency(Duration latency) {
    if (measuring_) counts_.latency.Record(latency);
  }
  // Open loop.
  void CountLatency(TimePoint intended, TimePoint now) {
    if (InMeasuredTime(intended)) counts_.latency.Record(now - intended);
  }
  void CountSendLag(TimePoint intended, TimePoint now) {
    if (InMeasuredTime(intended)) counts_.send_lag.Record(now - intended);
  }
  void CountError(std::string what, uint64_t times = 1) { errors_[std::move(what)] += times; }

 private:
  bool InMeasuredTime(TimePoint time) const { return time >= begin_ && time < end_; }

  LoadCounts counts_;
  ErrorCounts errors_;
  bool measuring_ = true;  // From the beginning, unless BeginMeasuring is called.
  TimePoint begin_ = TimePoint::min();
  TimePoint end_ = kNever;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_LOAD_H_
