#ifndef SPINDLE_BENCH_REPORT_RUN_GROUPS_H_
#define SPINDLE_BENCH_REPORT_RUN_GROUPS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bench/report/run_record.h"

namespace spindle::bench {

// What of a record can be drawn over the number of connections: all that is the same but for that.
// Points into the record, which must outlive it and stay as it is.
struct RunGroup {
  Setting setting = {};  // Without connections and messages.
  std::vector<const ArmRecord*> arms = {};
  std::vector<const PointRecord*> points = {};
};

// In the order of the record. Any thread, as all here.
std::vector<RunGroup> GroupsOf(const RunRecord& record);

// "1 KiB messages, 10 ms RTT, 50 Mbit/s, think time 5 ms, a new connection for each"
std::string DescribeSetting(const Setting& setting);

// The point that says most: of those that decide for one arm, and among them of those about the arm
// of the first point, the one with the largest effect; if none decides, that of the most
// connections. Null if there is no point with a block.
const PointRecord* MostTelling(const std::vector<const PointRecord*>& points);
const PointRecord* MostTelling(const RunRecord& record);

// The arm called `name` under the setting of `point`, or null.
const ArmRecord* ArmOf(const RunRecord& record, const PointRecord& point, std::string_view name);

// The names of all arms, each once: first those that others are compared with. The place of a name
// is its colour on the page.
std::vector<std::string> ArmNames(const RunRecord& record);
size_t PlaceOf(const std::vector<std::string>& names, std::string_view name);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_GROUPS_H_
