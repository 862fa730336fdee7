#include "bench/send_modes/send_arm.h"

#include <charconv>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

// The K of "window-K", if `name` is of that form.
std::optional<size_t> CountAfter(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  size_t count = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), count);
  if (error != std::errc() || end != name.data() + name.size() || count == 0) return std::nullopt;
  return count;
}

}  // namespace

absl::StatusOr<SendArm> ParseSendArm(std::string_view name) {
  SendArm arm{.name = std::string(name)};
  if (name == "sequential") {
    arm.mode = SendMode::Sequential();
  } else if (name == "parallel-loops") {
    arm.over_loops = true;
  } else if (const auto window = CountAfter("window-", name); window.has_value()) {
    arm.mode = SendMode::Windowed(*window);
  } else if (const auto depth = CountAfter("pipeline-", name); depth.has_value()) {
    arm.mode = SendMode::Pipelined(*depth);
  } else if (name != "parallel") {
    return absl::InvalidArgumentError(ToAbsl(
        Concat("\"", name,
               "\" is none of sequential, parallel, parallel-loops, window-K and pipeline-K")));
  }
  return arm;
}

}  // namespace spindle::bench
