// spindle top: the loops and connections of a running server, as they change.

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/strings.h"
#include "bench/cli/commands.h"
#include "bench/cli/exit_code.h"
#include "bench/cli/flags.h"
#include "bench/cli/interrupt.h"
#include "bench/load/resolve.h"
#include "bench/report/write_file.h"
#include "bench/top/terminal.h"
#include "bench/top/top_screen.h"
#include "bench/top/top_session.h"
#include "bench/top/top_view.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

struct TopFlags {
  std::vector<std::string> words;
  size_t sort_index = 0;
  uint64_t limit = TopOptions().limit;
  Duration interval = TopOptions().interval;
  bool once = false;
  bool no_color = false;
  std::optional<std::string> json;
};

// "9000", "127.0.0.1:9000", "HOST PORT", "/path", "unix:/path" or "unix:@name".
absl::StatusOr<SocketAddress> AdminAddress(const std::vector<std::string>& words) {
  std::vector<std::string> endpoint = words;
  if (words.size() == 1 && words[0].starts_with('/')) {
    endpoint = {Concat("unix:", words[0])};
  } else if (words.size() == 1 && !words[0].starts_with("unix:")) {
    const size_t colon = words[0].rfind(':');
    std::string host = colon == std::string::npos ? "" : words[0].substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    endpoint = {host.empty() ? "127.0.0.1" : host,
                colon == std::string::npos ? words[0] : words[0].substr(colon + 1)};
  }
  const absl::StatusOr<std::vector<SocketAddress>> addresses = ResolveEndpoint(endpoint);
  if (!addresses.ok()) return addresses.status();
  return addresses->front();
}

// no-color.org: set to anything, but not empty.
bool NoColorWanted() {
  const char* const value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

int Once(EventLoop& loop, const TopFlags& flags, const TopOptions& options) {
  const absl::StatusOr<std::unique_ptr<Interrupt>> interrupt =
      Interrupt::Watch(loop, [&] { loop.Quit(); });
  if (!interrupt.ok()) return Fail("top", interrupt.status());
  const absl::StatusOr<std::optional<TopView>> view = TakeTopView(loop, options);
  if (!view.ok()) return Fail("top", view.status());
  if (!view->has_value()) return kExitInterrupted;
  absl::Status status;
  if (flags.json != "-") {
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    const ScreenState state = {.server = options.address.ToString(),
                               .interval = options.interval,
                               .sort = options.sort,
                               .live = false};
    const ScreenSize size = {terminal ? Terminal::Size().columns : kPlainColumns, kAllRows};
    const Colours colours = terminal ? options.colours : Colours::kNone;
    status.Update(WriteFile(AsText(DrawScreen(&**view, state, size, colours)), "-"));
  }
  if (flags.json.has_value()) status.Update(WriteFile(TopJson(**view), *flags.json));
  return status.ok() ? kExitOk : Fail("top", status);
}

int Top(const TopFlags& flags) {
  const absl::StatusOr<SocketAddress> address = AdminAddress(flags.words);
  if (!address.ok()) return Fail("top", address.status());
  const bool plain = flags.no_color || NoColorWanted();
  const TopOptions options = {.address = *address,
                              .interval = flags.interval,
                              .sort = static_cast<TopSort>(flags.sort_index),
                              .limit = flags.limit,
                              .colours = plain ? Colours::kNone : Colours::kAnsi};
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "top"});
  if (!loop.ok()) return Fail("top", loop.status());
  if (flags.once) return Once(**loop, flags, options);
  const absl::StatusOr<std::unique_ptr<TopSession>> session = TopSession::Start(**loop, options);
  if (!session.ok()) return Fail("top", session.status());
  const absl::StatusOr<bool> interrupted = (*session)->Run();
  if (!interrupted.ok()) return Fail("top", interrupted.status());
  return *interrupted ? kExitInterrupted : kExitOk;
}

}  // namespace

Command AddTop(CLI::App& program) {
  const auto flags = std::make_shared<TopFlags>();
  CLI::App& app = AddCommand(program, "top", "live view of a server's loops and connections");
  AddText(app, "endpoint,--admin", flags->words,
          "the server's admin endpoint (serve --admin): PORT, 127.0.0.1:PORT, /path, "
          "unix:/path or unix:@name")
      .Type("ADDRESS")
      .Times(1, 2)
      .Required();
  AddDuration(app, "--interval", flags->interval, "between two looks, 100ms to 1m",
              {kMinTopInterval, kMaxTopInterval});
  AddChoice(app, "--sort", TopSortNames(), flags->sort_index,
            "connections: rate and bytes of both directions, read, write, queued, unread, age, id");
  AddSize(app, "--limit", flags->limit, {1, 10'000}, "the most connections to ask for");
  AddSwitch(app, "--once", flags->once, "two looks, printed once");
  AddSwitch(app, "--no-color", flags->no_color, "as does the variable NO_COLOR");
  AddJson(app, flags->json).Needs("--once");
  SetFooter(app, "Keys: h shows them all.");
  return {&app, [flags](const CommandLine&) { return Top(*flags); }};
}

}  // namespace spindle::bench
