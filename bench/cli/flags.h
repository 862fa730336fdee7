#ifndef SPINDLE_BENCH_CLI_FLAGS_H_
#define SPINDLE_BENCH_CLI_FLAGS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/strings.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace spindle::bench {

// The options of commands: all that flags.cc and main.cc know of CLI11, whose headers make each
// file that reads them an object of half a megabyte. `target` holds the default, which the help
// shows, and must live until the command line has been parsed. A value that is refused ends the
// parse with one line that names the option.

// An option that has been added; the calls chain.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  // What the help calls the value.
  Option Type(const std::string& name);
  // What the help shows as default.
  Option Default(const std::string& text);
  Option Required();
  // How many words it takes.
  Option Times(int least, int most);
  Option CommaSeparated();
  // Not without the option `other`.
  Option Needs(const std::string& other);

 private:
  CLI::Option* option_;
};

// A command of `program`.
CLI::App& AddCommand(CLI::App& program, const std::string& name, const std::string& description);
// The last lines of its help.
void SetFooter(CLI::App& app, const std::string& text);

// Ends the parse: the option `name` cannot be, because it `why`. To be called while parsing.
[[noreturn]] void RefuseOption(const std::string& name, const std::string& why);
// What a parser made of the option's text; an error ends the parse by its message.
template <typename T>
T ValueOrRefuse(const std::string& name, absl::StatusOr<T> value) {
  if (!value.ok()) RefuseOption(name, std::string(FromAbsl(value.status().message())));
  return *std::move(value);
}
// Whether the command line has this option.
bool Given(const CLI::App& app, const std::string& name);
// For what options say together: called when all have been read.
void OnceParsed(CLI::App& app, std::function<void()> check);

// An option without a value, which is on if it is there; "!--no-x" among the names turns it off.
Option AddSwitch(CLI::App& app, const std::string& names, bool& target,
                 const std::string& description);
// Text as it is. A name without dashes takes words that belong to no option.
Option AddText(CLI::App& app, const std::string& names, std::string& target,
               const std::string& description);
Option AddText(CLI::App& app, const std::string& names, std::optional<std::string>& target,
               const std::string& description);
Option AddText(CLI::App& app, const std::string& names, std::vector<std::string>& target,
               const std::string& description);
// Text that `take` makes something of; it may call RefuseOption.
Option AddParsed(CLI::App& app, const std::string& names,
                 std::function<void(const std::string&)> take, const std::string& description);
// As often as the command line has it, all in one call.
Option AddParsedList(CLI::App& app, const std::string& names,
                     std::function<void(const std::vector<std::string>&)> take,
                     const std::string& description);

// Values in the syntax of base/parse.h.

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
Option AddDuration(CLI::App& app, const std::string& names, Duration& target,
                   const std::string& description, DurationRange range = {});
// "64K", "1M"
Option AddSize(CLI::App& app, const std::string& names, uint64_t& target, SizeRange range,
               const std::string& description);
// "1,2,4..32"
Option AddList(CLI::App& app, const std::string& names, std::vector<uint64_t>& target,
               SizeRange range, const std::string& description);

// "50Mbit", "1Gbit"
Option AddBitRate(CLI::App& app, const std::string& names, uint64_t& target,
                  const std::string& description);
// "1%", as a share from 0 to 1
Option AddPercent(CLI::App& app, const std::string& names, double& target,
                  const std::string& description);

// One of `choices`, by its place among them; `target` holds the default's.
Option AddChoice(CLI::App& app, const std::string& names, std::vector<std::string> choices,
                 size_t& target, const std::string& description);

// --json (to stdout, in place of the table) or --json=FILE. Unset: no JSON.
Option AddJson(CLI::App& app, std::optional<std::string>& target);

// HOST PORT, or unix:/path alone.
Option AddEndpoint(CLI::App& app, std::vector<std::string>& target, const std::string& description);

// The arguments with each bare "--json" or "--jsonl" written as "--json=-": their value is
// optional, and must not be taken from the words that follow.
std::vector<std::string> WithExplicitJson(std::vector<std::string> arguments);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_FLAGS_H_
