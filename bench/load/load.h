#ifndef SPINDLE_BENCH_LOAD_LOAD_H_
#define SPINDLE_BENCH_LOAD_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/histogram.h"

namespace spindle::bench {

// What went wrong, in words, and how often.
using ErrorCounts = std::map<std::string, uint64_t, std::less<>>;

inline uint64_t TotalErrors(const ErrorCounts& errors) {
  uint64_t total = 0;
  for (const auto& [what, count] : errors) total += count;
  return total;
}

// What a load has done since its counts were last cleared.
struct LoadCounts {
  uint64_t messages = 0;  // Answered in full, each byte as it should be.
  uint64_t bytes = 0;     // In them, one way.
  Histogram latency;      // From the call that sends to the last byte of the answer.
};

// A closed-loop load on one server, from one loop: who gets an answer sends the next message.
// Closed loop means that a server that stands still is asked less, so that its stalls weigh little
// in the percentiles.
//
// Loop thread only. What happens is seen between two turns of the loop.
class Load {
 public:
  virtual ~Load() = default;

  // Opens the connections that are kept open, if any.
  virtual void Connect() = 0;
  // Each of them is open or has failed.
  virtual bool connected() const = 0;
  // Starts the messages.
  virtual void Start() = 0;
  // Sends no more; answers under way are still waited for and checked.
  virtual void Stop() = 0;
  // After Stop: nothing is under way any more.
  virtual bool idle() const = 0;
  // Messages under way.
  virtual uint64_t in_flight() const = 0;
  // Connections open now.
  virtual size_t open() const = 0;

  const LoadCounts& counts() const { return counts_; }
  // Starts the counts again; errors stay.
  void ClearCounts() { counts_ = {}; }
  // From now on nothing is added to the counts.
  void FreezeCounts() { counting_ = false; }
  const ErrorCounts& errors() const { return errors_; }

 protected:
  void Count(Duration latency, size_t bytes) {
    if (!counting_) return;
    ++counts_.messages;
    counts_.bytes += bytes;
    counts_.latency.Record(latency);
  }
  void CountError(std::string what, uint64_t times = 1) { errors_[std::move(what)] += times; }

 private:
  LoadCounts counts_;
  ErrorCounts errors_;
  bool counting_ = true;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_LOAD_H_
