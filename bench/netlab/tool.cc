#include "bench/netlab/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

absl::StatusOr<std::string> Find(std::string_view program) {
  const char* const path = std::getenv("PATH");
  const std::string folders = Concat(path == nullptr ? "" : path, ":/usr/sbin:/sbin");
  std::string_view rest = folders;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    const std::string candidate = Concat(folder, "/", program);
    if (folder.starts_with('/') && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return absl::NotFoundError(Concat("the program ", program, " is not installed"));
}

std::string ReadAll(const OwnedFd& file) {
  std::string text;
  char block[4096];
  lseek(file.get(), 0, SEEK_SET);
  for (ssize_t size; (size = read(file.get(), block, sizeof block)) > 0;) {
    text.append(block, static_cast<size_t>(size));
  }
  return text;
}

// The tool starts with a clean slate, whatever the calling thread has blocked.
absl::StatusOr<pid_t> Spawn(const std::string& path, std::vector<char*>& argv, const OwnedFd& out,
                            const OwnedFd& err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return ErrnoStatus(Concat("run ", path), error);
  return pid;
}

}  // namespace

absl::StatusOr<std::string> RunTool(const std::vector<std::string>& words) {
  const absl::StatusOr<std::string> path = Find(words.front());
  if (!path.ok()) return path.status();
  const OwnedFd out(memfd_create("stdout", MFD_CLOEXEC));
  const OwnedFd err(memfd_create("stderr", MFD_CLOEXEC));
  if (!out.valid() || !err.valid()) return ErrnoStatus("memfd_create", errno);
  std::vector<char*> argv;
  std::string line;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
    Append(line, line.empty() ? "" : " ", word);
  }
  argv.push_back(nullptr);
  const absl::StatusOr<pid_t> pid = Spawn(*path, argv, out, err);
  if (!pid.ok()) return pid.status();
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus(Concat("wait for ", *path), errno);
  }
  if (status == 0) return ReadAll(out);
  const std::string said = ReadAll(err);
  return absl::UnavailableError(Concat(line, ": ", said.substr(0, said.find('\n'))));
}

}  // namespace spindle::bench
