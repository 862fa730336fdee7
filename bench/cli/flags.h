#ifndef SPINDLE_BENCH_CLI_FLAGS_H_
#define SPINDLE_BENCH_CLI_FLAGS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace spindle::bench {

// Options in the syntax of base/parse.h. `target` holds the default, which the help shows, and must
// live until the command line has been parsed. A value that is refused ends the parse with one line
// that names the option.

struct SizeRange {
  uint64_t min = 0;
  uint64_t max = UINT64_MAX;
};

// Both ends included.
struct DurationRange {
  Duration min = Duration::zero();
  Duration max = Duration::max();
};

constexpr DurationRange kAboveZero = {.min = Duration(1)};

// "5ms", "1.5s"
CLI::Option* AddDuration(CLI::App& app, const std::string& names, Duration& target,
                         const std::string& description, DurationRange range = {});
// "64K", "1M"
CLI::Option* AddSize(CLI::App& app, const std::string& names, uint64_t& target, SizeRange range,
                     const std::string& description);
// "1,2,4..32"
CLI::Option* AddList(CLI::App& app, const std::string& names, std::vector<uint64_t>& target,
                     SizeRange range, const std::string& description);

// "50Mbit", "1Gbit"
CLI::Option* AddBitRate(CLI::App& app, const std::string& names, uint64_t& target,
                        const std::string& description);
// "1%", as a share from 0 to 1
CLI::Option* AddPercent(CLI::App& app, const std::string& names, double& target,
                        const std::string& description);

// One of `choices`, by its place among them; `target` holds the default's.
CLI::Option* AddChoice(CLI::App& app, const std::string& names, std::vector<std::string> choices,
                       size_t& target, const std::string& description);

// --json (to stdout, in place of the table) or --json=FILE. Unset: no JSON.
CLI::Option* AddJson(CLI::App& app, std::optional<std::string>& target);

// HOST PORT, or unix:/path alone.
CLI::Option* AddEndpoint(CLI::App& app, std::vector<std::string>& target,
                         const std::string& description);

// The arguments with each bare "--json" or "--jsonl" written as "--json=-": their value is
// optional, and must not be taken from the words that follow.
std::vector<std::string> WithExplicitJson(std::vector<std::string> arguments);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_FLAGS_H_
