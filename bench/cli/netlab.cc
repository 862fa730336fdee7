// spindle netlab: runs a command, and a server for it, on two hosts that a slow network joins.

#include "bench/netlab/netlab.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/errno_status.h"
#include "base/histogram.h"
#include "base/parse.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/lab_keeper.h"
#include "bench/cli/lab_program.h"
#include "bench/netlab/net_namespace.h"
#include "net/loop/event_loop.h"
#include "net/loop/signal_watcher.h"

namespace spindle::bench {
namespace {

constexpr NetlabEngine kEngines[] = {NetlabEngine::kAuto, NetlabEngine::kBox, NetlabEngine::kTbf,
                                     NetlabEngine::kNetem};

// For the server to end by itself.
constexpr Duration kServerGrace = std::chrono::seconds(2);

struct NetlabFlags {
  NetlabOptions lab;
  size_t engine_index = 0;
  bool reorder = false;
  std::string server;
  std::vector<std::string> words;
  bool check = false;
  bool quiet = false;
};

NetlabOptions Options(const NetlabFlags& flags) {
  NetlabOptions options = flags.lab;
  options.engine = kEngines[flags.engine_index];
  options.reordering = flags.reorder ? Reordering::kByJitter : Reordering::kNever;
  return options;
}

int NotHere(const absl::Status& status) {
  return Fail(kExitNotHere, "netlab", Concat("not possible here: ", FromAbsl(status.message())));
}

int FailLab(const absl::Status& status) {
  return absl::IsUnavailable(status) ? NotHere(status) : Fail("netlab", status);
}

int Check() {
  const NetlabSupport support = ProbeNetlab();
  const auto print = [](NetlabEngine engine, const absl::Status& status) {
    const std::string answer = status.ok() ? "yes" : Concat("no: ", FromAbsl(status.message()));
    std::fputs(Concat(NetlabEngineName(engine), ": ", answer, "\n").c_str(), stdout);
  };
  print(NetlabEngine::kBox, support.box);
  print(NetlabEngine::kTbf, support.tbf);
  print(NetlabEngine::kNetem, support.netem);
  return support.box.ok() ? kExitOk : NotHere(support.box);
}

std::vector<std::string> Environment(const Netlab& lab) {
  const auto path = [](const NetNamespace& space) {
    return Concat("/proc/", getpid(), "/fd/", space.fd());
  };
  return {LabMark(),
          Concat("SPINDLE_NETLAB_CLIENT=", lab.client().ip()),
          Concat("SPINDLE_NETLAB_SERVER=", lab.server().ip()),
          Concat("SPINDLE_NETLAB_CLIENT6=", lab.client_v6().ip()),
          Concat("SPINDLE_NETLAB_SERVER6=", lab.server_v6().ip()),
          Concat("SPINDLE_NETLAB_CLIENT_NS=", path(lab.client_namespace())),
          Concat("SPINDLE_NETLAB_SERVER_NS=", path(lab.server_namespace()))};
}

std::vector<std::string> CommandOf(const NetlabFlags& flags) {
  if (!flags.words.empty()) return flags.words;
  const char* const shell = std::getenv("SHELL");
  return {shell == nullptr || *shell == '\0' ? "/bin/sh" : shell};
}

std::string Title(const NetlabOptions& options, const Netlab& lab) {
  std::string title = Concat("netlab: engine ", NetlabEngineName(lab.engine()), ", RTT ",
                             FormatDuration(options.rtt), ", rate ",
                             options.bits_per_second == 0 ? std::string("unlimited")
                                                          : FormatBitRate(options.bits_per_second));
  if (options.bits_per_second > 0) Append(title, ", queue ", options.queue_packets);
  if (options.jitter > Duration::zero()) {
    Append(title, ", jitter ", FormatDuration(options.jitter));
  }
  return title;
}

std::string Line(std::string_view direction, const LinkStats& stats) {
  std::string line = Concat("netlab: to ", direction, ": ", stats.packets, " packets, ",
                            FormatSize(stats.bytes), ", lost ", stats.lost, ", queue full ",
                            stats.queue_full, ", longest queue ", stats.max_queue);
  if (stats.lab_dropped > 0) Append(line, ", DROPPED BY THE LAB ", stats.lab_dropped);
  if (stats.late.count() > 0) {
    Append(line, ", late p50 ", FormatDuration(stats.late.ValueAtQuantile(0.5)), " p99 ",
           FormatDuration(stats.late.ValueAtQuantile(0.99)), " max ",
           FormatDuration(stats.late.max()));
  }
  return line;
}

// The programs of one lab, from their start to their end. Loop thread only.
class LabRun {
 public:
  LabRun(EventLoop& loop, const Netlab& lab, const NetlabFlags& flags)
      : loop_(loop), lab_(lab), flags_(flags) {}

