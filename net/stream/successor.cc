#include "net/stream/successor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "net/loop/fd_watcher.h"
#include "net/loop/timer.h"
#include "net/stream/internal/inherited_fds.h"
#include "net/stream/passed_descriptors.h"
#include "net/types/interest.h"

namespace spindle {
namespace {

constexpr size_t kPidDigits = 20;

bool IsOurs(std::string_view variable) {
  for (const std::string_view name :
       {"LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "NOTIFY_SOCKET="}) {
    if (variable.substr(0, name.size()) == name) return true;
  }
  return false;
}

// All that the child needs, made before the fork: between fork and exec in a process with threads
// nothing may allocate. signal-safety(7).
struct Image {
  Image(const SuccessorOptions& options, const std::string& notify_socket);

  // In the child. Returns only if it could not.
  void Execute() const;

  std::vector<int> fds;
  std::vector<std::string> texts;  // What argv and envp point to.
  std::vector<char*> argv;
  std::vector<char*> envp;
  char* pid_digits = nullptr;  // In the text of LISTEN_PID.
};

Image::Image(const SuccessorOptions& options, const std::string& notify_socket) {
  std::string names;
  for (const InheritedSocket& socket : options.sockets) {
    if (!fds.empty()) names += ':';
    names += socket.name;
    fds.push_back(socket.fd.get());
  }
  texts.push_back(options.program);
  texts.insert(texts.end(), options.arguments.begin(), options.arguments.end());
  const size_t words = texts.size();
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    if (!IsOurs(*variable)) texts.emplace_back(*variable);
  }
  texts.push_back(absl::StrCat("LISTEN_FDS=", fds.size()));
  texts.push_back(absl::StrCat("LISTEN_FDNAMES=", names));
  texts.push_back(absl::StrCat("NOTIFY_SOCKET=", notify_socket));
  texts.push_back("LISTEN_PID=" + std::string(kPidDigits, '\0'));
  for (size_t i = 0; i < texts.size(); ++i) (i < words ? argv : envp).push_back(texts[i].data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  pid_digits = texts.back().data() + strlen("LISTEN_PID=");
}

void Image::Execute() const {
  std::to_chars(pid_digits, pid_digits + kPidDigits, getpid());
  const int count = static_cast<int>(fds.size());
  // First out of the way of the numbers that they are to have, all of them, then to those.
  int moved[kMostInheritedFds];
  for (int i = 0; i < count; ++i) {
    moved[i] = fcntl(fds[static_cast<size_t>(i)], F_DUPFD_CLOEXEC, kFirstInheritedFd + count);
    if (moved[i] < 0) return;
  }
  for (int i = 0; i < count; ++i) {
    if (dup2(moved[i], kFirstInheritedFd + i) < 0) return;
  }
  syscall(SYS_close_range, kFirstInheritedFd + count, ~0U, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(argv[0], argv.data(), envp.data());
}

absl::Status Check(const SuccessorOptions& options) {
  if (options.program.empty()) return absl::InvalidArgumentError("successor: no program");
  if (options.sockets.size() > kMostInheritedFds) {
    return absl::InvalidArgumentError("successor: too many sockets");
  }
  for (const InheritedSocket& socket : options.sockets) {
    if (!socket.fd.valid()) return absl::InvalidArgumentError("successor: a socket is missing");
    if (socket.name.find(':') != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("successor: the name \"", socket.name, "\" has a ':'"));
    }
  }
  return absl::OkStatus();
}

// A socket at a name that the kernel picks, and that name ("@..."). Who writes to it is told.
absl::StatusOr<OwnedFd> OpenNotifySocket(std::string* name) {
  OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return ErrnoStatus("socket for the successor's answer", errno);
  if (absl::Status status = ReceiveCredentials(fd.get()); !status.ok()) return status;
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t length = sizeof address.sun_family;  // An empty name: unix(7), autobind.
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) < 0) {
    return ErrnoStatus("bind for the successor's answer", errno);
  }
  length = sizeof address;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) < 0) {
    return ErrnoStatus("getsockname for the successor's answer", errno);
  }
  *name = absl::StrCat(
      "@", std::string(address.sun_path + 1, length - offsetof(sockaddr_un, sun_path) - 1));
  return fd;
}

// Whether a message that waits at `fd` says that its sender, one of our user's processes or root's,
// is ready. A message that makes no sense is passed over, with the descriptors that came with it.
bool ReadsReady(int fd) {
  for (;;) {
    const absl::StatusOr<ReceivedDescriptors> message = ReceiveDescriptors(fd);
    if (!message.ok()) {
      if (ErrnoOf(message.status()) != 0) return false;
      continue;
    }
    if (!message->sender.has_value()) continue;
    if (message->sender->uid != geteuid() && message->sender->uid != 0) continue;
    const std::string lines = absl::StrCat("\n", message->data, "\n");
    if (lines.find("\nREADY=1\n") != std::string::npos) return true;
  }
}

