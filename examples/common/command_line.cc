#include "examples/common/command_line.h"

#include <errno.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "base/strings.h"
#include "net/stream/resolver.h"

namespace examples {

using spindle::Concat;

void Die(int exit_code, std::string_view message) {
  const std::string line = Concat(program_invocation_short_name, ": ", message, '\n');
  std::fputs(line.c_str(), stderr);
  std::exit(exit_code);
}

CommandLine::CommandLine(int argc, char** argv, std::string_view usage, size_t min_arguments,
                         size_t max_arguments)
    : usage_(usage) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view text = argv[i];
    if (text.starts_with("--")) {
      ParseOption(text);
    } else {
      arguments_.emplace_back(text);
    }
  }
  if (arguments_.size() < min_arguments) DieOfMisuse("too few arguments");
  if (arguments_.size() > max_arguments) DieOfMisuse("too many arguments");
}

void CommandLine::ParseOption(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string name(text.substr(0, equals));
  if (equals == text.npos || usage_.find(name + "=") == usage_.npos) {
    DieOfMisuse(Concat("no such option: ", text));
  }
  options_[name] = text.substr(equals + 1);
}

spindle::SocketAddress CommandLine::Address() const {
  const spindle::ResolveResult addresses = spindle::ResolveNow(arguments_[0], arguments_[1]);
  if (!addresses.ok()) {
    Die(kExitCannotConnect, spindle::FromAbsl(addresses.status().message()));
  }
  return addresses->front();
}

uint64_t CommandLine::Number(std::string_view name, uint64_t otherwise) const {
  const auto found = options_.find(name);
  if (found == options_.end()) return otherwise;
  const int64_t number = ParseInteger(found->second);
  if (number < 0) DieOfMisuse(Concat(name, " must not be negative"));
  return static_cast<uint64_t>(number);
}

void CommandLine::DieOfMisuse(std::string_view problem) const {
  Die(kExitUsage, Concat(problem, "; usage: ", program_invocation_short_name, ' ', usage_));
}

int64_t ParseInteger(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) Die(kExitUsage, Concat("not a number: ", text));
  return number;
}

}  // namespace examples
