#include "bench/cli/lab_program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/errno_status.h"
#include "base/owned_fd.h"

namespace spindle::bench {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// This process's environment; of equal names the new value counts.
std::vector<std::string> Environment(const std::vector<std::string>& additions) {
  std::vector<std::string> all = additions;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('=') + 1);
    if (std::none_of(additions.begin(), additions.end(),
                     [&](const std::string& addition) { return addition.starts_with(name); })) {
      all.emplace_back(text);
    }
  }
  return all;
}

// In the child, where other threads' locks may be held for ever: system calls only. Returns if it
// could not become the program.
void Become(const LabProgramOptions& options, char* const argv[], char* const envp[],
            pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // It ended before it could be watched.
  if (options.place == LabPlace::kBackground) {
    setpgid(0, 0);
    const int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, STDIN_FILENO);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (setns(options.namespace_fd, CLONE_NEWNET) != 0) return;
  execvpe(argv[0], argv, envp);
}

}  // namespace

absl::StatusOr<pid_t> StartInLab(const LabProgramOptions& options) {
  const std::vector<std::string> environment = Environment(options.environment);
  const std::vector<char*> argv = Pointers(options.words);
  const std::vector<char*> envp = Pointers(environment);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus("pipe", errno);
  const OwnedFd read_end(ends[0]);
  OwnedFd write_end(ends[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("fork", errno);
  if (pid == 0) {
    Become(options, argv.data(), envp.data(), parent);
    const int error = errno;
    const ssize_t written = write(write_end.get(), &error, sizeof error);
    _exit(written > 0 ? 126 : 125);
  }
  // The end of the pipe, which execve closes, says that the program runs.
  write_end.reset();
  int error = 0;
  ssize_t size = 0;
  while ((size = read(read_end.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  if (size != sizeof error) return pid;
  waitpid(pid, nullptr, 0);
  return ErrnoStatus(options.words.front(), error);
}

int ShellExitCode(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace spindle::bench
