#include "bench/report/json_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "base/errno_status.h"
#include "base/strings.h"
#include "bench/report/json_parts.h"
#include "bench/report/json_text.h"
#include "bench/report/run_format.h"
#include "bench/report/this_machine.h"
#include "bench/report/write_file.h"

namespace spindle::bench {
namespace {

// The event, then the setting that it belongs to, then what it says.
Json Event(std::string_view event, std::string_view arm, const Setting& setting, const Json& rest) {
  Json json = {{"event", std::string(event)},
               {"arm", std::string(arm)},
               {"connections", setting.connections},
               {"message_bytes", setting.message_bytes}};
  json.update(rest);
  return json;
}

}  // namespace

absl::StatusOr<std::unique_ptr<JsonLines>> JsonLines::Open(const std::string& path) {
  OwnedFd file;
  if (path != "-") {
    file.reset(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file.valid()) return ErrnoStatus(Concat("open ", path), errno);
  }
  return std::unique_ptr<JsonLines>(new JsonLines(std::move(file), path));
}

JsonLines::JsonLines(OwnedFd file, std::string path)
    : file_(std::move(file)), path_(path == "-" ? "stdout" : std::move(path)) {}

void JsonLines::Write(std::string line) {
  if (!status_.ok()) return;
  line += '\n';
  status_ = WriteTo(file_.valid() ? file_.get() : STDOUT_FILENO, line, path_);
}

void JsonLines::Start(const RunRecord& record) {
  Write(OneLine({{"event", "start"},
                 {"schema", std::string(kRunSchema)},
                 {"tool", ToolJson(record.tool ? *record.tool : ThisTool())},
                 {"cmd", record.command},
                 {"seed", record.seed},
                 {"host", HostJson(record.host ? *record.host : ThisHost())},
                 {"net", NetJson(record.net)},
                 {"config", ConfigJson(record)}}));
}

void JsonLines::Interval(std::string_view arm, const Setting& setting,
                         const IntervalRecord& interval) {
  Write(OneLine(Event("interval", arm, setting, IntervalJson(interval))));
}

void JsonLines::Block(std::string_view arm, const Setting& setting, const BlockRecord& block) {
  Write(OneLine(Event("block", arm, setting, BlockJson(block))));
}

absl::Status JsonLines::End(const RunRecord& record) {
  Json points = Json::array();
  for (const PointRecord& point : record.points) points.push_back(PointJson(point));
  Write(OneLine({{"event", "end"},
                 {"points", std::move(points)},
                 {"errors", ErrorsJson(record.errors)},
                 {"interrupted", record.interrupted},
                 {"warnings", record.warnings}}));
  return status_;
}

}  // namespace spindle::bench
