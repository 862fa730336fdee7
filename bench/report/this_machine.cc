#include "bench/report/this_machine.h"

#include <sys/utsname.h>

#include <fstream>
#include <string>
#include <thread>

#include "base/strings.h"
#include "bench/report/version.h"

namespace spindle::bench {
namespace {

// The first line of a small file of /proc or /sys.
std::optional<std::string> FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<std::string> CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return std::nullopt;
}

}  // namespace

ToolRecord ThisTool() {
#ifdef NDEBUG
  const char* const build = "optimized";
#else
  const char* const build = "debug";
#endif
  return {.version = kVersion, .build = Concat(build, ", compiler ", __VERSION__)};
}

HostRecord ThisHost() {
  utsname name = {};
  uname(&name);
  HostRecord host;
  host.kernel = Concat(name.sysname, " ", name.release);
  host.cpu_model = CpuModel();
  host.cpus = std::thread::hardware_concurrency();
  host.congestion_control = FirstLine("/proc/sys/net/ipv4/tcp_congestion_control");
  host.governor = FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  for (const char* key : {"net/core/somaxconn", "net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem",
                          "net/ipv4/tcp_slow_start_after_idle", "net/ipv4/ip_local_port_range"}) {
    host.sysctl.emplace_back(key, FirstLine(Concat("/proc/sys/", key)));
  }
  return host;
}

}  // namespace spindle::bench
