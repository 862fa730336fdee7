// Prints the JSON of one of the sample records: sample_run NAME. For tests in other languages.

#include <cstdio>
#include <string>

#include "bench/report/run_json.h"
#include "tests/bench/report/sample_record.h"

int main(int argc, char** argv) {
  using spindle::bench::RunRecord;
  const std::string name = argc == 2 ? argv[1] : "";
  RunRecord record;
  if (name == "seqpar") {
    record = spindle::bench::SampleSeqpar();
  } else if (name == "bench") {
    record = spindle::bench::SampleBench();
  } else if (name == "interrupted") {
    record = spindle::bench::SampleInterrupted();
  } else if (name == "hostile") {
    record = spindle::bench::SampleHostile();
  } else if (name == "large") {
    record = spindle::bench::SampleLarge();
  } else {
    std::fputs("usage: sample_run seqpar|bench|interrupted|hostile|large\n", stderr);
    return 2;
  }
  return std::fputs(spindle::bench::ToJson(record).c_str(), stdout) < 0 ? 1 : 0;
}