std::string DescribeEnd(int status) {
  if (WIFEXITED(status)) {
    return absl::StrCat("ended with status ", WEXITSTATUS(status),
                        WEXITSTATUS(status) == 127 ? " (could not be executed)" : "");
  }
  return absl::StrCat("was ended by signal ", WTERMSIG(status));
}

}  // namespace

class Successor::Impl {
 public:
  Impl(EventLoop& loop, absl::AnyInvocable<void(absl::Status)> on_ready)
      : loop_(loop), on_ready_(std::move(on_ready)) {}
  ~Impl() {
    if (pid_ > 0 && on_ready_) Kill();
    if (timer_.valid()) loop_.Cancel(timer_);
  }

  absl::Status Start(SuccessorOptions options);
  pid_t pid() const { return pid_; }

 private:
  absl::Status Watch(Duration timeout);
  void OnMessage();
  void OnEnd();
  void OnTimeout();
  void Kill();
  void Answer(absl::Status status);

  EventLoop& loop_;
  absl::AnyInvocable<void(absl::Status)> on_ready_;  // Until the answer.
  pid_t pid_ = 0;
  OwnedFd notify_;
  OwnedFd process_;  // A pidfd.
  std::unique_ptr<FdWatcher> notify_watcher_;
  std::unique_ptr<FdWatcher> process_watcher_;
  TimerId timer_;
};

absl::Status Successor::Impl::Start(SuccessorOptions options) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  std::string name;
  absl::StatusOr<OwnedFd> notify = OpenNotifySocket(&name);
  if (!notify.ok()) return notify.status();
  notify_ = *std::move(notify);
  const Image image(options, name);
  pid_ = fork();
  if (pid_ < 0) return ErrnoStatus("fork of the successor", errno);
  if (pid_ == 0) {
    image.Execute();
    _exit(127);
  }
  absl::Status status = Watch(options.ready_timeout);
  if (!status.ok()) {
    on_ready_ = nullptr;
    Kill();
  }
  return status;
}

absl::Status Successor::Impl::Watch(Duration timeout) {
  process_ = OwnedFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!process_) return ErrnoStatus("pidfd_open of the successor", errno);
  absl::StatusOr<std::unique_ptr<FdWatcher>> watcher = FdWatcher::Create(
      loop_, notify_.get(), Interest::kRead, Trigger::kLevel, [this](FdEvents) { OnMessage(); });
  if (!watcher.ok()) return watcher.status();
  notify_watcher_ = *std::move(watcher);
  watcher = FdWatcher::Create(loop_, process_.get(), Interest::kRead, Trigger::kLevel,
                              [this](FdEvents) { OnEnd(); });
  if (!watcher.ok()) return watcher.status();
  process_watcher_ = *std::move(watcher);
  timer_ = loop_.RunAfter(timeout, [this] { OnTimeout(); });
  return absl::OkStatus();
}

void Successor::Impl::Kill() {
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Successor::Impl::OnMessage() {
  if (ReadsReady(notify_.get())) Answer(absl::OkStatus());
}

void Successor::Impl::OnEnd() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  // It may have said that it is ready, and ended: it does not serve.
  Answer(absl::UnavailableError(absl::StrCat("the successor, process ", pid_, ", ",
                                             DescribeEnd(status), " before it was ready")));
}

void Successor::Impl::OnTimeout() {
  Kill();
  Answer(absl::DeadlineExceededError(
      absl::StrCat("the successor, process ", pid_, ", was not ready in time and was killed")));
}

void Successor::Impl::Answer(absl::Status status) {
  loop_.Cancel(timer_);
  timer_ = TimerId();
  notify_watcher_.reset();
  process_watcher_.reset();
  std::exchange(on_ready_, nullptr)(std::move(status));  // May destroy this.
}

Successor::Successor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Successor::~Successor() = default;

pid_t Successor::pid() const { return impl_->pid(); }

absl::StatusOr<std::unique_ptr<Successor>> Successor::Start(
    EventLoop& loop, SuccessorOptions options, absl::AnyInvocable<void(absl::Status)> on_ready) {
  auto impl = std::make_unique<Impl>(loop, std::move(on_ready));
  if (absl::Status status = impl->Start(std::move(options)); !status.ok()) return status;
  return std::unique_ptr<Successor>(new Successor(std::move(impl)));
}

}  // namespace spindle
