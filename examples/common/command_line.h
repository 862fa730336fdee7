#ifndef SPINDLE_EXAMPLES_COMMON_COMMAND_LINE_H_
#define SPINDLE_EXAMPLES_COMMON_COMMAND_LINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/types/socket_address.h"

namespace examples {

// What the examples exit with.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;         // It ran, but something went wrong.
inline constexpr int kExitUsage = 2;          // The command line makes no sense.
inline constexpr int kExitCannotConnect = 3;  // Cannot bind or connect.

// Prints "PROGRAM: MESSAGE" as one line on stderr and ends the process.
[[noreturn]] void Die(int exit_code, std::string_view message);

// The command line of an example: HOST PORT, then what else the example takes, with options
// "--name=VALUE" anywhere. Whatever is wrong ends the process with a message and the usage. One
// thread.
class CommandLine {
 public:
  // `usage` is what follows the program's name: "[--loops=N] HOST PORT". Options that it does not
  // contain are refused, as are fewer arguments than `min_arguments` and more than `max_arguments`.
  CommandLine(int argc, char** argv, std::string_view usage, size_t min_arguments = 2,
              size_t max_arguments = 2);

  // The first two arguments, resolved. Ends the process (kExitCannotConnect) if there is no such
  // host.
  spindle::SocketAddress Address() const;
  const std::vector<std::string>& arguments() const { return arguments_; }

  // The number behind "--name=", `otherwise` if the option was not given.
  uint64_t Number(std::string_view name, uint64_t otherwise) const;

  // Prints `problem` and the usage and ends the process.
  [[noreturn]] void DieOfMisuse(std::string_view problem) const;

 private:
  void ParseOption(std::string_view text);

  const std::string usage_;
  std::vector<std::string> arguments_;
  std::map<std::string, std::string, std::less<>> options_;
};

// A whole number from a command line; ends the process if `text` is none.
int64_t ParseInteger(std::string_view text);

}  // namespace examples

#endif  // SPINDLE_EXAMPLES_COMMON_COMMAND_LINE_H_
