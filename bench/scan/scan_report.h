#ifndef SPINDLE_BENCH_SCAN_SCAN_REPORT_H_
#define SPINDLE_BENCH_SCAN_SCAN_REPORT_H_

#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/scan/port_scan.h"
#include "bench/scan/scan_targets.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// What a scan has found. Plain data.
struct ScanReport {
  std::vector<ScanHost> hosts;
  std::vector<SocketAddress> targets;
  std::vector<PortResult> results;  // In any order; fewer than targets if it was interrupted.
  Duration took{0};
  size_t lowered_to = 0;  // How many were tried at once in the end, if that is fewer than asked.

  size_t Count(PortState state) const;
  // Nothing was heard of any host: no way to it, or this machine refused.
  bool nothing_reached() const;
};

enum class ScanRows : uint8_t { kOpen, kAll };

// A line for each port that is open (or for all), in the order of the targets, and what there was
// besides. Any thread.
std::string ScanText(const ScanReport& report, ScanRows rows);

// All of it, schema "spindle.scan/1".
std::string ScanJson(const ScanReport& report);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SCAN_SCAN_REPORT_H_
