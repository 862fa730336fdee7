#include "bench/scan/scan_report.h"

#include <errno.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include "base/errno_status.h"
#include "base/parse.h"
#include "base/strings.h"
#include "base/text_table.h"
#include "bench/report/json_text.h"
#include "bench/sockets/service_name.h"

namespace spindle::bench {
namespace {

constexpr PortState kStates[] = {PortState::kOpen, PortState::kClosed, PortState::kFiltered,
                                 PortState::kFailed};

std::vector<PortResult> InOrder(const ScanReport& report) {
  std::vector<PortResult> results = report.results;
  std::sort(results.begin(), results.end(),
            [](const PortResult& a, const PortResult& b) { return a.target < b.target; });
  return results;
}

std::string Service(const SocketAddress& target) {
  return target.is_ip() ? ServiceName(target.port(), SocketKind::kTcp) : "";
}

std::string Reason(const PortResult& result) {
  if (result.error.ok()) return "";
  if (result.error.code() == ETIMEDOUT) return "no answer";
  return ErrnoText(result.error.code());
}

bool IsUnreachable(const PortResult& result) {
  const int code = result.error.code();
  return result.state == PortState::kFailed || code == ENETUNREACH || code == EHOSTUNREACH;
}

std::string Place(const SocketAddress& target) {
  return target.is_ip() ? target.ip() : target.ToString();
}

// "3 failed: Permission denied"; nothing if there is nothing that needs to be explained.
std::string Explain(const ScanReport& report) {
  std::map<std::pair<PortState, std::string>, size_t> reasons;
  for (const PortResult& result : report.results) {
    if (IsUnreachable(result)) ++reasons[{result.state, Reason(result)}];
  }
  std::string text;
  for (const auto& [reason, count] : reasons) {
    Append(text, count, " ", PortStateName(reason.first), ": ", reason.second, "\n");
  }
  return text;
}

std::string Summary(const ScanReport& report) {
  std::string text;
  if (report.results.size() < report.targets.size()) {
    Append(text, report.results.size(), " of ");
  }
  Append(text, report.targets.size(), report.targets.size() == 1 ? " port" : " ports");
  if (report.hosts.size() == 1) {
    const ScanHost& host = report.hosts.front();
    const std::string place = Place(host.address);
    Append(text, " of ", host.name, host.name == place ? "" : Concat(" (", place, ")"));
  } else {
    Append(text, " of ", report.hosts.size(), " hosts");
  }
  text += ":";
  for (const PortState state : kStates) {
    const size_t count = report.Count(state);
    if (count == 0 && state == PortState::kFailed) continue;
    Append(text, state == PortState::kOpen ? " " : ", ", count, " ", PortStateName(state));
  }
  Append(text, ", in ", FormatDuration(report.took), "\n");
  if (report.lowered_to > 0) {
    Append(text, "tried ", report.lowered_to,
           " at once in the end: this machine had no room for more\n");
  }
  return text;
}

}  // namespace

size_t ScanReport::Count(PortState state) const {
  return static_cast<size_t>(
      std::count_if(results.begin(), results.end(),
                    [state](const PortResult& result) { return result.state == state; }));
}

bool ScanReport::nothing_reached() const {
  return !results.empty() && std::all_of(results.begin(), results.end(), IsUnreachable);
}

std::string ScanText(const ScanReport& report, ScanRows rows) {
  const bool many = report.hosts.size() > 1;
  const bool all = rows == ScanRows::kAll;
  std::vector<std::string> headings;
  if (many) headings.push_back("HOST");
  headings.insert(headings.end(), {"PORT", "STATE", "SERVICE"});
  if (all) headings.push_back("REASON");
  TextTable table(headings);
  bool any = false;
  for (const PortResult& result : InOrder(report)) {
    if (!all && result.state != PortState::kOpen) continue;
    const SocketAddress& target = report.targets[result.target];
    std::vector<std::string> row;
    if (many) row.push_back(Place(target));
    row.insert(row.end(), {target.is_ip() ? Concat(target.port()) : target.ToString(),
                           std::string(PortStateName(result.state)), Service(target)});
    if (all) row.push_back(Reason(result));
    table.AddRow(std::move(row));
    any = true;
  }
  return Concat(any ? table.ToString() : "", Summary(report), all ? "" : Explain(report));
}

std::string ScanJson(const ScanReport& report) {
  Json ports = Json::array();
  for (const PortResult& result : InOrder(report)) {
    const SocketAddress& target = report.targets[result.target];
    Json port;
    if (target.is_ip()) {
      port = {{"address", target.ip()}, {"port", target.port()}};
    } else {
      port = {{"address", target.ToString()}};
    }
    port["state"] = PortStateName(result.state);
    if (const std::string service = Service(target); !service.empty()) port["service"] = service;
    if (!result.error.ok()) port["error"] = ErrnoName(result.error.code());
    ports.push_back(std::move(port));
  }
  Json hosts = Json::array();
  for (const ScanHost& host : report.hosts) {
    hosts.push_back({{"name", host.name}, {"address", Place(host.address)}});
  }
  Json counts;
  for (const PortState state : kStates) counts[PortStateName(state)] = report.Count(state);
  const Json json = {{"schema", "spindle.scan/1"},
                     {"hosts", std::move(hosts)},
                     {"asked", report.targets.size()},
                     {"counts", std::move(counts)},
                     {"wall_s", std::chrono::duration<double>(report.took).count()},
                     {"ports", std::move(ports)}};
  return IndentedLines(json);
}

}  // namespace spindle::bench
