#include "bench/load/listener_pids.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr std::string_view kListening = "0A";  // TCP_LISTEN, as the table has it.

void ForEachEntry(const std::string& path, absl::FunctionRef<void(const char* name)> visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder.get())) visit(entry->d_name);
}

// "socket:[INODE]" of each socket of the table that listens at `port`: as links in fd/ name them.
void AddListeners(const std::string& table, uint16_t port, std::set<std::string>& sockets) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // The headings.
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
        timeout >> inode;
    const size_t colon = local.rfind(':');
    if (state != kListening || colon == std::string::npos) continue;
    if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) != port) continue;
    sockets.insert(Concat("socket:[", inode, "]"));
  }
}

bool HoldsOneOf(const std::string& process, const std::set<std::string>& sockets) {
  bool holds = false;
  const std::string folder = process + "/fd";
  ForEachEntry(folder, [&](const char* name) {
    char target[64];
    const ssize_t size = readlink(Concat(folder, "/", name).c_str(), target, sizeof target);
    if (size > 0) holds |= sockets.contains(std::string(target, static_cast<size_t>(size)));
  });
  return holds;
}

}  // namespace

std::vector<pid_t> ListenerPids(const SocketAddress& server) {
  std::vector<pid_t> pids;
  if (server.is_unix() || !server.is_loopback()) return pids;
  std::set<std::string> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    AddListeners(table, server.port(), sockets);
  }
  if (sockets.empty()) return pids;
  ForEachEntry("/proc", [&](const char* name) {
    const pid_t pid = std::atoi(name);
    if (pid > 0 && HoldsOneOf(Concat("/proc/", name), sockets)) pids.push_back(pid);
  });
  std::sort(pids.begin(), pids.end());
  return pids;
}

}  // namespace spindle::bench
