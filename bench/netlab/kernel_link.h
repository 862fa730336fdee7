#ifndef SPINDLE_BENCH_NETLAB_KERNEL_LINK_H_
#define SPINDLE_BENCH_NETLAB_KERNEL_LINK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/netlab/link_model.h"
#include "bench/netlab/link_stats.h"
#include "bench/netlab/net_namespace.h"

namespace spindle::bench {

// A link made of the kernel's own parts: a veth pair with a queueing discipline at each end, which
// shapes what that end sends. By ip(8) and tc(8).

// The bytes that TBF lets through at once after a pause: what 5 ms bring at full rate, at least
// 32 KiB, since a coarse clock needs some to reach the rate at all. tc-tbf(8).
uint64_t TbfBurstBytes(uint64_t bits_per_second);

// The words of tc(8) that put the discipline on `device`. TBF takes the rate and the queue from
// `link`. netem takes everything: its jitter reorders, so the caller sees to it that this is
// allowed if there is any; and its queue also holds the packets on their way, so it gets room for
// them too.
std::vector<std::string> TbfWords(std::string_view device, const LinkOptions& link, int mtu);
std::vector<std::string> NetemWords(std::string_view device, const LinkOptions& link);

// Makes the pair: one end, called `device`, in each namespace, and none anywhere else. Errors:
// those of RunTool and NamespaceScope::Enter.
absl::Status MakeVethPair(const NetNamespace& one, const NetNamespace& other,
                          std::string_view device);

// What the discipline on `device`, in the calling thread's namespace, has sent and dropped; what
// netem has lost counts as queue_full, since it does not tell them apart.
absl::StatusOr<LinkStats> ReadDisciplineStats(std::string_view device);

// The same from what `tc -s qdisc show` prints.
absl::StatusOr<LinkStats> ParseDisciplineStats(std::string_view text);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_KERNEL_LINK_H_
