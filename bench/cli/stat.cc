// spindle stat: the sockets of this machine, in the columns of ss(8).

#include <errno.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/errno_status.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/report/write_file.h"
#include "bench/sockets/service_name.h"
#include "bench/sockets/socket_list.h"
#include "bench/sockets/socket_text.h"

namespace spindle::bench {
namespace {

struct StatFlags {
  bool tcp = false;
  bool udp = false;
  bool unix_sockets = false;
  bool listening = false;
  bool all = false;
  bool numeric = false;
  bool owners = false;
  bool details = false;
  bool v4 = false;
  bool v6 = false;
  bool no_header = false;
  std::optional<std::string> json;
};

constexpr SocketStates kListeningStates =
    StateBit(SocketState::kListening) | StateBit(SocketState::kUnconnected);
// Neither waiting for a peer nor for the end alone.
constexpr SocketStates kConnectedStates =
    kAllStates & ~(kListeningStates | StateBit(SocketState::kTimeWait) |
                   StateBit(SocketState::kSynReceived) | StateBit(SocketState::kUnknown));

SocketQuery Query(const StatFlags& flags) {
  const bool some = flags.tcp || flags.udp || flags.unix_sockets;
  const bool family = flags.v4 || flags.v6;
  SocketQuery query;
  query.tcp = flags.tcp || !some;
  query.udp = flags.udp || !some;
  query.unix_sockets = flags.unix_sockets || (!some && !family);
  query.v4 = flags.v4 || !family;
  query.v6 = flags.v6 || !family;
  query.states = flags.all ? kAllStates : flags.listening ? kListeningStates : kConnectedStates;
  query.udp_states = StateBit(SocketState::kEstablished) | StateBit(SocketState::kUnconnected);
  query.details = flags.details;
  return query;
}

// The state is told where it can be more than one.
bool TellsState(const SocketQuery& query) {
  const bool only_udp = query.udp && !query.tcp && !query.unix_sockets;
  const SocketStates states = only_udp ? query.states & query.udp_states : query.states;
  return (states & (states - 1)) != 0 ||
         (only_udp && states != StateBit(SocketState::kEstablished));
}

int NotHere(const absl::Status& status) {
  return Fail(kExitNotHere, "stat", Concat("not possible here: ", FromAbsl(status.message())));
}

int Stat(const StatFlags& flags) {
  const SocketQuery query = Query(flags);
  absl::StatusOr<SocketList> list = ListSockets(query);
  if (!list.ok()) {
    const int error = ErrnoOf(list.status());
    const bool missing = error == ENOENT || error == EPROTONOSUPPORT || error == EAFNOSUPPORT;
    return missing ? NotHere(list.status()) : Fail("stat", list.status());
  }
  if (list->inconsistent) {
    Fail(kExitOk, "stat", "sockets came and went meanwhile: some may be missing or there twice");
  }
  if (flags.owners) FindOwners(list->sockets);
  const int kinds = (query.tcp ? 1 : 0) + (query.udp ? 1 : 0) + (query.unix_sockets ? 3 : 0);
  const SocketTextOptions options = {.heading = !flags.no_header,
                                     .kind = kinds > 1,
                                     .state = TellsState(query),
                                     .owners = flags.owners,
                                     .details = flags.details,
                                     .numeric = flags.numeric,
                                     .service = flags.numeric ? nullptr : ServiceName};
  absl::Status status;
  if (flags.json != "-") status.Update(WriteFile(SocketTable(list->sockets, options), "-"));
  if (flags.json.has_value()) {
    status.Update(WriteFile(SocketJson(list->sockets, options), *flags.json));
  }
  return status.ok() ? kExitOk : Fail("stat", status);
}

}  // namespace

Command AddStat(CLI::App& program) {
  const auto flags = std::make_shared<StatFlags>();
  CLI::App& app = AddCommand(program, "stat", "the sockets of this machine, in the columns of ss");
  AddSwitch(app, "-t,--tcp", flags->tcp, "TCP; without -t, -u and -x: all");
  AddSwitch(app, "-u,--udp", flags->udp, "UDP");
  AddSwitch(app, "-x,--unix", flags->unix_sockets, "Unix sockets");
  AddSwitch(app, "-l,--listening", flags->listening, "those that wait for peers");
  AddSwitch(app, "-a,--all", flags->all,
            "those, the connected and the ending ones; without -l and -a: the connected ones");
  AddSwitch(app, "-n,--numeric", flags->numeric, "ports and rates as plain numbers");
  AddSwitch(app, "-p,--processes", flags->owners,
            "who has them open, as far as this user may look at processes");
  AddSwitch(app, "-i,--info", flags->details, "what TCP_INFO says, on a line of its own");
  AddSwitch(app, "-4,--ipv4", flags->v4, "IPv4 only");
  AddSwitch(app, "-6,--ipv6", flags->v6, "IPv6 only");
  AddSwitch(app, "-H,--no-header", flags->no_header, "without the headings");
  AddJson(app, flags->json);
  return {&app, [flags](const CommandLine&) { return Stat(*flags); }};
}

}  // namespace spindle::bench
