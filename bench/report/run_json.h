#ifndef SPINDLE_BENCH_REPORT_RUN_JSON_H_
#define SPINDLE_BENCH_REPORT_RUN_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// `record` as JSON of schema "spindle.run/1", with what this machine and build are; indented, ends
// in a newline. Numbers that are not finite become null. Any thread.
std::string ToJson(const RunRecord& record);

// Writes it to the file `path`, or to stdout for "-". Errors: those of open(2) and write(2), naming
// the file.
absl::Status WriteJson(const RunRecord& record, const std::string& path);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_JSON_H_
