#ifndef SPINDLE_BENCH_REPORT_READ_RUN_H_
#define SPINDLE_BENCH_REPORT_READ_RUN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// The record that ToJson has written as `text`. Members that are not known are passed over, as
// later versions may add some; those that the first version of the format did not have may be
// missing. What the file does not say comes back as ToJson's reader expects it: null as nullopt or
// infinity, a latency without buckets as an empty histogram.
//
// Any thread. Errors: kInvalidArgument with the place of the first thing that is wrong, such as
// "points[3].speedup: a number is missing", or line and column of what is no JSON. Any input is
// safe.
absl::StatusOr<RunRecord> RunFromJson(std::string_view text);

// The same from the file `path`, or stdin for "-". Errors name the file; also those of open(2) and
// read(2).
absl::StatusOr<RunRecord> ReadRun(const std::string& path);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_READ_RUN_H_
