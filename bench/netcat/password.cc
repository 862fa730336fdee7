#include "bench/netcat/password.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/owned_fd.h"

namespace spindle::bench {
namespace {

constexpr char kVariable[] = "SPINDLE_PROXY_PASSWORD";

// A terminal without echo, for as long as this lives.
class NoEcho {
 public:
  explicit NoEcho(int fd) : fd_(fd), changed_(tcgetattr(fd, &before_) == 0) {
    if (!changed_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (changed_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }

 private:
  const int fd_;
  termios before_;
  const bool changed_;
};

void Print(int fd, std::string_view text) {
  if (write(fd, text.data(), text.size()) < 0) return;  // The answer may come all the same.
}

}  // namespace

absl::StatusOr<std::string> AskPassword(Waiter& waiter, std::string_view question) {
  if (const char* const known = std::getenv(kVariable); known != nullptr) return known;
  const OwnedFd terminal(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) {
    return absl::FailedPreconditionError(
        "the proxy wants a password: no terminal to ask for it, and no $SPINDLE_PROXY_PASSWORD");
  }
  const NoEcho quiet(terminal.get());
  Print(terminal.get(), question);
  std::string password;
  while (true) {
    absl::Status status = waiter.ForFd(terminal.get(), Interest::kRead);
    char c = 0;
    const ssize_t count = status.ok() ? read(terminal.get(), &c, 1) : 0;
    if (status.ok() && count < 0) status = ErrnoStatus("read /dev/tty", errno);
    if (!status.ok() || count == 0 || c == '\n') {
      Print(terminal.get(), "\n");
      if (!status.ok()) return status;
      return password;
    }
    password += c;
  }
}

}  // namespace spindle::bench
