#include "bench/netlab/tcp_counters.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <utility>

#include "base/errno_status.h"

namespace spindle::bench {

absl::StatusOr<TcpCounters> TcpCounters::Open() {
  constexpr char kPath[] = "/proc/thread-self/net/snmp";
  OwnedFd file(open(kPath, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(kPath, errno);
  return TcpCounters(std::move(file));
}

std::optional<uint64_t> TcpCounters::Retransmits() const {
  std::string text(16 * 1024, '\0');
  const ssize_t size = pread(file_.get(), text.data(), text.size(), 0);
  if (size <= 0) return std::nullopt;
  text.resize(static_cast<size_t>(size));
  // Two lines "Tcp:", the first with names, the second with their values in the same order.
  std::istringstream lines(text);
  std::string line;
  std::string names;
  while (std::getline(lines, line)) {
    if (!line.starts_with("Tcp:")) continue;
    if (names.empty()) {
      names = line;
      continue;
    }
    std::istringstream name_words(names);
    std::istringstream value_words(line);
    std::string name;
    std::string value;
    while (name_words >> name && value_words >> value) {
      if (name == "RetransSegs") return std::stoull(value);
    }
  }
  return std::nullopt;
}

}  // namespace spindle::bench
