#include "tests/bench/report/sample_record.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace spindle::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kRtt = milliseconds(10);
constexpr size_t kTimelineConnections = 8;

// `time` with up to `percent` added.
Duration Jitter(Random& random, Duration time, uint64_t percent) {
  const auto most = static_cast<uint64_t>(time.count()) * percent / 100 + 1;
  return time + Duration(static_cast<int64_t>(random.Uniform(most)));
}

ArmRecord Arm(Random& random, const std::string& name, const Setting& setting, size_t window,
              uint64_t blocks) {
  ArmRecord arm{.name = name, .setting = setting};
  const uint64_t messages = setting.messages * setting.connections;
  const auto rounds = static_cast<int64_t>((messages + window - 1) / window);
  const Duration own = microseconds(20) * static_cast<int64_t>(window);
  const Duration exchange = setting.rtt.value_or(microseconds(60)) + setting.think + own;
  for (uint64_t i = 0; i < blocks; ++i) {
    const Duration wall = Jitter(random, exchange * rounds, 4);
    const Duration cpu = microseconds(14) * static_cast<int64_t>(messages);
    arm.blocks.push_back({.block = i + 1,
                          .order = random.Uniform(2),
                          .start = Duration(milliseconds(300)) * static_cast<int64_t>(i),
                          .wall = wall,
                          .messages = messages,
                          .bytes = messages * setting.message_bytes,
                          .cpu = {Jitter(random, cpu, 10), cpu / 2, static_cast<int64_t>(messages)},
                          .server_cpu = CpuTime{cpu, cpu / 3, static_cast<int64_t>(messages) / 2},
                          .system_calls = messages * 3,
                          .retransmits = random.Uniform(20) == 0 ? 1u : 0u});
  }
  for (uint64_t i = 0; i < messages * blocks; ++i) {
    const Duration stall = random.OneIn(300) ? Jitter(random, milliseconds(3), 300) : Duration(0);
    arm.latency.Record(Jitter(random, exchange, 5) + stall);
  }
  return arm;
}

void AddPoint(RunRecord& record, Random& random, const Setting& setting, uint64_t blocks) {
  record.arms.push_back(Arm(random, "sequential", setting, 1, blocks));
  record.arms.push_back(Arm(random, "parallel", setting, setting.connections, blocks));
  const auto& base = record.arms[record.arms.size() - 2].blocks;
  const auto& arm = record.arms.back().blocks;
  std::vector<Duration> a, b;
  for (const BlockRecord& block : base) a.push_back(block.wall);
  for (const BlockRecord& block : arm) b.push_back(block.wall);
  PointRecord point{.setting = setting, .rtt = kRtt + microseconds(210)};
  point.speedup = EstimateRatio(LogRatios(a, b), record.seed, 500);
  point.verdict = Judge(point.speedup, 0.05);
  const auto n = static_cast<double>(setting.connections);
  point.predicted = n * 10.02 / (10 + n * 0.02);
  const Duration round = kRtt + microseconds(20);
  const auto rounds = static_cast<int64_t>(setting.messages);
  point.predicted_base_wall = round * rounds * static_cast<int64_t>(setting.connections);
  point.predicted_arm_wall =
      (kRtt + microseconds(20) * static_cast<int64_t>(setting.connections)) * rounds;
  point.limit = setting.connections < 16 ? "round trip" : "sender core";
  point.accepted_per_loop = {setting.connections - setting.connections / 2,
                             setting.connections / 2};
  record.points.push_back(std::move(point));
}

// One exchange of one connection, from `start` on; returns its end.
Duration AddSpans(RunRecord& record, size_t arm, size_t connection, Duration start) {
  using Phase = TimelineSpan::Phase;
  const std::pair<Phase, Duration> phases[] = {{Phase::kWrite, microseconds(120)},
                                               {Phase::kInFlight, milliseconds(5)},
                                               {Phase::kThink, milliseconds(1)},
                                               {Phase::kAck, milliseconds(5)}};
  for (const auto& [phase, length] : phases) {
    record.timeline.push_back(
        {.arm = arm, .connection = connection, .phase = phase, .start = start, .length = length});
    start += length;
  }
  return start;
}

void AddTimeline(RunRecord& record, size_t base, size_t connections) {
  Duration at = microseconds(10);
  for (size_t i = 0; i < connections; ++i) at = AddSpans(record, base, i, at);
  for (size_t i = 0; i < connections; ++i) {
    AddSpans(record, base + 1, i, microseconds(10) + microseconds(40) * static_cast<int64_t>(i));
  }
}

RunRecord Frame(std::vector<std::string> command) {
  RunRecord record{.command = std::move(command), .seed = 7};
  record.tool = ToolRecord{.version = "0.1.0", .build = "optimized, compiler 12.2.0"};
  record.host = HostRecord{.kernel = "Linux 6.18.0",
                           .cpu_model = "Example CPU 3.0 GHz",
                           .cpus = 2,
                           .congestion_control = "bbr"};
  record.host->sysctl = {{"net/core/somaxconn", "4096"}, {"net/ipv4/tcp_rmem", std::nullopt}};
  return record;
}

