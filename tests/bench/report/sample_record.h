#ifndef SPINDLE_TESTS_BENCH_REPORT_SAMPLE_RECORD_H_
#define SPINDLE_TESTS_BENCH_REPORT_SAMPLE_RECORD_H_

#include "bench/report/run_record.h"

namespace spindle::bench {

// Records as the tools make them, from a seeded generator: the same in every run.

// "Sequential against parallel" at 10 ms of round-trip time with all that a record can hold: model,
// noise floor, timeline, intervals, server CPU, a comparison.
RunRecord SampleSeqpar();

// A closed-loop load: one arm, no points.
RunRecord SampleBench();

// Interrupted before its first block was complete.
RunRecord SampleInterrupted();

// Text that would break a page, a table or a terminal in every place that holds text.
RunRecord SampleHostile();

// Many connections, settings and blocks: what is large.
RunRecord SampleLarge();

}  // namespace spindle::bench

#endif  // SPINDLE_TESTS_BENCH_REPORT_SAMPLE_RECORD_H_
