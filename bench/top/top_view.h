#ifndef SPINDLE_BENCH_TOP_TOP_VIEW_H_
#define SPINDLE_BENCH_TOP_TOP_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/top/top_sample.h"

namespace spindle::bench {

// What lies between two samples of a server. Pure functions; any thread.

// Of one loop. What could not be computed (a first sample, no answer) is nothing.
struct LoopRow {
  LoopSample now = {};
  std::optional<double> busy = std::nullopt;   // Share of the time, 0 to 1.
  std::optional<double> turns = std::nullopt;  // Per second, as the next ones.
  std::optional<double> events = std::nullopt;
  std::optional<double> tasks = std::nullopt;
  std::optional<double> opened = std::nullopt;
  std::optional<double> read_bytes = std::nullopt;
  std::optional<double> written_bytes = std::nullopt;
};

struct ConnectionRow {
  ConnectionSample now = {};
  std::optional<double> received = std::nullopt;  // Bytes per second.
  std::optional<double> sent = std::nullopt;
};

// The most of any loop, divided by the mean: 1 is even, the number of loops is all on one. Nothing
// where all have nothing. Of the loops that serve: the main loop counts only if it is alone.
struct Imbalance {
  std::optional<double> connections = std::nullopt;
  std::optional<double> busy = std::nullopt;
};

struct TopView {
  std::vector<LoopRow> loops = {};
  std::vector<ConnectionRow> connections = {};  // As sorted.
  uint64_t connections_total = 0;
  uint64_t silent_loops = 0;
  std::optional<double> interval_seconds = std::nullopt;  // Nothing: there is one sample.
  Imbalance imbalance = {};
};

enum class TopSort : uint8_t { kRate, kBytes, kRead, kWrite, kQueued, kUnread, kAge, kId };

// "rate", "bytes", "read", "write", "queued", "unread", "age" or "id", in the order of TopSort.
const std::vector<std::string>& TopSortNames();
// How /conns has to be sorted, so that those wanted are among the first.
std::string_view ServerSort(TopSort sort);

// `before` may be null: then there are no rates. Counters that have gone back, as those of a server
// that was started again, have no rates either. Sorts by `sort`, the most first (ids: the lowest);
// `reversed` the other way round.
TopView CompareSamples(const TopSample* before, const TopSample& now, TopSort sort, bool reversed);

// All of it, schema "spindle.top/1". What could not be computed is null.
std::string TopJson(const TopView& view);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_TOP_VIEW_H_