RunRecord MakeLarge() {
  RunRecord record = Frame({"spindle", "seqpar", "-n", "1..1024", "-s", "64,1K,64K,1M"});
  Random random(11);
  for (const uint64_t bytes : {64, 1024, 65536, 1 << 20}) {
    for (size_t connections = 1; connections <= 1024; connections *= 2) {
      AddPoint(record, random,
               {.connections = connections, .message_bytes = bytes, .messages = 2, .rtt = kRtt},
               10);
    }
  }
  AddTimeline(record, record.arms.size() - 2, 1024);
  return record;
}

}  // namespace

RunRecord SampleSeqpar() {
  RunRecord record = Frame({"spindle", "seqpar", "-n", "1..16", "--rtt", "10ms"});
  Random random(record.seed);
  record.net = {.kind = NetRecord::Kind::kNetlab,
                .rtt_measured = kRtt + microseconds(210),
                .bits_per_second = 1'000'000'000};
  record.config = {{"server", std::string("10.77.0.2:9000")},
                   {"blocks", uint64_t{20}},
                   {"think_us", 12.5},
                   {"pool", true}};
  for (const size_t connections : {1, 2, 4, 8, 16}) {
    AddPoint(record, random,
             {.connections = connections, .message_bytes = 1024, .messages = 3, .rtt = kRtt}, 20);
    for (ArmRecord* arm : {&record.arms.back(), &record.arms[record.arms.size() - 2]}) {
      for (int64_t i = 0; i < 8; ++i) {
        arm->intervals.push_back({.start = milliseconds(100 * i),
                                  .length = milliseconds(100),
                                  .messages = 40 + random.Uniform(10),
                                  .bytes = 40960});
      }
    }
  }
  AddTimeline(record, 6, kTimelineConnections);
  record.noise_floor = RatioEstimate{.blocks = 20,
                                     .ratio = 1.003,
                                     .low = 0.98,
                                     .high = 1.02,
                                     .detectable = 0.03,
                                     .deviation = 0.05};
  record.compare.push_back({.statistic = "throughput",
                            .estimate = record.points.back().speedup,
                            .test = "Wilcoxon signed-rank",
                            .p_value = 0.0003,
                            .verdict = Verdict::kFaster});
  record.warnings = {"the server is in this process, on threads of its own"};
  return record;
}

RunRecord SampleBench() {
  RunRecord record = Frame({"spindle", "bench", "-c", "64", "127.0.0.1", "9001"});
  Random random(3);
  ArmRecord arm{.name = "echo",
                .setting = {.connections = 64, .message_bytes = 64},
                .closed_loop = false,
                .send_lag = Histogram()};
  arm.send_lag->RecordMany(microseconds(3), 1000);
  for (int i = 0; i < 50000; ++i) arm.latency.Record(Jitter(random, microseconds(90), 900));
  for (int64_t i = 0; i < 100; ++i) {
    const uint64_t messages = 400 + random.Uniform(200);
    arm.intervals.push_back({.start = milliseconds(100) * i,
                             .length = milliseconds(100),
                             .messages = messages,
                             .bytes = messages * 64});
  }
  arm.blocks.push_back({.start = seconds(1),
                        .wall = seconds(10),
                        .messages = 50000,
                        .bytes = 3200000,
                        .cpu = {seconds(3), seconds(4), 900}});
  record.arms.push_back(std::move(arm));
  record.errors["no answer at the end"] = 2;
  return record;
}

RunRecord SampleInterrupted() {
  RunRecord record = Frame({"spindle", "seqpar"});
  const Setting setting{.connections = 4, .message_bytes = 1024};
  record.arms = {ArmRecord{.name = "sequential", .setting = setting},
                 ArmRecord{.name = "parallel", .setting = setting}};
  record.points.push_back({.setting = setting, .speedup = EstimateRatio({}, 1)});
  record.interrupted = true;
  return record;
}

RunRecord SampleHostile() {
  const std::string evil =
      "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\"'&amp;\x1b[31m\xff,\n"
      "=1+1\xe2\x80\xae";
  RunRecord record = SampleSeqpar();
  record.command = {"spindle", "seqpar", evil};
  record.tool = ToolRecord{.version = evil, .commit = evil, .build = evil};
  record.host = HostRecord{.kernel = evil,
                           .cpu_model = evil,
                           .cpus = UINT64_MAX,
                           .congestion_control = evil,
                           .governor = evil,
                           .sysctl = {{evil, evil}}};
  record.config.emplace_back(evil, evil);
  for (ArmRecord& arm : record.arms) {
    if (arm.name == "parallel") arm.name = evil;
  }
  for (PointRecord& point : record.points) {
    point.arm = evil;
    point.limit = evil;
  }
  record.compare[0].statistic = evil;
  record.compare[0].test = evil;
  record.errors[evil] = 3;
  record.warnings.push_back(evil);
  return record;
}

// Takes long to make.
RunRecord SampleLarge() {
  static const RunRecord* const record = new RunRecord(MakeLarge());
  return *record;
}

}  // namespace spindle::bench
