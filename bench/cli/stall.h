#ifndef SPINDLE_BENCH_CLI_STALL_H_
#define SPINDLE_BENCH_CLI_STALL_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"

namespace spindle::bench {

// A time in which a server stands still, as in a garbage collection or behind a slow disk: to see
// whether a load generator notices.
struct Stall {
  Duration length{0};
  Duration start{0};  // After the server's start.
  Duration every{0};  // Again after so long, from start to start; 0: never.
};

// "500ms@10s", "500ms@10s/5s": length, start, every. Any thread. Errors: kInvalidArgument, which
// quotes the text; a length of 0, and one that is not below `every`, are errors too.
absl::StatusOr<Stall> ParseStall(std::string_view text);

// Lets `loop` sleep in a callback at these times, counted from `from`. Loop thread only.
void ScheduleStalls(EventLoop& loop, const Stall& stall, TimePoint from);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_STALL_H_
