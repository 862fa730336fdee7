#include "bench/cli/pin.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "absl/status/status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

std::vector<int> UsableProcessors() {
  std::vector<int> usable;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return usable;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) usable.push_back(cpu);
  }
  return usable;
}

absl::Status Refuse(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(ToAbsl(Concat("\"", text, "\": ", why)));
}

}  // namespace

absl::StatusOr<PinPlan> ParsePin(std::string_view text) {
  PinPlan plan;
  if (text == "none") return plan;
  const std::vector<int> usable = UsableProcessors();
  std::string_view rest = text;
  while (true) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view item = rest.substr(0, comma);
    const size_t colon = std::min(item.find(':'), item.size());
    const std::string_view role = item.substr(0, colon);
    std::vector<int>* const list = role == "client"   ? &plan.client
                                   : role == "server" ? &plan.server
                                                      : nullptr;
    if (list == nullptr) return Refuse(text, "not of the form client:0,server:1");
    const std::string_view number = item.substr(std::min(colon + 1, item.size()));
    int cpu = -1;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), cpu);
    if (number.empty() || error != std::errc() || end != number.data() + number.size()) {
      return Refuse(text, "not of the form client:0,server:1");
    }
    if (std::find(usable.begin(), usable.end(), cpu) == usable.end()) {
      return Refuse(text, Concat("there is no processor ", number, " for this process"));
    }
    list->push_back(cpu);
    if (comma == rest.size()) return plan;
    rest.remove_prefix(comma + 1);
  }
}

PinPlan HalfAndHalf() {
  PinPlan plan;
  const std::vector<int> usable = UsableProcessors();
  if (usable.size() < 2) return plan;
  const auto middle = usable.begin() + static_cast<std::ptrdiff_t>(usable.size() / 2);
  plan.client.assign(usable.begin(), middle);
  plan.server.assign(middle, usable.end());
  return plan;
}

}  // namespace spindle::bench
