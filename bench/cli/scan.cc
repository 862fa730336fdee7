// spindle scan: which ports of a host are open.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/descriptor_limit.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/report/progress.h"
#include "bench/report/write_file.h"
#include "bench/scan/port_scan.h"
#include "bench/scan/scan_report.h"
#include "bench/scan/scan_targets.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

constexpr size_t kMostHosts = 65536;
constexpr uint64_t kMostTargets = 16'000'000;

struct ScanFlags {
  std::vector<std::string> words;
  ScanOptions options;
  uint64_t parallel = ScanOptions().parallel;
  bool many = false;
  bool all = false;
  bool v4 = false;
  bool v6 = false;
  bool quiet = false;
  std::optional<std::string> json;

  IpFamily family() const { return v4 == v6 ? IpFamily::kAny : v4 ? IpFamily::kV4 : IpFamily::kV6; }
};

absl::Status CheckCount(const ScanFlags& flags, const ScanReport& report, uint64_t ports) {
  if (report.hosts.size() > 1 && !flags.many) {
    return absl::InvalidArgumentError(
        ToAbsl(Concat("these are ", report.hosts.size(), " hosts: say --many if that is meant")));
  }
  if (report.hosts.size() * ports > kMostTargets) {
    return absl::InvalidArgumentError(
        ToAbsl(Concat("more than ", kMostTargets, " ports in all are too many")));
  }
  return absl::OkStatus();
}

// What is to be tried.
absl::StatusOr<ScanReport> Targets(const ScanFlags& flags) {
  ScanReport report;
  if (flags.words.front().starts_with("unix:")) {
    if (flags.words.size() > 1) return absl::InvalidArgumentError("a Unix socket has no ports");
    absl::StatusOr<SocketAddress> address = SocketAddress::Parse(flags.words.front());
    if (!address.ok()) return address.status();
    report.hosts.push_back({address->ToString(), *address});
    report.targets.push_back(*address);
    return report;
  }
  if (flags.words.size() != 2) return absl::InvalidArgumentError("HOST PORTS is needed");
  const absl::StatusOr<std::vector<uint16_t>> ports = ParsePorts(flags.words[1]);
  if (!ports.ok()) return ports.status();
  absl::StatusOr<std::vector<ScanHost>> hosts =
      ResolveHosts(flags.words[0], flags.family(), kMostHosts);
  if (!hosts.ok()) return hosts.status();
  report.hosts = *std::move(hosts);
  absl::Status status = CheckCount(flags, report, ports->size());
  if (!status.ok()) return status;
  for (const ScanHost& host : report.hosts) {
    for (const uint16_t port : *ports) report.targets.push_back(host.address.WithPort(port));
  }
  return report;
}

void ShowProgress(Progress& progress, const ScanReport& report) {
  progress.Show(Concat(report.results.size(), "/", report.targets.size(), " ports, ",
                       report.Count(PortState::kOpen), " open"));
}

// Runs the scan, to its end or to the first signal. Returns whether it was interrupted.
absl::StatusOr<bool> Run(const ScanFlags& flags, ScanReport& report) {
  absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "scan"});
  if (!loop.ok()) return loop.status();
  absl::StatusOr<std::unique_ptr<Interrupt>> interrupt =
      Interrupt::Watch(**loop, [&] { (*loop)->Quit(); });
  if (!interrupt.ok()) return interrupt.status();
  ScanOptions options = flags.options;
  options.parallel = flags.parallel;
  const TimePoint began = (*loop)->Now();
  PortScan scan(
      **loop, report.targets, options,
      [&](const PortResult& result) { report.results.push_back(result); },
      [&] { (*loop)->Quit(); });
  scan.Start();
  Progress progress(flags.quiet ? Progress::Mode::kQuiet : Progress::Mode::kShow);
  (*loop)->RunEvery(progress.period(), [&] { ShowProgress(progress, report); });
  absl::Status status = (*loop)->Run();
  progress.Clear();
  if (!status.ok()) return status;
  report.took = (*loop)->Now() - began;
  if (scan.parallel() < options.parallel) report.lowered_to = scan.parallel();
  return (*interrupt)->requested();
}

int Scan(const ScanFlags& flags) {
  absl::StatusOr<ScanReport> report = Targets(flags);
  if (!report.ok()) return Fail("scan", report.status());
  RaiseDescriptorLimit();
  const absl::StatusOr<bool> interrupted = Run(flags, *report);
  if (!interrupted.ok()) return Fail("scan", interrupted.status());
  absl::Status status;
  if (flags.json != "-") {
    status.Update(WriteFile(ScanText(*report, flags.all ? ScanRows::kAll : ScanRows::kOpen), "-"));
  }
  if (flags.json.has_value()) status.Update(WriteFile(ScanJson(*report), *flags.json));
  if (!status.ok()) return Fail("scan", status);
  if (*interrupted) return kExitInterrupted;
  if (report->nothing_reached()) return kExitNoConnect;
  return report->Count(PortState::kOpen) > 0 ? kExitOk : kExitThreshold;
}

}  // namespace

Command AddScan(CLI::App& program) {
  const auto flags = std::make_shared<ScanFlags>();
  CLI::App& app = AddCommand(program, "scan", "which TCP ports of a host are open");
  AddText(app, "target", flags->words,
          "one host, and its ports: 22,80,8000-8100, or names of services; or a Unix "
          "socket. With --many: hosts and networks, 10.0.0.1,192.168.1.0/24")
      .Type("HOST PORTS")
      .Times(1, 2)
      .Required();
  AddDuration(app, "--timeout", flags->options.timeout, "for each port; no answer means filtered",
              kAboveZero);
  AddSize(app, "--rate", flags->options.rate, {}, "attempts per second; 0: no limit");
  AddSize(app, "--parallel", flags->parallel, {1, 100'000},
          "attempts at once; fewer where this machine runs out of descriptors or ports");
  AddSwitch(app, "--many", flags->many, "more hosts than one are meant");
  AddSwitch(app, "--all", flags->all, "also the ports that are not open, and why");
  AddSwitch(app, "-4,--ipv4", flags->v4, "IPv4 addresses only");
  AddSwitch(app, "-6,--ipv6", flags->v6, "IPv6 addresses only");
  AddSwitch(app, "--quiet", flags->quiet, "no progress");
  AddJson(app, flags->json);
  SetFooter(app, "Exit code: 0 a port is open, 1 none is, 3 nothing could be reached.");
  return {&app, [flags](const CommandLine&) { return Scan(*flags); }};
}

}  // namespace spindle::bench
