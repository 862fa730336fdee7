#include "tests/bench/cli/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"

namespace spindle::bench {
namespace {

// Where Bazel puts it for tests.
constexpr char kPath[] = "bench/cli/spindle";

}  // namespace

Program::Program(const std::vector<std::string>& arguments, int descriptors, void (*before)()) {
  int pipe_ends[2];
  SPINDLE_CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
  err_.reset(pipe_ends[0]);
  OwnedFd err_write(pipe_ends[1]);
  out_.reset(memfd_create("stdout", MFD_CLOEXEC));
  SPINDLE_CHECK(out_.valid());

  std::vector<char*> argv = {const_cast<char*>(kPath)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  SPINDLE_CHECK(pid_ >= 0);
  if (pid_ > 0) return;
  dup2(out_.get(), STDOUT_FILENO);
  dup2(err_write.get(), STDERR_FILENO);
  if (descriptors > 0) {
    const rlimit limit = {static_cast<rlim_t>(descriptors), static_cast<rlim_t>(descriptors)};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (before != nullptr) before();
  execv(kPath, argv.data());
  _exit(126);
}

Program::~Program() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Program::ReadLine(std::string* line) {
  while (true) {
    const size_t end = read_ahead_.find('\n');
    if (end != std::string::npos) {
      *line = read_ahead_.substr(0, end);
      read_ahead_.erase(0, end + 1);
      return true;
    }
    char block[4096];
    const ssize_t size = read(err_.get(), block, sizeof block);
    if (size <= 0) return false;
    read_ahead_.append(block, static_cast<size_t>(size));
  }
}

std::string Program::WaitForLine(const std::string& start) {
  std::string line;
  while (ReadLine(&line)) {
    if (line.starts_with(start)) return line.substr(start.size());
  }
  return "";
}

void Program::Signal(int signal) { SPINDLE_CHECK(kill(pid_, signal) == 0); }

ProgramResult Program::Wait() {
  ProgramResult result;
  std::string line;
  while (ReadLine(&line)) result.err += line + "\n";
  result.err += read_ahead_;
  int status = 0;
  SPINDLE_CHECK(waitpid(std::exchange(pid_, -1), &status, 0) > 0);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  lseek(out_.get(), 0, SEEK_SET);
  char block[4096];
  for (ssize_t size; (size = read(out_.get(), block, sizeof block)) > 0;) {
    result.out.append(block, static_cast<size_t>(size));
  }
  return result;
}

ProgramResult RunProgram(const std::vector<std::string>& arguments, int descriptors,
                         void (*before)()) {
  return Program(arguments, descriptors, before).Wait();
}

}  // namespace spindle::bench
