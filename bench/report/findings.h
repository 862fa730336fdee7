#ifndef SPINDLE_BENCH_REPORT_FINDINGS_H_
#define SPINDLE_BENCH_REPORT_FINDINGS_H_

#include <string>

#include "bench/report/run_record.h"

namespace spindle::bench {

// What a run found, in one sentence, with the verdict as one word or two. Plain text. Any thread.
struct Finding {
  enum class Tone : uint8_t { kGood, kBad, kNeutral, kUnknown };

  std::string sentence;
  std::string verdict;  // "faster", "same", "cannot tell", "load test", "interrupted"
  Tone tone = Tone::kUnknown;
};

// "Parallel was 7.96× as fast as sequential [7.78, 8.04] for 8 connections of 1 KiB at 10 ms RTT;
// the model said 7.89×."
Finding FindingOf(const PointRecord& point);

// Of the whole run: that of its most telling point, or what an arm that is not compared did.
Finding FindingOf(const RunRecord& record);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_FINDINGS_H_
