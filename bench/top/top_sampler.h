#ifndef SPINDLE_BENCH_TOP_TOP_SAMPLER_H_
#define SPINDLE_BENCH_TOP_TOP_SAMPLER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/top/admin_client.h"
#include "bench/top/top_sample.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Takes samples of a server, one after the other. Loop thread only.
class TopSampler {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<TopSample>)>;

  // `limit`: the most connections that are asked for. `timeout`: for each of a sample's two pages.
  TopSampler(EventLoop& loop, const SocketAddress& address, size_t limit, Duration timeout)
      : loop_(loop), limit_(limit), client_(loop, address, timeout) {}

  // Calls `callback` once, from the loop, never inside this call. `sort` is that of /conns, and
  // says which connections are among them. Not while one is under way (CHECKed). Errors: those of
  // AdminClient and of the parsers.
  void Take(std::string_view sort, Callback callback);

 private:
  void OnLoops(const std::string& sort, absl::StatusOr<std::string> body);
  void OnConnections(absl::StatusOr<std::string> body);

  EventLoop& loop_;
  const size_t limit_;
  TopSample sample_;
  Callback callback_;
  AdminClient client_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_TOP_SAMPLER_H_
