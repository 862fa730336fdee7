#include "bench/top/top_sample.h"

#include <utility>

#include "nlohmann/json.hpp"

namespace spindle::bench {
namespace {

using Json = nlohmann::json;

const Json* Find(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

uint64_t Count(const Json& object, const char* name) {
  const Json* const value = Find(object, name);
  return value != nullptr && value->is_number_unsigned() ? value->get<uint64_t>() : 0;
}

double Seconds(const Json& object, const char* name) {
  const Json* const value = Find(object, name);
  return value != nullptr && value->is_number() ? value->get<double>() : 0;
}

bool Flag(const Json& object, const char* name) {
  const Json* const value = Find(object, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string Text(const Json& object, const char* name) {
  const Json* const value = Find(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// The list `name` of the page; null if there is none.
const Json* List(const Json& page, const char* name) {
  if (!page.is_object()) return nullptr;
  const Json* const list = Find(page, name);
  return list != nullptr && list->is_array() ? list : nullptr;
}

absl::Status NoSuchPage() {
  return absl::InvalidArgumentError("this is no admin endpoint of Spindle");
}

Json Parse(std::string_view body) {
  return Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
}

}  // namespace

absl::StatusOr<std::vector<LoopSample>> ParseLoops(std::string_view body) {
  const Json page = Parse(body);
  const Json* const list = List(page, "loops");
  if (list == nullptr) return NoSuchPage();
  std::vector<LoopSample> loops;
  for (const Json& loop : *list) {
    if (!loop.is_object()) return NoSuchPage();
    loops.push_back({.name = Text(loop, "name"),
                     .answered = Flag(loop, "answered"),
                     .turns = Count(loop, "turns_total"),
                     .events = Count(loop, "events_total"),
                     .tasks = Count(loop, "tasks_total"),
                     .busy_seconds = Seconds(loop, "busy_seconds_total"),
                     .wait_seconds = Seconds(loop, "wait_seconds_total"),
                     .longest_turn_seconds = Seconds(loop, "longest_turn_seconds"),
                     .longest_timer_lag_seconds = Seconds(loop, "longest_timer_lag_seconds"),
                     .slow_callbacks = Count(loop, "slow_callbacks_total"),
                     .connections = Count(loop, "connections"),
                     .opened = Count(loop, "connections_opened_total"),
                     .read_bytes = Count(loop, "read_bytes_total"),
                     .written_bytes = Count(loop, "written_bytes_total")});
  }
  return loops;
}

absl::Status ParseConnections(std::string_view body, TopSample& sample) {
  const Json page = Parse(body);
  const Json* const list = List(page, "connections");
  if (list == nullptr) return NoSuchPage();
  std::vector<ConnectionSample> connections;
  for (const Json& c : *list) {
    if (!c.is_object()) return NoSuchPage();
    connections.push_back({.id = Text(c, "id"),
                           .server = Text(c, "server"),
                           .peer = Text(c, "peer"),
                           .state = Text(c, "state"),
                           .paused = Flag(c, "paused"),
                           .received = Count(c, "received"),
                           .sent = Count(c, "sent"),
                           .queued = Count(c, "queued"),
                           .unread = Count(c, "unread"),
                           .age_seconds = Seconds(c, "age_seconds")});
  }
  sample.connections = std::move(connections);
  sample.connections_total = Count(page, "total");
  sample.silent_loops = Count(page, "silent_loops");
  return absl::OkStatus();
}

}  // namespace spindle::bench