  // Runs them. Returns the exit code of the command.
  int Run();

 private:
  absl::Status Start();
  void OnSignal(int signal, const signalfd_siginfo& info);
  void Reap();
  void Summarise() const;

  EventLoop& loop_;
  const Netlab& lab_;
  const NetlabFlags& flags_;
  std::unique_ptr<SignalWatcher> watcher_;
  // -1 before and after.
  pid_t command_ = -1;
  pid_t server_ = -1;
  int exit_code_ = kExitOk;
};

int LabRun::Run() {
  absl::StatusOr<std::unique_ptr<SignalWatcher>> watcher = SignalWatcher::Create(
      loop_, {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2},
      [this](int signal, const signalfd_siginfo& info) { OnSignal(signal, info); });
  if (!watcher.ok()) return Fail("netlab", watcher.status());
  watcher_ = *std::move(watcher);
  const absl::Status started = Start();
  if (!started.ok()) {
    exit_code_ = Fail(static_cast<ExitCode>(ErrnoOf(started) == ENOENT ? 127 : 126), "netlab",
                      FromAbsl(started.message()));
  }
  absl::Status status;
  if (command_ > 0) status = loop_.Run();
  if (status.ok() && server_ > 0) {
    kill(-server_, SIGTERM);
    loop_.RunAfter(kServerGrace, [this] { loop_.Quit(); });
    status = loop_.Run();
  }
  if (!status.ok()) return Fail("netlab", status);
  if (started.ok() && !flags_.quiet) Summarise();
  const ino_t spaces[] = {lab_.client_namespace().inode(), lab_.server_namespace().inode()};
  KillProcessesIn(spaces);
  return exit_code_;
}

absl::Status LabRun::Start() {
  const std::vector<std::string> environment = Environment(lab_);
  if (flags_.words.empty() && !flags_.quiet) {
    std::fputs(Concat("netlab: a shell on ", lab_.client().ip(), "; the other host is ",
                      lab_.server().ip(), "; its end ends the lab\n")
                   .c_str(),
               stderr);
  }
  if (!flags_.server.empty()) {
    const absl::StatusOr<pid_t> server = StartInLab({.words = {"/bin/sh", "-c", flags_.server},
                                                     .environment = environment,
                                                     .namespace_fd = lab_.server_namespace().fd(),
                                                     .place = LabPlace::kBackground});
    if (!server.ok()) return server.status();
    server_ = *server;
  }
  const absl::StatusOr<pid_t> command = StartInLab({.words = CommandOf(flags_),
                                                    .environment = environment,
                                                    .namespace_fd = lab_.client_namespace().fd(),
                                                    .place = LabPlace::kForeground});
  if (!command.ok()) return command.status();
  command_ = *command;
  return absl::OkStatus();
}

void LabRun::OnSignal(int signal, const signalfd_siginfo& info) {
  if (signal == SIGCHLD) {
    Reap();
  } else if (info.ssi_code != SI_KERNEL && command_ > 0) {
    // What the terminal sends, it has sent to the command as well.
    kill(command_, signal);
  }
}

void LabRun::Reap() {
  int status = 0;
  if (server_ > 0 && waitpid(server_, &status, WNOHANG) == server_) {
    server_ = -1;
    if (command_ < 0) {
      loop_.Quit();
    } else if (const int code = ShellExitCode(status); code != 0) {
      Fail(kExitOk, "netlab", Concat("the server has ended: exit code ", code));
    }
  }
  if (command_ > 0 && waitpid(command_, &status, WNOHANG) == command_) {
    command_ = -1;
    exit_code_ = ShellExitCode(status);
    loop_.Quit();
  }
}

void LabRun::Summarise() const {
  const absl::StatusOr<NetlabStats> stats = lab_.Stats();
  if (!stats.ok()) {
    Fail("netlab", stats.status());
    return;
  }
  const std::string text =
      Concat(Title(Options(flags_), lab_), "\n", Line("server", stats->to_server), "\n",
             Line("client", stats->to_client), "\n");
  std::fputs(text.c_str(), stderr);
}

int RunLab(const NetlabFlags& flags) {
  const absl::StatusOr<std::unique_ptr<LabKeeper>> keeper = LabKeeper::Start();
  if (!keeper.ok()) return Fail("netlab", keeper.status());
  const absl::StatusOr<std::unique_ptr<Netlab>> lab = Netlab::Create(Options(flags));
  if (!lab.ok()) return FailLab(lab.status());
  for (const NetNamespace* space : {&(*lab)->client_namespace(), &(*lab)->server_namespace()}) {
    const absl::Status status = (*keeper)->Guard(space->fd());
    if (!status.ok()) return Fail("netlab", status);
  }
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "netlab"});
  if (!loop.ok()) return Fail("netlab", loop.status());
  return LabRun(**loop, **lab, flags).Run();
}

