#include "net/send/send_result.h"

#include <algorithm>

#include "base/parse.h"
#include "base/strings.h"

namespace spindle {

std::string_view SendStatusName(SendStatus status) {
  switch (status) {
    case SendStatus::kComplete:
      return "complete";
    case SendStatus::kPartial:
      return "partial";
    case SendStatus::kDeadline:
      return "deadline";
    case SendStatus::kCancelled:
      return "cancelled";
  }
  return "?";
}

std::string_view SendPhaseName(SendPhase phase) {
  switch (phase) {
    case SendPhase::kConnect:
      return "connect";
    case SendPhase::kWrite:
      return "write";
    case SendPhase::kInFlight:
      return "in flight";
    case SendPhase::kThink:
      return "think";
    case SendPhase::kAck:
      return "ack";
    case SendPhase::kClose:
      return "close";
  }
  return "?";
}

size_t SendResult::failed() const {
  return static_cast<size_t>(
      std::count_if(connections.begin(), connections.end(),
                    [](const SendOutcome& outcome) { return !outcome.error.empty(); }));
}

std::string SendResult::FirstError() const {
  for (size_t i = 0; i < connections.size(); ++i) {
    if (!connections[i].error.empty()) return Concat("connection ", i, ": ", connections[i].error);
  }
  return {};
}

std::string SendResult::ToString() const {
  std::string text = Concat(SendStatusName(status), ": ", answered, " messages answered over ",
                            connections.size(), " connections in ", FormatDuration(wall));
  if (answered > 0) {
    Append(text, ", p50 ", FormatDuration(latency.ValueAtQuantile(0.5)), ", max ",
           FormatDuration(latency.max()));
  }
  if (failed() > 0) Append(text, "; ", failed(), " failed, first ", FirstError());
  return text;
}

}  // namespace spindle
