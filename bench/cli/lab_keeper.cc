#include "bench/cli/lab_keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/errno_status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr std::string_view kMarkName = "SPINDLE_NETLAB_ID=";

void ForEachProcess(absl::FunctionRef<void(pid_t)> visit) {
  DIR* const folder = opendir("/proc");
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    pid_t pid = 0;
    const char* const end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, pid).ptr == end && pid > 0) visit(pid);
  }
  closedir(folder);
}

ino_t InodeOf(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// When the process was started, in ticks since the machine was: with the number it names a process
// for good. Empty if there is none. proc(5), the 22nd field of stat.
std::string StartOf(std::string_view pid) {
  const std::string stat = ReadFile(Concat("/proc/", pid, "/stat"));
  // The second field is a name in brackets, which may contain anything.
  std::string_view rest = stat;
  rest.remove_prefix(std::min(rest.size(), rest.rfind(')') + 1));
  for (int field = 2; field < 22; ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find(' ', 1)));
  }
  if (rest.empty()) return "";
  return std::string(rest.substr(1, rest.find(' ', 1) - 1));
}

std::string MarkOf(std::string_view pid) {
  // Process numbers mean something only within their namespace.
  return Concat(pid, "-", StartOf(pid), "-", InodeOf("/proc/self/ns/pid"));
}

// The value of the mark in the environment of a process; empty if it bears none.
std::string FindMark(pid_t pid) {
  const std::string environment = ReadFile(Concat("/proc/", pid, "/environ"));
  for (size_t at = 0; at < environment.size();) {
    const std::string_view entry = environment.c_str() + at;
    if (entry.starts_with(kMarkName)) return std::string(entry.substr(kMarkName.size()));
    at += entry.size() + 1;
  }
  return "";
}

// Waits for descriptors of namespaces, and for the end of whoever has the other end of `socket`.
std::vector<OwnedFd> ReceiveNamespaces(int socket) {
  std::vector<OwnedFd> namespaces;
  while (true) {
    char byte = 0;
    iovec data = {&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return namespaces;
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    namespaces.emplace_back(fd);
  }
}

[[noreturn]] void Keep(int socket) {
  setsid();
  prctl(PR_SET_NAME, "netlab-keeper");
  // Nobody who waits for the end of the lab's output shall wait for the keeper.
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) dup2(null, fd);
  const int kept = dup2(socket, 3);
  close_range(4, ~0u, 0);
  const std::vector<OwnedFd> namespaces = ReceiveNamespaces(kept);
  std::vector<ino_t> inodes;
  for (const OwnedFd& space : namespaces) {
    struct stat status = {};
    if (fstat(space.get(), &status) == 0) inodes.push_back(status.st_ino);
  }
  KillProcessesIn(inodes);
  _exit(0);
}

}  // namespace

void KillProcessesIn(std::span<const ino_t> namespaces) {
  // A process may start others while they are looked for. The bound is for one that cannot be
  // killed.
  bool found = true;
  for (int round = 0; found && round < 1000; ++round) {
    if (round > 0) usleep(1000);
    found = false;
    ForEachProcess([&](pid_t pid) {
      if (pid == getpid()) return;
      const ino_t inode = InodeOf(Concat("/proc/", pid, "/ns/net"));
      if (std::find(namespaces.begin(), namespaces.end(), inode) == namespaces.end()) return;
      found = kill(pid, SIGKILL) == 0 || found;
    });
  }
}

std::string LabMark() { return Concat(kMarkName, MarkOf(Concat(getpid()))); }

int KillLeftovers() {
  int killed = 0;
  ForEachProcess([&](pid_t pid) {
    const std::string mark = FindMark(pid);
    if (mark.empty() || pid == getpid()) return;
    const std::string own_namespace = Concat("-", InodeOf("/proc/self/ns/pid"));
    if (!mark.ends_with(own_namespace)) return;
    if (mark != MarkOf(mark.substr(0, mark.find('-')))) killed += kill(pid, SIGKILL) == 0 ? 1 : 0;
  });
  return killed;
}

absl::StatusOr<std::unique_ptr<LabKeeper>> LabKeeper::Start() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus("socketpair", errno);
  }
  OwnedFd own(ends[0]);
  const OwnedFd of_keeper(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("fork", errno);
  if (pid == 0) Keep(of_keeper.get());
  return std::unique_ptr<LabKeeper>(new LabKeeper(std::move(own), pid));
}

LabKeeper::~LabKeeper() {
  socket_.reset();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

absl::Status LabKeeper::Guard(int namespace_fd) {
  char byte = 0;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &namespace_fd, sizeof namespace_fd);
  if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) return ErrnoStatus("keeper", errno);
  return absl::OkStatus();
}

}  // namespace spindle::bench
