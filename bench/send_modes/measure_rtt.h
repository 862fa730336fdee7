#ifndef SPINDLE_BENCH_SEND_MODES_MEASURE_RTT_H_
#define SPINDLE_BENCH_SEND_MODES_MEASURE_RTT_H_

#include <optional>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "bench/send_modes/framed_messages.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// The smallest time of a few exchanges of one byte over one connection, without `think`, which the
// server is known to add to each: the round trip of the network, and what the machines add to it.
// nullopt if the server does not answer within `timeout`, or not as it should, or once
// `interrupted` returns true. Runs the loop of this thread.
std::optional<Duration> MeasureRtt(EventLoop& loop, const SocketAddress& server, ReplyMode reply,
                                   Duration think, Duration timeout,
                                   absl::FunctionRef<bool()> interrupted);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_SEND_MODES_MEASURE_RTT_H_
