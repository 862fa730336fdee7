#include "bench/cli/seqpar_flags.h"

#include <string_view>

#include "absl/status/statusor.h"
#include "base/parse.h"
#include "base/strings.h"
#include "bench/cli/flags.h"

namespace spindle::bench {
namespace {

// A comma-separated list, each item in the syntax of `parse`.
template <typename T>
Option AddListOf(CLI::App& app, const std::string& name, std::vector<T>& target,
                 absl::StatusOr<T> (*parse)(std::string_view), const std::string& description) {
  return AddParsedList(
             app, name,
             [name, parse, &target](const std::vector<std::string>& items) {
               target.clear();
               for (const std::string& item : items) {
                 target.push_back(ValueOrRefuse(name, parse(item)));
               }
             },
             description)
      .CommaSeparated()
      .Type("LIST");
}

void AddTargetCi(CLI::App& app, SeqparFlags& flags) {
  AddParsed(
      app, "--target-ci",
      [&flags](const std::string& text) {
        const double share = ValueOrRefuse("--target-ci", ParsePercent(text));
        if (share <= 0) RefuseOption("--target-ci", "must be above 0%");
        flags.target_ci = share;
      },
      "more blocks until each interval reaches no further than this to either side")
      .Type("PERCENT");
  AddDuration(app, "--max-time", flags.max_time, "with --target-ci: for each setting");
}

void AddArms(CLI::App& app, SeqparFlags& flags) {
  AddText(app, "--arms", flags.arms,
          "what to compare with the first of them: sequential, parallel, parallel-loops, "
          "window-K, pipeline-K")
      .CommaSeparated()
      .Type("LIST")
      .Default("sequential,parallel");
  AddList(app, "--window", flags.windows, {1, 100000},
          "an arm window-K for each K: at most K connections await a reply at once");
  AddList(app, "--pipeline", flags.pipelines, {1, 100000},
          "an arm pipeline-K for each K: in parallel, each connection with K messages under way");
  AddSize(app, "--client-loops", flags.client_loops, {1, 1024}, "threads of parallel-loops");
  AddSwitch(app, "--aa", flags.aa,
            "the first arm twice in each block: the noise floor, without which nothing is "
            "judged");
}

void AddNetwork(CLI::App& app, SeqparFlags& flags) {
  AddListOf<Duration>(app, "--rtt", flags.rtts, &ParseDuration,
                      "own server: round trips of a network between it and the client (spindle "
                      "netlab); 0: none, as it is");
  AddListOf<uint64_t>(app, "--bw", flags.rates, &ParseBitRate,
                      "own server: rates of that network, each way: 50Mbit");
  AddSize(app, "--queue", flags.queue_packets, {1, 1000000}, "packets that wait for that rate");
  AddPercent(app, "--loss", flags.loss, "of the packets of that network");
  AddDuration(app, "--jitter", flags.jitter, "of that network, at most so much more each way");
}

// Without --rtt and --bw there is no network of ours to be slow.
void CheckNetwork(const CLI::App& app, const SeqparFlags& flags) {
  bool lab = false;
  for (const SeqparNetwork& network : flags.networks()) lab = lab || network.is_lab();
  if (lab) return;
  for (const char* name : {"--queue", "--loss", "--jitter"}) {
    if (Given(app, name)) {
      RefuseOption(name, "is of the network that --rtt or --bw make");
    }
  }
}

// What options say together. Does not return if they contradict each other.
void CheckTogether(const CLI::App& app, SeqparFlags& flags) {
  for (const uint64_t window : flags.windows) flags.arms.push_back(Concat("window-", window));
  for (const uint64_t depth : flags.pipelines) flags.arms.push_back(Concat("pipeline-", depth));
  if (Given(app, "--max-time") && !flags.target_ci.has_value()) {
    RefuseOption("--max-time", "is the limit of --target-ci");
  }
  if (flags.own_server()) {
    if (flags.server_pid != 0) RefuseOption("--server-pid", "needs HOST PORT");
    return CheckNetwork(app, flags);
  }
  for (const char* name : {"--think-mode", "--loops"}) {
    if (!Given(app, name)) continue;
    RefuseOption(name, "is for the server: with HOST PORT give it to `spindle serve`");
  }
  for (const char* name : {"--rtt", "--bw", "--queue", "--loss", "--jitter"}) {
    if (!Given(app, name)) continue;
    RefuseOption(name, "needs a server of its own: leave out HOST PORT, or use `spindle netlab`");
  }
}

void AddServer(CLI::App& app, SeqparFlags& flags) {
  AddDuration(app, "--think", flags.think,
              "own server: time before each reply; with HOST PORT: what that server was told");
  AddChoice(app, "--think-mode", {"timer", "block", "burn"}, flags.think_mode_index,
            "own server: how it thinks: on a timer, by blocking its loop, by keeping it busy");
  AddSize(app, "--loops", flags.loops, {0, 1024}, "own server: worker loops");
  AddSize(app, "--server-pid", flags.server_pid, {1, 1 << 30},
          "the server's process, whose processor time is shown; found by itself on this machine")
      .Default("");
}

}  // namespace

std::vector<SeqparNetwork> SeqparFlags::networks() const {
  std::vector<SeqparNetwork> all;
  for (const Duration rtt : rtts) {
    for (const uint64_t rate : rates) all.push_back({rtt, rate});
  }
  return all;
}

void AddSeqparFlags(CLI::App& app, SeqparFlags& flags) {
  AddEndpoint(
      app, flags.endpoint,
      "a server that runs `spindle serve --mode ack` (or echo); left out: one is started in "
      "this process");
  AddList(app, "-n,--connections", flags.connections, {1, 100000},
          "numbers of connections: 1,2,4 or 1..16, which doubles")
      .Default("1..16");
  AddList(app, "-s,--size", flags.message_bytes, {1, uint64_t{1} << 30},
          "bytes per message: 1K or 1K,64K,1M")
      .Default("1K");
  AddSize(app, "-m,--messages", flags.messages, {1, 100000000},
          "messages per connection in each block; left out: as many as take the first arm about "
          "30 ms, from 2 to 1000")
      .Default("");
  AddArms(app, flags);
  AddChoice(app, "--mode", {"ack", "echo"}, flags.mode_index, "the reply: one byte, or all bytes");
  AddChoice(app, "--pool", {"on", "off"}, flags.pool_index,
            "off: each block opens its connections, each in its turn, and closes them");
  AddChoice(app, "--nodelay", {"on", "off"}, flags.no_delay_index,
            "TCP_NODELAY of the client's connections");
  AddSize(app, "--blocks", flags.blocks, {1, 1000000},
          "repetitions, each with all arms in random order; one more before them warms up");
  AddTargetCi(app, flags);
  AddPercent(app, "--equivalence", flags.equivalence,
             "arms are \"the same\" if the whole interval is within this")
      .Default("5%");
  AddNetwork(app, flags);
  AddServer(app, flags);
  AddDuration(app, "--connect-timeout", flags.connect_timeout, "for each connection");
  AddDuration(app, "--timeout", flags.reply_timeout,
              "a connection without a reply for so long fails, and the run ends");
  AddSize(app, "--seed", flags.seed, {}, "of the bytes, the order of the arms and the intervals");
  AddSize(app, "--max-errors", flags.max_errors, {}, "more of them end in exit code 5");
  AddSwitch(app, "--strict", flags.strict, "a \"cannot tell\" ends in exit code 4");
  AddSwitch(app, "--quiet", flags.quiet, "no progress lines");
  AddOutputs(app, flags.outputs);
  OnceParsed(app, [&app, &flags] { CheckTogether(app, flags); });
}

}  // namespace spindle::bench
