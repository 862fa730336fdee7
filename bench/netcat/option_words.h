#ifndef SPINDLE_BENCH_NETCAT_OPTION_WORDS_H_
#define SPINDLE_BENCH_NETCAT_OPTION_WORDS_H_

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace spindle::bench {

// One option as the user may give it.
struct OptionSpec {
  char letter = 0;              // 0: has a long name only.
  const char* name = "";        // Without the dashes; empty: has a letter only.
  const char* value = nullptr;  // What its value is called; null: takes none.
  const char* help = "";
};

// A command line taken apart.
struct OptionWords {
  // In the order given: the place in the specs, and the value.
  std::vector<std::pair<size_t, std::string>> options;
  std::vector<std::string> operands;
};

// Takes `words` apart as getopt(3) does: letters may be bundled ("-zv"), a value may follow its
// letter at once or as the next word, whatever that begins with ("-q -1"), options and operands may
// be mixed, "--" ends the options. Any thread. Errors: kInvalidArgument, naming the option.
absl::StatusOr<OptionWords> ParseOptionWords(std::span<const OptionSpec> specs,
                                             std::span<const std::string> words);

// A line for each option, in two columns.
std::string OptionHelp(std::span<const OptionSpec> specs);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_OPTION_WORDS_H_
