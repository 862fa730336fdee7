#ifndef SPINDLE_BENCH_CLI_SEQPAR_RECORD_H_
#define SPINDLE_BENCH_CLI_SEQPAR_RECORD_H_

#include "bench/cli/commands.h"
#include "bench/cli/seqpar_flags.h"
#include "bench/cli/seqpar_venue.h"
#include "bench/report/run_record.h"
#include "bench/send_modes/seqpar.h"

namespace spindle::bench {

// What is known before anything is measured, but for the server, which comes with the first venue.
RunRecord SeqparRecord(const SeqparFlags& flags, const CommandLine& command_line);

// The run's title and configuration, from the first of its venues.
void DescribeVenue(const SeqparFlags& flags, const SeqparVenue& venue, RunRecord& record);

// Adds what was found at one venue, explained (bench/send_modes/explain.h).
void AddResult(const SeqparFlags& flags, const SeqparVenue& venue, SeqparResult result,
               RunRecord& record);

// Adds the warnings that a reader of the numbers must know.
void AddWarnings(const SeqparFlags& flags, RunRecord& record);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_SEQPAR_RECORD_H_
