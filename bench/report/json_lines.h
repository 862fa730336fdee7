#ifndef SPINDLE_BENCH_REPORT_JSON_LINES_H_
#define SPINDLE_BENCH_REPORT_JSON_LINES_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"
#include "bench/report/run_record.h"

namespace spindle::bench {

// Tells while a run goes on what there is so far: one JSON object a line, each written at once, so
// that a reader behind a pipe sees it and a run that is killed leaves what it had.
//
//   {"event":"start","schema":"spindle.run/1","tool":...,"cmd":...,"seed":...,"host":...,"net":...,
//    "config":...}
//   {"event":"interval","arm":NAME,"connections":N,"start_s":...,"len_s":...,"msgs":...,"bytes":...}
//   {"event":"block","arm":NAME,"connections":N,"message_bytes":S,"block":...,"wall_s":..., ...}
//   {"event":"end","points":[...],"errors":{...},"interrupted":...,"warnings":[...]}
//
// One thread at a time. A write that fails is kept: what follows is dropped, and End returns the
// error, so that a full disk stops no measurement.
class JsonLines {
 public:
  // Writes to the file `path`, which is emptied, or to stdout for "-". Errors: those of open(2).
  static absl::StatusOr<std::unique_ptr<JsonLines>> Open(const std::string& path);

  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  // Of `record` what is known before anything is measured.
  void Start(const RunRecord& record);
  void Interval(std::string_view arm, const Setting& setting, const IntervalRecord& interval);
  void Block(std::string_view arm, const Setting& setting, const BlockRecord& block);
  // The last line, and the first error there was.
  absl::Status End(const RunRecord& record);

 private:
  JsonLines(OwnedFd file, std::string path);
  void Write(std::string line);

  OwnedFd file_;  // Invalid: stdout.
  const std::string path_;
  absl::Status status_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_JSON_LINES_H_
