#include "net/stream/pause_cause.h"

#include <string_view>
#include <utility>

#include "base/strings.h"

namespace spindle {

std::string PauseCauseNames(PauseCause set) {
  static constexpr std::pair<PauseCause, std::string_view> kNames[] = {
      {PauseCause::kUser, "user"},
      {PauseCause::kHighWater, "high water"},
      {PauseCause::kRateLimit, "rate limit"},
      {PauseCause::kMemory, "memory"}};
  std::string names;
  for (const auto& [cause, name] : kNames) {
    if (Has(set, cause)) Append(names, names.empty() ? "" : ", ", name);
  }
  return names;
}

}  // namespace spindle
