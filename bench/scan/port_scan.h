#ifndef SPINDLE_BENCH_SCAN_PORT_SCAN_H_
#define SPINDLE_BENCH_SCAN_PORT_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/stream/stream_client.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

enum class PortState : uint8_t {
  kOpen,      // Somebody took the connection.
  kClosed,    // Refused: the host is there, nobody listens.
  kFiltered,  // No answer, or one that says that there is no way.
  kFailed,    // It could not be tried: this machine refused.
};

// "open", "closed", "filtered" or "failed"; a literal.
std::string_view PortStateName(PortState state);

struct PortResult {
  size_t target = 0;  // Its place in the list.
  PortState state = PortState::kFailed;
  IoError error = {};  // What connect(2) said, if not open; ETIMEDOUT after ScanOptions::timeout.
};

struct ScanOptions {
  Duration timeout = std::chrono::seconds(2);  // For each port; above 0.
  uint64_t rate = 0;                           // Attempts per second; 0: no limit.
  size_t parallel = 512;                       // Attempts under way at once; above 0.
};

// Tries to connect to each of a list of addresses, many at once, and closes what was opened.
//
// Where descriptors, memory or local ports run out, the attempt is put back and fewer are made at
// once from then on; only if one alone fails like this for five seconds does its port fail.
//
// Loop thread only, the destructor too, which abandons what is under way and calls back no more.
class PortScan {
 public:
  // `on_result` is called once for each address, in the order in which they are decided, and
  // `on_done` once after the last one; both from the loop, never inside Start. `on_done` may
  // destroy the scan, `on_result` may not.
  PortScan(EventLoop& loop, std::vector<SocketAddress> targets, const ScanOptions& options,
           absl::AnyInvocable<void(const PortResult&)> on_result,
           absl::AnyInvocable<void()> on_done);
  ~PortScan();
  PortScan(const PortScan&) = delete;
  PortScan& operator=(const PortScan&) = delete;

  // Once.
  void Start();

  size_t decided() const { return decided_; }
  // How many are made at once, as things are.
  size_t parallel() const { return parallel_; }

 private:
  bool MayStart() const {
    return attempts_.size() < parallel_ && (!again_.empty() || next_ < targets_.size());
  }
  void Fill();
  bool WaitsForRate();
  void Try(size_t target);
  // `parallel`: how many were made at once when this one began.
  void OnError(size_t target, const ConnectError& error, size_t parallel);
  void OnShortage(size_t target, IoError error, size_t parallel);
  void Decide(size_t target, PortState state, IoError error);
  void FillLater(Duration delay);

  EventLoop& loop_;
  const std::vector<SocketAddress> targets_;
  const ScanOptions options_;
  absl::AnyInvocable<void(const PortResult&)> on_result_;
  absl::AnyInvocable<void()> on_done_;
  size_t parallel_;
  size_t next_ = 0;           // The first target that was not tried yet.
  std::deque<size_t> again_;  // Those to be tried once more.
  std::unordered_map<size_t, std::unique_ptr<StreamClient>> attempts_;
  size_t decided_ = 0;
  int lonely_shortages_ = 0;  // In a row, with nothing else under way.
  TimePoint next_due_;        // With a rate.
  TimerId timer_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SCAN_PORT_SCAN_H_
