#ifndef SPINDLE_BENCH_REPORT_RUN_JSON_H_
#define SPINDLE_BENCH_REPORT_RUN_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "bench/report/run_format.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// `record` as JSON of schema "spindle.run/1" (spindle.run.1.schema.json): one line for each member,
// and for each element of a list; ends in a newline. Numbers that are not finite become null, and
// text that is not UTF-8 gets U+FFFD. What this machine and program are is added where the record
// does not say. Any thread.
std::string ToJson(const RunRecord& record, JsonDetail detail = JsonDetail::kAll);

// Writes it to the file `path`, or to stdout for "-". Errors: those of open(2) and write(2), naming
// the file.
absl::Status WriteJson(const RunRecord& record, const std::string& path);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_JSON_H_
