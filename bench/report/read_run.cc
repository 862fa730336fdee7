#include "bench/report/read_run.h"

#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/strings.h"
#include "bench/report/json_cursor.h"
#include "bench/report/run_format.h"
#include "bench/report/write_file.h"

namespace spindle::bench {
namespace {

using Json = JsonCursor::Json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Duration kMicro = std::chrono::microseconds(1);
constexpr Duration kSecond = std::chrono::seconds(1);

std::optional<std::string> OptionalText(const JsonCursor& at) {
  return at.has() ? std::optional(at.Text()) : std::nullopt;
}
std::optional<uint64_t> OptionalCount(const JsonCursor& at) {
  return at.has() ? std::optional(at.Count()) : std::nullopt;
}
std::optional<double> OptionalNumber(const JsonCursor& at) {
  return at.has() ? std::optional(at.Number()) : std::nullopt;
}
std::optional<Duration> OptionalTime(const JsonCursor& at, Duration unit) {
  return at.has() ? std::optional(at.Time(unit)) : std::nullopt;
}
double NumberOr(const JsonCursor& at, double otherwise) {
  return at.has() ? at.Number() : otherwise;
}

ToolRecord Tool(const JsonCursor& at) {
  return {.version = at.At("version").Text(),
          .commit = OptionalText(at.At("commit")),
          .build = at.At("build").Text()};
}

HostRecord Host(const JsonCursor& at) {
  HostRecord host = {.kernel = at.At("kernel").Text(),
                     .cpu_model = OptionalText(at.At("cpu_model")),
                     .cpus = at.At("cpus").Count(),
                     .congestion_control = OptionalText(at.At("cc")),
                     .governor = OptionalText(at.At("governor"))};
  if (!at.At("sysctl").has()) return host;
  at.At("sysctl").ForEachMember([&](const std::string& key, const JsonCursor& value) {
    host.sysctl.emplace_back(key, OptionalText(value));
  });
  return host;
}

NetRecord Net(const JsonCursor& at) {
  return {.kind = static_cast<NetRecord::Kind>(at.At("kind").OneOf(kNetKindNames)),
          .rtt_measured = OptionalTime(at.At("rtt_us_measured"), kMicro),
          .bits_per_second = OptionalCount(at.At("bw"))};
}

ErrorCounts Errors(const JsonCursor& at) {
  ErrorCounts errors;
  at.ForEachMember(
      [&](const std::string& what, const JsonCursor& count) { errors[what] = count.Count(); });
  return errors;
}

CpuTime Cpu(const JsonCursor& at, const JsonCursor& context_switches) {
  return {.user = at.At("user_s").Time(kSecond),
          .system = at.At("sys_s").Time(kSecond),
          .context_switches = context_switches.Integer()};
}

Setting ReadSetting(const JsonCursor& at) {
  Setting setting = {.connections = at.At("connections").Count(),
                     .message_bytes = at.At("message_bytes").Count()};
  setting.messages = OptionalCount(at.At("messages_per_connection")).value_or(0);
  setting.think = OptionalTime(at.At("think_us"), kMicro).value_or(Duration::zero());
  setting.rtt = OptionalTime(at.At("rtt_us_asked"), kMicro);
  setting.bits_per_second = OptionalCount(at.At("bw"));
  if (at.At("pool").has()) setting.pooled = at.At("pool").Flag();
  return setting;
}

BlockRecord Block(const JsonCursor& at) {
  BlockRecord block = {.block = at.At("block").Count(),
                       .order = at.At("order").Count(),
                       .start = at.At("t0_ns").Time(Duration(1)),
                       .wall = at.At("wall_s").Time(kSecond),
                       .messages = at.At("msgs").Count(),
                       .bytes = at.At("bytes").Count(),
                       .errors = Errors(at.At("errors")),
                       .cpu = Cpu(at.At("cpu"), at.At("ctxsw"))};
  const JsonCursor server = at.At("server_cpu");
  if (server.has()) block.server_cpu = Cpu(server, server.At("ctxsw"));
  block.system_calls = OptionalCount(at.At("syscalls"));
  block.retransmits = OptionalCount(at.At("retrans"));
  return block;
}

Histogram Latency(const JsonCursor& at) {
  at.At("count").Count();
  const JsonCursor hdr = at.At("hdr");
  if (!hdr.has()) return {};
  HistogramParts parts = {.min = hdr.At("min").Time(Duration(1)),
                          .max = hdr.At("max").Time(Duration(1)),
                          .mean = hdr.At("mean").Time(Duration(1)),
                          .clamped_low = hdr.At("clamped_low").Count(),
                          .clamped_high = hdr.At("clamped_high").Count()};
  hdr.At("buckets").ForEach([&](const JsonCursor& bucket) {
    uint64_t pair[2] = {};
    size_t found = 0;
    bucket.ForEach([&](const JsonCursor& number) {
      if (found < 2) pair[found] = number.Count();
      ++found;
    });
    if (found != 2 || pair[0] > static_cast<uint64_t>(Histogram::kMax.count())) {
      bucket.Fail("[lower bound in ns, count] is expected");
      return;
    }
    parts.buckets.push_back({.lower = Duration(static_cast<int64_t>(pair[0])), .count = pair[1]});
  });
  std::optional<Histogram> histogram = Histogram::FromParts(parts);
  if (histogram.has_value()) return *std::move(histogram);
  hdr.Fail("the buckets, minimum, maximum and mean do not fit together");
  return {};
}

ArmRecord Arm(const JsonCursor& at) {
  ArmRecord arm = {.name = at.At("name").Text(), .setting = ReadSetting(at)};
  at.At("blocks").ForEach([&](const JsonCursor& block) { arm.blocks.push_back(Block(block)); });
  arm.latency = Latency(at.At("latency"));
  constexpr std::string_view kLoops[] = {"closed", "open"};
  arm.closed_loop = at.At("loop").OneOf(std::span(kLoops)) == 0;
  if (at.At("send_lag").has()) arm.send_lag = Latency(at.At("send_lag"));
  if (!at.At("intervals").has()) return arm;
  at.At("intervals").ForEach([&](const JsonCursor& interval) {
    arm.intervals.push_back({.start = interval.At("start_s").Time(kSecond),
                             .length = interval.At("len_s").Time(kSecond),
                             .messages = interval.At("msgs").Count(),
                             .bytes = interval.At("bytes").Count()});
  });
  return arm;
}

// `names`: what its members are called.
struct EstimateNames {
  std::string_view ratio, interval, deviation;
};

RatioEstimate Estimate(const JsonCursor& at, const EstimateNames& names) {
  RatioEstimate estimate = {.blocks = at.At("blocks").Count(),
                            .ratio = at.At(names.ratio).Number()};
  std::vector<double> interval;
  at.At(names.interval).ForEach([&](const JsonCursor& end) {
    interval.push_back(NumberOr(end, kInfinity));
  });
  if (interval.size() == 2) {
    estimate.low = interval[0];
    estimate.high = interval[1];
  } else {
    at.At(names.interval).Fail("[low, high] is expected");
  }
  estimate.detectable = NumberOr(at.At("mde"), kInfinity);
  estimate.deviation = NumberOr(at.At(names.deviation), 0);
  return estimate;
}

Verdict ReadVerdict(const JsonCursor& at) {
  std::array<std::string_view, kVerdicts.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = VerdictName(kVerdicts[i]);
  return kVerdicts[at.OneOf(names)];
}

PointRecord Point(const JsonCursor& at) {
  PointRecord point = {.setting = ReadSetting(at)};
  if (at.At("base_arm").has()) point.base_arm = at.At("base_arm").Text();
  if (at.At("arm").has()) point.arm = at.At("arm").Text();
  point.rtt = OptionalTime(at.At("rtt_us"), kMicro);
  point.speedup = Estimate(at, {"speedup", "speedup_ci95", "speedup_sd"});
  point.verdict = ReadVerdict(at.At("verdict"));
  point.predicted = OptionalNumber(at.At("speedup_model"));
  point.predicted_base_wall = OptionalTime(at.At("model_base_s"), kSecond);
  point.predicted_arm_wall = OptionalTime(at.At("model_arm_s"), kSecond);
  point.limit = OptionalText(at.At("limit")).value_or("");
  if (!at.At("accepted_per_loop").has()) return point;
  at.At("accepted_per_loop").ForEach([&](const JsonCursor& count) {
    point.accepted_per_loop.push_back(count.Count());
  });
  return point;
}

CompareRecord Compare(const JsonCursor& at) {
  return {.statistic = at.At("stat").Text(),
          .estimate = Estimate(at, {"ratio", "ci95", "sd"}),
          .test = at.At("test").Text(),
          .p_value = OptionalNumber(at.At("p")),
          .verdict = ReadVerdict(at.At("verdict"))};
}

TimelineSpan Span(const JsonCursor& at, size_t arms) {
  TimelineSpan span = {.arm = at.At("arm").Count(),
                       .connection = at.At("conn").Count(),
                       .message = at.At("msg").Count(),
                       .phase = static_cast<TimelineSpan::Phase>(at.At("phase").OneOf(kPhaseNames)),
                       .start = at.At("start_us").Time(kMicro),
                       .length = at.At("dur_us").Time(kMicro)};
  if (span.arm >= arms) at.At("arm").Fail(Concat("there are ", arms, " arms"));
  return span;
}

void ReadConfig(const JsonCursor& at, RunRecord& record) {
  at.ForEachMember([&](const std::string& key, const JsonCursor& value) {
    if (!value.has()) return;
    if (value.is_text()) {
      record.config.emplace_back(key, value.Text());
    } else if (value.is_flag()) {
      record.config.emplace_back(key, value.Flag());
    } else if (value.is_count()) {
      record.config.emplace_back(key, value.Count());
    } else {
      record.config.emplace_back(key, value.Number());
    }
  });
}

RunRecord Run(const JsonCursor& at) {
  const JsonCursor schema = at.At("schema");
  RunRecord record;
  if (const std::string name = schema.Text(); name != kRunSchema) {
    schema.Fail(Concat("\"", name, "\" is not ", kRunSchema));
    return record;
  }
  record.tool = Tool(at.At("tool"));
  at.At("cmd").ForEach([&](const JsonCursor& word) { record.command.push_back(word.Text()); });
  record.seed = at.At("seed").Count();
  record.host = Host(at.At("host"));
  if (at.At("net").has()) record.net = Net(at.At("net"));
  ReadConfig(at.At("config"), record);
  at.At("arms").ForEach([&](const JsonCursor& arm) { record.arms.push_back(Arm(arm)); });
  at.At("points").ForEach([&](const JsonCursor& point) { record.points.push_back(Point(point)); });
  if (at.At("compare").has()) {
    at.At("compare").ForEach(
        [&](const JsonCursor& one) { record.compare.push_back(Compare(one)); });
  }
  if (at.At("noise_floor").has()) {
    record.noise_floor = Estimate(at.At("noise_floor"), {"ratio", "ci95", "sd"});
  }
  if (at.At("timeline").has()) {
    at.At("timeline").ForEach([&](const JsonCursor& span) {
      record.timeline.push_back(Span(span, record.arms.size()));
    });
  }
  record.errors = Errors(at.At("errors"));
  record.interrupted = at.At("interrupted").Flag();
  at.At("warnings").ForEach([&](const JsonCursor& text) {
    record.warnings.push_back(text.Text());
  });
  return record;
}

// The parser's values are destroyed by recursion, so that depth takes stack.
constexpr int kMaxDepth = 64;

bool TooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      if (++depth > kMaxDepth) return true;
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<RunRecord> RunFromJson(std::string_view text) {
  if (TooDeep(text)) return absl::InvalidArgumentError("lists within lists too deep");
  Json json;
  try {
    json = Json::parse(text.begin(), text.end());
  } catch (const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::string_view what = error.what();
    return absl::InvalidArgumentError(ToAbsl(what.substr(what.find("] ") + 2)));
  }
  absl::Status status;
  RunRecord record = Run(JsonCursor(json, status));
  if (!status.ok()) return status;
  return record;
}

absl::StatusOr<RunRecord> ReadRun(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<RunRecord> record = RunFromJson(*text);
  if (record.ok()) return record;
  return absl::InvalidArgumentError(
      ToAbsl(Concat(path, ": ", FromAbsl(record.status().message()))));
}

}  // namespace spindle::bench
