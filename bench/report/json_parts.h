#ifndef SPINDLE_BENCH_REPORT_JSON_PARTS_H_
#define SPINDLE_BENCH_REPORT_JSON_PARTS_H_

#include <optional>

#include "bench/report/json_text.h"
#include "bench/report/run_format.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// Parts of a record as the file has them, for ToJson and for JSON lines. Any thread.
Json ToolJson(const ToolRecord& tool);
Json HostJson(const HostRecord& host);
Json NetJson(const NetRecord& net);
Json ConfigJson(const RunRecord& record);
Json ErrorsJson(const ErrorCounts& errors);
Json BlockJson(const BlockRecord& block);
Json IntervalJson(const IntervalRecord& interval);
Json LatencyJson(const Histogram& histogram, JsonDetail detail);
// The members that describe a setting, but for its round-trip time, which arms and points call
// differently.
Json SettingJson(const Setting& setting);
Json PointJson(const PointRecord& point);

// A number, or null if it is not finite; microseconds; seconds.
Json NumberJson(double value);
Json MicrosJson(const std::optional<Duration>& time);
Json SecondsJson(const std::optional<Duration>& time);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_JSON_PARTS_H_
