#include "bench/sockets/socket_list.h"

#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "base/strings.h"
#include "bench/sockets/diag_message.h"

namespace spindle::bench {
namespace {

// How often a table that changed meanwhile is asked for.
constexpr int kAttempts = 8;
// The kernel fills datagrams of up to 32 KiB.
constexpr size_t kDatagramBytes = 256 * 1024;
constexpr timeval kPatience = {.tv_sec = 10, .tv_usec = 0};

// A conversation with the kernel about its sockets. One thread at a time.
class Diag {
 public:
  static absl::StatusOr<Diag> Open();

  absl::StatusOr<DiagAnswer> Ask(const DiagQuestion& question);

 private:
  explicit Diag(OwnedFd fd) : fd_(std::move(fd)), block_(kDatagramBytes, '\0') {}
  absl::Status Receive(const DiagQuestion& question, DiagAnswer& answer);

  OwnedFd fd_;
  std::string block_;
  uint32_t sequence_ = 0;
};

absl::StatusOr<Diag> Diag::Open() {
  OwnedFd fd(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.valid()) return ErrnoStatus("socket for sock_diag", errno);
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) < 0) {
    return ErrnoStatus("setsockopt for sock_diag", errno);
  }
  return Diag(std::move(fd));
}

absl::StatusOr<DiagAnswer> Diag::Ask(const DiagQuestion& question) {
  const std::string request = DiagRequest(question, ++sequence_);
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  if (sendto(fd_.get(), request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
             sizeof kernel) < 0) {
    return ErrnoStatus("sendto sock_diag", errno);
  }
  DiagAnswer answer;
  while (!answer.done) {
    absl::Status status = Receive(question, answer);
    if (!status.ok()) return status;
  }
  return answer;
}

absl::Status Diag::Receive(const DiagQuestion& question, DiagAnswer& answer) {
  sockaddr_nl sender = {};
  iovec piece = {block_.data(), block_.size()};
  msghdr message = {};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  const ssize_t size = recvmsg(fd_.get(), &message, 0);
  if (size < 0) {
    return errno == EINTR ? absl::OkStatus() : ErrnoStatus("recvmsg from sock_diag", errno);
  }
  // Any process may send here; the kernel is number 0.
  if (message.msg_namelen != sizeof sender || sender.nl_pid != 0) return absl::OkStatus();
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return absl::DataLossError("the kernel's answer about its sockets is cut off");
  }
  return AddDiagDatagram(std::string_view(block_.data(), static_cast<size_t>(size)), question,
                         sequence_, answer);
}

std::vector<DiagQuestion> Questions(const SocketQuery& query) {
  std::vector<DiagQuestion> questions;
  if (query.unix_sockets) {
    questions.push_back({.family = DiagFamily::kUnix, .states = query.states});
  }
  for (const SocketKind kind : {SocketKind::kUdp, SocketKind::kTcp}) {
    const bool is_udp = kind == SocketKind::kUdp;
    if (!(is_udp ? query.udp : query.tcp)) continue;
    for (const DiagFamily family : {DiagFamily::kV4, DiagFamily::kV6}) {
      if (!(family == DiagFamily::kV4 ? query.v4 : query.v6)) continue;
      questions.push_back({.family = family,
                           .kind = kind,
                           .states = is_udp ? query.states & query.udp_states : query.states,
                           .details = query.details && !is_udp});
    }
  }
  return questions;
}

std::string InterfaceName(uint32_t index) {
  char name[IF_NAMESIZE];
  return if_indextoname(index, name) != nullptr ? std::string(name) : Concat("if", index);
}

// ---- Owners.

// The entries of a folder of /proc that are numbers.
void ForEachNumber(const std::string& path, absl::FunctionRef<void(int)> visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder.get())) {
    int number = 0;
    const std::string_view name = entry->d_name;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) visit(number);
  }
}

// The socket that the link is to; 0 if it is to something else, or gone.
uint64_t SocketOfLink(const std::string& path) {
  constexpr std::string_view kStart = "socket:[";
  char target[64];
  const ssize_t size = readlink(path.c_str(), target, sizeof target);
  if (size <= 0) return 0;
  const std::string_view text(target, static_cast<size_t>(size));
  uint64_t inode = 0;
  if (!text.starts_with(kStart)) return 0;
  std::from_chars(text.data() + kStart.size(), text.data() + text.size(), inode);
  return inode;
}

std::string NameOfProcess(int pid) {
  std::ifstream file(Concat("/proc/", pid, "/comm"));
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace

absl::StatusOr<SocketList> ListSockets(const SocketQuery& query) {
  absl::StatusOr<Diag> diag = Diag::Open();
  if (!diag.ok()) return diag.status();
  SocketList list;
  for (const DiagQuestion& question : Questions(query)) {
    if (question.states == 0) continue;
    absl::StatusOr<DiagAnswer> answer = diag->Ask(question);
    for (int i = 1; i < kAttempts && answer.ok() && answer->interrupted; ++i) {
      answer = diag->Ask(question);
    }
    // A kernel without IPv6 has no such table.
    if (question.family == DiagFamily::kV6 && ErrnoOf(answer.status()) == ENOENT) continue;
    if (!answer.ok()) return answer.status();
    list.inconsistent |= answer->interrupted;
    std::move(answer->sockets.begin(), answer->sockets.end(), std::back_inserter(list.sockets));
  }
  for (SocketEntry& entry : list.sockets) {
    if (entry.interface_index != 0) entry.interface = InterfaceName(entry.interface_index);
  }
  return list;
}

void FindOwners(std::vector<SocketEntry>& sockets) {
  std::unordered_map<uint64_t, SocketEntry*> by_inode;
  for (SocketEntry& entry : sockets) {
    entry.owners.clear();
    if (entry.inode != 0) by_inode[entry.inode] = &entry;
  }
  if (by_inode.empty()) return;
  ForEachNumber("/proc", [&](int pid) {
    std::string name;
    const std::string folder = Concat("/proc/", pid, "/fd");
    ForEachNumber(folder, [&](int fd) {
      const auto found = by_inode.find(SocketOfLink(Concat(folder, "/", fd)));
      if (found == by_inode.end()) return;
      if (name.empty()) name = NameOfProcess(pid);
      found->second->owners.push_back({name, pid, fd});
    });
  });
  for (SocketEntry& entry : sockets) {
    std::sort(entry.owners.begin(), entry.owners.end(),
              [](const SocketOwner& a, const SocketOwner& b) {
                return std::pair(a.pid, a.fd) < std::pair(b.pid, b.fd);
              });
  }
}

}  // namespace spindle::bench
