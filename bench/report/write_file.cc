#include "bench/report/write_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

absl::StatusOr<std::string> ReadAll(int fd, const std::string& name, size_t max_bytes) {
  std::string text;
  char piece[1 << 16];
  while (true) {
    const ssize_t got = read(fd, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(Concat("read ", name), errno);
    if (got == 0) return text;
    text.append(piece, static_cast<size_t>(got));
    if (text.size() > max_bytes) {
      return absl::InvalidArgumentError(ToAbsl(Concat(name, ": above ", max_bytes, " bytes")));
    }
  }
}

}  // namespace

absl::Status WriteTo(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(Concat("write ", name), errno);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteFile(std::string_view text, const std::string& path) {
  if (path == "-") return WriteTo(STDOUT_FILENO, text, "stdout");
  OwnedFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.valid()) return ErrnoStatus(Concat("open ", path), errno);
  absl::Status status = WriteTo(file.get(), text, path);
  if (!status.ok()) return status;
  if (close(file.release()) < 0 && errno != EINTR) {
    return ErrnoStatus(Concat("close ", path), errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  if (path == "-") return ReadAll(STDIN_FILENO, "stdin", max_bytes);
  const OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(Concat("open ", path), errno);
  return ReadAll(file.get(), path, max_bytes);
}

}  // namespace spindle::bench
