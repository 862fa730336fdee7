#ifndef SPINDLE_TESTS_BENCH_CLI_PROGRAM_H_
#define SPINDLE_TESTS_BENCH_CLI_PROGRAM_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/owned_fd.h"

namespace spindle::bench {

// How the program `spindle` ended.
struct ProgramResult {
  int exit_code = -1;  // -1 if a signal killed it.
  int signal = 0;
  std::string out;
  std::string err;  // Without the lines that WaitForLine has returned.
};

// One run of the program `spindle`, as a process. One thread at a time. Killed, if it still runs,
// by the destructor.
class Program {
 public:
  // `descriptors` above 0: it may have so many open. `before`, if given, is called in the new
  // process before it becomes the program.
  explicit Program(const std::vector<std::string>& arguments, int descriptors = 0,
                   void (*before)() = nullptr);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Reads stderr up to a line that starts with `start`, and returns what follows there; the empty
  // text if stderr ends before.
  std::string WaitForLine(const std::string& start);
  void Signal(int signal);
  pid_t pid() const { return pid_; }
  // Waits for its end. Once.
  ProgramResult Wait();

 private:
  bool ReadLine(std::string* line);

  pid_t pid_ = -1;
  OwnedFd out_;  // A file without a name: however much comes, the program never blocks.
  OwnedFd err_;  // A pipe.
  std::string read_ahead_;
};

// Runs the program to its end.
ProgramResult RunProgram(const std::vector<std::string>& arguments, int descriptors = 0,
                         void (*before)() = nullptr);

}  // namespace spindle::bench

#endif  // SPINDLE_TESTS_BENCH_CLI_PROGRAM_H_
