#include "bench/cli/seqpar_record.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "base/parse.h"
#include "base/strings.h"
#include "bench/send_modes/explain.h"

namespace spindle::bench {
namespace {

bool IsHere(const SocketAddress& address) { return address.is_loopback() || address.is_unix(); }

std::string Joined(const std::vector<uint64_t>& values, std::string (*format)(uint64_t)) {
  std::string text;
  for (const uint64_t value : values) Append(text, text.empty() ? "" : ", ", format(value));
  return text;
}

std::string Name(const SeqparNetwork& network) {
  if (!network.is_lab()) return "this machine as it is";
  std::string name = Concat("RTT ", FormatDuration(network.rtt));
  if (network.bits_per_second > 0) Append(name, ", ", FormatBitRate(network.bits_per_second));
  return name;
}

std::string Title(const SeqparFlags& flags, const SeqparVenue& venue) {
  std::string title =
      Concat("messages of ", Joined(flags.message_bytes, [](uint64_t n) { return FormatSize(n); }),
             ", reply ", ReplyModeName(flags.reply()), ", ",
             flags.pooled() ? "open connections, " : "a new connection each time, ", flags.blocks,
             " blocks of all arms in random order, seed ", flags.seed);
  if (!flags.own_server()) return Concat(title, ", server ", venue.address().ToString());
  Append(title, ", server in this process (", flags.loops, " worker loops, think time ",
         FormatDuration(flags.think), ")");
  for (const SeqparNetwork& network : flags.networks()) {
    if (network.is_lab()) Append(title, "; ", Name(network));
  }
  return title;
}

// The shortest time that a message of the first arm typically took; kNever without one.
Duration ShortestLatency(const RunRecord& record) {
  Duration shortest = Duration::max();
  for (const ArmRecord& arm : record.arms) {
    if (arm.name != "sequential" || arm.setting.message_bytes > 16 * 1024) continue;
    if (arm.latency.count() == 0) continue;
    shortest = std::min(shortest, arm.latency.ValueAtQuantile(0.5));
  }
  return shortest;
}

uint64_t Cores() { return std::max(1u, std::thread::hardware_concurrency()); }

}  // namespace

RunRecord SeqparRecord(const SeqparFlags& flags, const CommandLine& command_line) {
  RunRecord record{.command = command_line, .seed = flags.seed};
  for (const SeqparNetwork& network : flags.networks()) {
    if (!network.is_lab()) continue;
    record.net.kind = NetRecord::Kind::kNetlab;
    if (network.bits_per_second > 0) record.net.bits_per_second = network.bits_per_second;
  }
  return record;
}

void DescribeVenue(const SeqparFlags& flags, const SeqparVenue& venue, RunRecord& record) {
  record.title = Title(flags, venue);
  if (!flags.own_server() && !IsHere(venue.address())) record.net.kind = NetRecord::Kind::kRemote;
  std::string arms;
  for (const std::string& arm : flags.arms) Append(arms, arms.empty() ? "" : ",", arm);
  const auto number = [](uint64_t n) { return Concat(n); };
  record.config = {
      {"server", venue.address().ToString()},
      {"own_server", flags.own_server()},
      {"connections", Joined(flags.connections, number)},
      {"message_bytes", Joined(flags.message_bytes, number)},
      {"arms", std::move(arms)},
      {"messages_per_connection",
       flags.messages == 0 ? RunRecord::Value("auto") : RunRecord::Value(flags.messages)},
      {"reply", std::string(ReplyModeName(flags.reply()))},
      {"blocks", flags.blocks},
      {"equivalence", flags.equivalence},
      {"pool", flags.pooled()},
      {"nodelay", flags.no_delay()},
      {"client_loops", flags.client_loops},
      {"think_us", std::chrono::duration<double, std::micro>(flags.think).count()},
      {"aa", flags.aa}};
  if (flags.target_ci.has_value()) {
    record.config.emplace_back("target_ci", *flags.target_ci);
    record.config.emplace_back("max_time_s", std::chrono::duration<double>(flags.max_time).count());
  }
  if (flags.own_server()) record.config.emplace_back("loops", flags.loops);
  if (record.net.kind != NetRecord::Kind::kNetlab) return;
  record.config.emplace_back("queue_packets", flags.queue_packets);
  record.config.emplace_back("loss", flags.loss);
  record.config.emplace_back("jitter_us",
                             std::chrono::duration<double, std::micro>(flags.jitter).count());
}

void AddResult(const SeqparFlags& flags, const SeqparVenue& venue, SeqparResult result,
               RunRecord& record) {
  const bool network = venue.network().is_lab() || !IsHere(venue.address());
  Explain({.network = network,
           .think_blocks = flags.think_mode() != ThinkMode::kTimer,
           .echo = flags.reply() == ReplyMode::kEcho,
           .cores = Cores(),
           .client_loops = flags.client_loops,
           .server_loops = std::max<uint64_t>(flags.loops, 1)},
          result.arms, result.points);
  const size_t arms_before = record.arms.size();
  for (TimelineSpan& span : result.timeline) {
    span.arm += arms_before;
    record.timeline.push_back(span);
  }
  for (ArmRecord& arm : result.arms) record.arms.push_back(std::move(arm));
  for (PointRecord& point : result.points) {
    // Of several networks the last: the slowest, as people write them.
    if (point.rtt.has_value()) record.net.rtt_measured = point.rtt;
    record.points.push_back(std::move(point));
  }
  const auto width = [](const RatioEstimate& estimate) { return estimate.high / estimate.low; };
  if (result.noise_floor.has_value() && (!record.noise_floor.has_value() ||
                                         width(*result.noise_floor) > width(*record.noise_floor))) {
    record.noise_floor = result.noise_floor;
  }
  const std::string where =
      flags.networks().size() > 1 ? Concat(Name(venue.network()), ": ") : std::string();
  for (const auto& [what, count] : result.errors) record.errors[Concat(where, what)] += count;
  for (const std::string& warning : result.warnings) {
    record.warnings.push_back(Concat(where, warning));
  }
  record.interrupted = record.interrupted || result.interrupted;
}

void AddWarnings(const SeqparFlags& flags, RunRecord& record) {
  if (flags.own_server()) {
    record.warnings.push_back("the server is in this process, on threads of its own");
  }
  if (record.net.kind == NetRecord::Kind::kRemote) return;
  const std::vector<SeqparNetwork> networks = flags.networks();
  const bool as_it_is = !flags.own_server() ||
                        std::any_of(networks.begin(), networks.end(),
                                    [](const SeqparNetwork& network) { return !network.is_lab(); });
  record.warnings.push_back(Concat(
      "same machine: client and server share its processors",
      as_it_is ? "; without --rtt and --bw there is no network: no delay, 64 KiB packets, no "
                 "loss"
               : ""));
  if (as_it_is && ShortestLatency(record) < std::chrono::milliseconds(1)) {
    record.warnings.push_back(
        "with answers this fast the times are mostly those of threads waking each other "
        "(switches/msg), which change from run to run by more than the intervals say");
  }
}

}  // namespace spindle::bench