// The words after "--", as they were given: CLI11 takes some apart, such as "[a,b]". False if there
// are others.
bool TakeCommand(const CommandLine& line, std::vector<std::string>& words) {
  const auto mark = std::find(line.begin(), line.end(), "--");
  if (mark == line.end()) return words.empty();
  const std::vector<std::string> after(mark + 1, line.end());
  const bool only_these = after.empty() ? words.empty()
                                        : !words.empty() && (after.front() == words.front() ||
                                                             after.front().starts_with('['));
  words = after;
  return only_these;
}

int NetlabCommand(NetlabFlags flags, const CommandLine& line) {
  if (!TakeCommand(line, flags.words)) {
    return Fail(kExitUsage, "netlab", "give the command after --");
  }
  // From here: processes of other user namespaces cannot be looked at from within one.
  if (!flags.check) KillLeftovers();
  // Users who are not root may be so in a namespace of their own. If not, the next step says why.
  if (!MayMakeNamespaces()) EnterUserNamespace().IgnoreError();
  return flags.check ? Check() : RunLab(flags);
}

}  // namespace

Command AddNetlab(CLI::App& program) {
  const auto flags = std::make_shared<NetlabFlags>();
  CLI::App& app = AddCommand(program, "netlab", "two hosts joined by a slow network");
  AddText(app, "command", flags->words,
          "runs on the client's host, after --; left out: a shell. The addresses are in "
          "$SPINDLE_NETLAB_CLIENT and $SPINDLE_NETLAB_SERVER")
      .Type("-- CMD ARG...");
  AddText(app, "--server", flags->server,
          "runs on the server's host meanwhile, by `sh -c`; ended with the command")
      .Type("CMD");
  AddDuration(app, "--rtt", flags->lab.rtt, "there and back, half of it each way");
  AddBitRate(app, "--rate", flags->lab.bits_per_second, "in each direction; left out: unlimited");
  AddSize(app, "--queue", flags->lab.queue_packets, {1, 10'000'000},
          "packets that wait for the rate before more are dropped");
  AddPercent(app, "--loss", flags->lab.loss, "of the packets, in each direction");
  AddDuration(app, "--jitter", flags->lab.jitter, "added to the delay: 0 up to this, per packet");
  AddSwitch(app, "--reorder", flags->reorder, "jitter may let packets overtake each other");
  AddSize(app, "--seed", flags->lab.seed, {}, "of loss and jitter");
  AddChoice(app, "--engine", {"auto", "box", "tbf", "netem"}, flags->engine_index,
            "what makes the link: a thread of this program, or a part of the kernel");
  AddSwitch(app, "--check", flags->check, "only tells what is possible here: exit code 0 or 77");
  AddSwitch(app, "--quiet", flags->quiet, "no counts at the end");
  return {&app, [flags](const CommandLine& line) { return NetlabCommand(*flags, line); }};
}

}  // namespace spindle::bench
