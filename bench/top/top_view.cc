#include "bench/top/top_view.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "bench/report/json_text.h"

namespace spindle::bench {
namespace {

double SecondsBetween(TimePoint begin, TimePoint end) {
  return std::chrono::duration<double>(end - begin).count();
}

// Per second; nothing if the counter has gone back.
std::optional<double> Rate(uint64_t before, uint64_t now, double seconds) {
  if (now < before || seconds <= 0) return std::nullopt;
  return static_cast<double>(now - before) / seconds;
}

LoopRow CompareLoop(const LoopSample* before, const LoopSample& now, double seconds) {
  LoopRow row = {.now = now};
  if (before == nullptr || !before->answered || !now.answered || now.turns < before->turns) {
    return row;
  }
  const double busy = now.busy_seconds - before->busy_seconds;
  const double all = busy + now.wait_seconds - before->wait_seconds;
  if (all > 0) row.busy = std::clamp(busy / all, 0.0, 1.0);
  row.turns = Rate(before->turns, now.turns, seconds);
  row.events = Rate(before->events, now.events, seconds);
  row.tasks = Rate(before->tasks, now.tasks, seconds);
  row.opened = Rate(before->opened, now.opened, seconds);
  row.read_bytes = Rate(before->read_bytes, now.read_bytes, seconds);
  row.written_bytes = Rate(before->written_bytes, now.written_bytes, seconds);
  return row;
}

void CompareLoops(const TopSample* before, const TopSample& now, TopView& view) {
  std::unordered_map<std::string_view, const LoopSample*> former;
  double seconds = 0;
  if (before != nullptr) {
    for (const LoopSample& loop : before->loops) former[loop.name] = &loop;
    seconds = SecondsBetween(before->loops_at, now.loops_at);
  }
  for (const LoopSample& loop : now.loops) {
    const auto found = former.find(loop.name);
    view.loops.push_back(
        CompareLoop(found == former.end() ? nullptr : found->second, loop, seconds));
  }
}

void CompareConnections(const TopSample* before, const TopSample& now, TopView& view) {
  std::unordered_map<std::string_view, const ConnectionSample*> former;
  double seconds = 0;
  if (before != nullptr) {
    for (const ConnectionSample& c : before->connections) former[c.id] = &c;
    seconds = SecondsBetween(before->connections_at, now.connections_at);
  }
  for (const ConnectionSample& c : now.connections) {
    ConnectionRow row = {.now = c};
    const auto found = former.find(c.id);
    if (found != former.end()) {
      row.received = Rate(found->second->received, c.received, seconds);
      row.sent = Rate(found->second->sent, c.sent, seconds);
    }
    view.connections.push_back(std::move(row));
  }
}

std::optional<double> MostByMean(const std::vector<double>& values) {
  double sum = 0;
  double most = 0;
  for (const double value : values) {
    sum += value;
    most = std::max(most, value);
  }
  if (values.size() < 2 || sum <= 0) return std::nullopt;
  return most * static_cast<double>(values.size()) / sum;
}

Imbalance FindImbalance(const std::vector<LoopRow>& loops) {
  std::vector<double> connections;
  std::vector<double> busy;
  for (size_t i = loops.size() > 1 ? 1 : 0; i < loops.size(); ++i) {
    if (loops[i].now.answered) connections.push_back(static_cast<double>(loops[i].now.connections));
    if (loops[i].busy.has_value()) busy.push_back(*loops[i].busy);
  }
  return {MostByMean(connections), MostByMean(busy)};
}

double Weight(const ConnectionRow& row, TopSort sort) {
  const ConnectionSample& c = row.now;
  switch (sort) {
    case TopSort::kRate:
      return row.received.value_or(0) + row.sent.value_or(0);
    case TopSort::kBytes:
      return static_cast<double>(c.received) + static_cast<double>(c.sent);
    case TopSort::kRead:
      return row.received.value_or(0);
    case TopSort::kWrite:
      return row.sent.value_or(0);
    case TopSort::kQueued:
      return static_cast<double>(c.queued);
    case TopSort::kUnread:
      return static_cast<double>(c.unread);
    case TopSort::kAge:
      return c.age_seconds;
    case TopSort::kId:
      break;
  }
  return 0;
}

// The numbers of "3.17.204".
std::tuple<uint64_t, uint64_t, uint64_t> IdNumbers(const std::string& id) {
  uint64_t numbers[3] = {};
  const char* at = id.data();
  const char* const end = at + id.size();
  for (uint64_t& number : numbers) {
    at = std::from_chars(at, end, number).ptr;
    if (at < end) ++at;
  }
  return {numbers[0], numbers[2], numbers[1]};
}

// Null for nothing.
Json Number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

}  // namespace

const std::vector<std::string>& TopSortNames() {
  static const std::vector<std::string> names = {"rate",   "bytes",  "read", "write",
                                                 "queued", "unread", "age",  "id"};
  return names;
}

std::string_view ServerSort(TopSort sort) {
  switch (sort) {
    case TopSort::kQueued:
      return "queued";
    case TopSort::kUnread:
      return "unread";
    case TopSort::kAge:  // The oldest of each loop have its lowest ids.
    case TopSort::kId:
      return "id";
    default:
      return "bytes";
  }
}

TopView CompareSamples(const TopSample* before, const TopSample& now, TopSort sort, bool reversed) {
  TopView view = {.connections_total = now.connections_total, .silent_loops = now.silent_loops};
  if (before != nullptr) view.interval_seconds = SecondsBetween(before->loops_at, now.loops_at);
  CompareLoops(before, now, view);
  CompareConnections(before, now, view);
  view.imbalance = FindImbalance(view.loops);
  std::stable_sort(view.connections.begin(), view.connections.end(),
                   [&](const ConnectionRow& a, const ConnectionRow& b) {
                     const double of_a = Weight(a, sort);
                     const double of_b = Weight(b, sort);
                     if (of_a != of_b) return of_a > of_b;
                     return IdNumbers(a.now.id) < IdNumbers(b.now.id);
                   });
  if (reversed) std::reverse(view.connections.begin(), view.connections.end());
  return view;
}

std::string TopJson(const TopView& view) {
  Json loops = Json::array();
  for (const LoopRow& row : view.loops) {
    loops.push_back({{"name", row.now.name},
                     {"answered", row.now.answered},
                     {"connections", row.now.connections},
                     {"busy", Number(row.busy)},
                     {"opened_per_s", Number(row.opened)},
                     {"turns_per_s", Number(row.turns)},
                     {"events_per_s", Number(row.events)},
                     {"tasks_per_s", Number(row.tasks)},
                     {"read_bytes_per_s", Number(row.read_bytes)},
                     {"written_bytes_per_s", Number(row.written_bytes)},
                     {"longest_turn_s", row.now.longest_turn_seconds},
                     {"longest_timer_lag_s", row.now.longest_timer_lag_seconds},
                     {"slow_callbacks", row.now.slow_callbacks}});
  }
  Json connections = Json::array();
  for (const ConnectionRow& row : view.connections) {
    connections.push_back({{"id", row.now.id},
                           {"server", row.now.server},
                           {"peer", row.now.peer},
                           {"received", row.now.received},
                           {"sent", row.now.sent},
                           {"received_per_s", Number(row.received)},
                           {"sent_per_s", Number(row.sent)},
                           {"queued", row.now.queued},
                           {"unread", row.now.unread},
                           {"age_s", row.now.age_seconds},
                           {"paused", row.now.paused},
                           {"state", row.now.state}});
  }
  const Json json = {{"schema", "spindle.top/1"},
                     {"interval_s", Number(view.interval_seconds)},
                     {"loops", std::move(loops)},
                     {"imbalance",
                      {{"connections", Number(view.imbalance.connections)},
                       {"busy", Number(view.imbalance.busy)}}},
                     {"connections_total", view.connections_total},
                     {"silent_loops", view.silent_loops},
                     {"connections", std::move(connections)}};
  return IndentedLines(json);
}

}  // namespace spindle::bench
