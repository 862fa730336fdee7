#ifndef SPINDLE_TESTS_SIM_SEED_RANGE_H_
#define SPINDLE_TESTS_SIM_SEED_RANGE_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace spindle {

// The seeds that a simulation's command line asks for.
struct SeedRange {
  uint64_t first = 1;
  uint64_t count = 1000;
};

// SPINDLE_SEEDS of the environment, a positive number; without it `usual`.
inline uint64_t SeedCount(uint64_t usual) {
  const char* const text = std::getenv("SPINDLE_SEEDS");
  uint64_t count = 0;
  return text != nullptr && absl::SimpleAtoi(text, &count) && count > 0 ? count : usual;
}

// [--seed=N | --seeds=COUNT [--first=N]]. For anything else it prints how `program` is used, and
// there is none.
inline std::optional<SeedRange> ParseSeedRange(int argc, char** argv, const char* program) {
  SeedRange range;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    bool ok = false;
    if (absl::ConsumePrefix(&argument, "--seed=")) {
      ok = absl::SimpleAtoi(argument, &range.first);
      range.count = 1;
    } else if (absl::ConsumePrefix(&argument, "--seeds=")) {
      ok = absl::SimpleAtoi(argument, &range.count);
    } else if (absl::ConsumePrefix(&argument, "--first=")) {
      ok = absl::SimpleAtoi(argument, &range.first);
    }
    if (!ok) {
      std::fprintf(stderr, "usage: %s [--seed=N | --seeds=COUNT [--first=N]]\n", program);
      return std::nullopt;
    }
  }
  return range;
}

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_SEED_RANGE_H_
