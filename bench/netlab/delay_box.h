#ifndef SPINDLE_BENCH_NETLAB_DELAY_BOX_H_
#define SPINDLE_BENCH_NETLAB_DELAY_BOX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/owned_fd.h"
#include "bench/netlab/held_packets.h"
#include "bench/netlab/link_model.h"
#include "bench/netlab/link_stats.h"
#include "net/loop/event_loop_thread.h"
#include "net/loop/fd_watcher.h"
#include "net/loop/timer.h"

namespace spindle::bench {

struct DelayBoxOptions {
  LinkOptions a_to_b = {};
  LinkOptions b_to_a = {};
  uint64_t seed = 1;
  size_t packet_bytes = 1500;  // The largest.
  // Per direction; more are dropped and counted (LinkStats::lab_dropped). Memory is taken as
  // needed.
  size_t max_packets = 65536;
};

// Carries packets between two descriptors of TUN devices, or of anything else that gives one packet
// for each read(2), on a thread of its own. No packet is early; how late they were is counted.
// While none is on its way the thread sleeps. It has real-time priority if that is allowed: a busy
// machine must not make the network slower.
//
// One thread at a time, not the box's own; stats from any thread.
class DelayBox {
 public:
  // Both descriptors must be non-blocking. Errors: those of EventLoopThread::Start and
  // FdWatcher::Create.
  static absl::StatusOr<std::unique_ptr<DelayBox>> Start(OwnedFd a, OwnedFd b,
                                                         const DelayBoxOptions& options);
  // Packets on their way are gone.
  ~DelayBox();
  DelayBox(const DelayBox&) = delete;
  DelayBox& operator=(const DelayBox&) = delete;

  struct Stats {
    LinkStats a_to_b;
    LinkStats b_to_a;
    bool real_time = false;  // The thread goes before all that have no such priority.
  };
  Stats stats() const;

 private:
  // On the box's thread, but for construction and the end.
  struct Direction {
    Direction(const LinkOptions& link, uint64_t seed, const DelayBoxOptions& options)
        : model(link, seed), held(options.packet_bytes, options.max_packets) {}

    int from = -1;
    int to = -1;
    LinkModel model;
    HeldPackets held;
    LinkStats stats;
    std::unique_ptr<FdWatcher> watcher;
  };

  DelayBox(OwnedFd a, OwnedFd b, const DelayBoxOptions& options);
  absl::Status Begin();
  // Takes in what has come, in both directions sends on what is due, and sets the timer.
  void Receive(Direction& direction);
  // False if there was no packet.
  bool ReceiveOne(Direction& direction);
  void ReleaseDue();
  void ReleaseDue(Direction& direction);
  void SetTimer();

  OwnedFd a_;
  OwnedFd b_;
  std::array<Direction, 2> directions_;  // a to b, b to a
  bool real_time_ = false;
  TimePoint timer_due_ = kNever;
  TimerId timer_;
  std::unique_ptr<EventLoopThread> thread_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_DELAY_BOX_H_
