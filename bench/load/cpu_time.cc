#include "bench/load/cpu_time.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "base/strings.h"

namespace spindle::bench {
namespace {

struct SchedStat {
  int64_t run_ns = 0;
  int64_t delay_ns = 0;
};

// False if there is no such file: the thread has ended, or the kernel does not keep count.
bool ReadSchedStat(const std::string& task, SchedStat* stat) {
  std::ifstream file(task + "/schedstat");
  return static_cast<bool>(file >> stat->run_ns >> stat->delay_ns);
}

// Fields 14 and 15 of proc(5) stat, in clock ticks.
bool ReadTicks(const std::string& task, int64_t* user, int64_t* system) {
  std::ifstream file(task + "/stat");
  std::string text;
  std::getline(file, text);
  // Field 2 is the name, which may hold anything, in parentheses.
  const size_t end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return false;
  std::istringstream fields(text.substr(end_of_name + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  return static_cast<bool>(fields >> *user >> *system);
}

int64_t ReadContextSwitches(const std::string& task) {
  std::ifstream file(task + "/status");
  int64_t total = 0;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find("ctxt_switches:");
    if (colon != std::string::npos) total += std::atoll(line.c_str() + line.find(':') + 1);
  }
  return total;
}

// Ticks are coarse: they only say how the exact run time divides.
CpuTime TaskCpuTime(const std::string& task) {
  CpuTime cpu;
  int64_t user = 0;
  int64_t system = 0;
  if (!ReadTicks(task, &user, &system)) return cpu;
  SchedStat stat;
  if (!ReadSchedStat(task, &stat)) {
    const int64_t tick_ns = 1'000'000'000 / sysconf(_SC_CLK_TCK);
    stat.run_ns = (user + system) * tick_ns;
  }
  const double share =
      user + system == 0 ? 0 : static_cast<double>(user) / static_cast<double>(user + system);
  cpu.user = Duration(std::llround(static_cast<double>(stat.run_ns) * share));
  cpu.system = Duration(stat.run_ns) - cpu.user;
  cpu.context_switches = ReadContextSwitches(task);
  cpu.run_delay = Duration(stat.delay_ns);
  return cpu;
}

double Share(Duration part, Duration whole) {
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

// What all its threads have used, those that have ended among them.
std::optional<Duration> ProcessClock(pid_t pid) {
  clockid_t clock = 0;
  timespec time = {};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

CpuTime ThreadCpuTime() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  SchedStat stat;
  ReadSchedStat("/proc/thread-self", &stat);
  return {ToDuration(usage.ru_utime), ToDuration(usage.ru_stime), usage.ru_nvcsw + usage.ru_nivcsw,
          Duration(stat.delay_ns)};
}

std::optional<CpuTime> ProcessCpuTime(pid_t pid) {
  const std::string tasks = Concat("/proc/", pid, "/task");
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(tasks.c_str()), closedir);
  if (folder == nullptr) return std::nullopt;
  CpuTime sum;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') sum += TaskCpuTime(Concat(tasks, "/", entry->d_name));
  }
  // What schedstat says of a thread that runs is up to a tick old; the process' own clock is not.
  if (const std::optional<Duration> exact = ProcessClock(pid); exact.has_value()) {
    const double share = sum.total() > Duration::zero() ? Share(sum.user, sum.total()) : 0;
    sum.user = Duration(std::llround(static_cast<double>(exact->count()) * share));
    sum.system = *exact - sum.user;
  }
  return sum;
}

}  // namespace spindle::bench
