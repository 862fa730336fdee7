#include "bench/cli/stall.h"

#include <algorithm>
#include <thread>

#include "absl/status/status.h"
#include "base/parse.h"
#include "base/strings.h"

namespace spindle::bench {

absl::StatusOr<Stall> ParseStall(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(ToAbsl(Concat("\"", text, "\": ", why)));
  };
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return refuse("not of the form 500ms@10s or 500ms@10s/5s");
  const std::string_view times = text.substr(at + 1);
  const size_t slash = std::min(times.find('/'), times.size());
  const absl::StatusOr<Duration> length = ParseDuration(text.substr(0, at));
  const absl::StatusOr<Duration> start = ParseDuration(times.substr(0, slash));
  const absl::StatusOr<Duration> every =
      slash == times.size() ? Duration(0) : ParseDuration(times.substr(slash + 1));
  if (!length.ok() || !start.ok() || !every.ok()) {
    return refuse("not of the form 500ms@10s or 500ms@10s/5s");
  }
  if (*length == Duration::zero()) return refuse("a stall of no length");
  if (slash < times.size() && *every <= *length) return refuse("the next stall begins within one");
  return Stall{.length = *length, .start = *start, .every = *every};
}

void ScheduleStalls(EventLoop& loop, const Stall& stall, TimePoint from) {
  const TimePoint when = SaturatingAdd(from, stall.start);
  loop.RunAt(when, [&loop, stall, when] {
    std::this_thread::sleep_for(stall.length);
    if (stall.every == Duration::zero()) return;
    Stall next = stall;
    next.start = stall.every;
    ScheduleStalls(loop, next, when);
  });
}

}  // namespace spindle::bench
