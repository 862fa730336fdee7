#include "bench/top/top_session.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/parse.h"
#include "base/strings.h"
#include "bench/report/write_file.h"
#include "net/types/interest.h"

namespace spindle::bench {
namespace {

constexpr Duration kPageTimeout = std::chrono::seconds(5);
constexpr Duration kFirstInterval = std::chrono::milliseconds(500);

}  // namespace

absl::StatusOr<std::optional<TopView>> TakeTopView(EventLoop& loop, const TopOptions& options) {
  TopSampler sampler(loop, options.address, options.limit, kPageTimeout);
  const std::string_view sort = ServerSort(options.sort);
  absl::Status status;
  std::optional<TopSample> before;
  std::optional<TopView> view;
  const auto second = [&](absl::StatusOr<TopSample> sample) {
    status = sample.status();
    if (status.ok()) view = CompareSamples(&*before, *sample, options.sort, false);
    loop.Quit();
  };
  TimerId timer;
  sampler.Take(sort, [&](absl::StatusOr<TopSample> sample) {
    status = sample.status();
    if (!status.ok()) return loop.Quit();
    before = *std::move(sample);
    timer = loop.RunAfter(options.interval, [&] { sampler.Take(sort, second); });
  });
  const absl::Status ran = loop.Run();
  loop.Cancel(timer);
  if (!ran.ok()) return ran;
  if (!status.ok()) {
    return absl::Status(status.code(), ToAbsl(Concat(options.address.ToString(), ": ",
                                                     FromAbsl(status.message()))));
  }
  return view;
}

absl::StatusOr<std::unique_ptr<TopSession>> TopSession::Start(EventLoop& loop,
                                                              const TopOptions& options) {
  std::unique_ptr<TopSession> session(new TopSession(loop, options));
  absl::Status status = session->Watch();
  if (!status.ok()) return status;
  return session;
}

TopSession::TopSession(EventLoop& loop, const TopOptions& options)
    : loop_(loop),
      colours_(options.colours),
      live_(Terminal::Available()),
      state_{.server = options.address.ToString(),
             .interval = std::clamp(options.interval, kMinTopInterval, kMaxTopInterval),
             .sort = options.sort,
             .live = live_},
      sampler_(loop, options.address, options.limit, kPageTimeout) {}

TopSession::~TopSession() {
  loop_.Cancel(timer_);
  loop_.Cancel(second_look_);
}

absl::Status TopSession::Watch() {
  absl::StatusOr<std::unique_ptr<SignalWatcher>> signals =
      SignalWatcher::Create(loop_, {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT},
                            [this](int signal, const signalfd_siginfo&) { OnSignal(signal); });
  if (!signals.ok()) return signals.status();
  signals_ = *std::move(signals);
  if (!live_) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<FdWatcher>> input = FdWatcher::Create(
      loop_, STDIN_FILENO, Interest::kRead, Trigger::kLevel, [this](FdEvents) { OnInput(); });
  if (!input.ok()) return input.status();
  input_ = *std::move(input);
  return terminal_.Enter();
}

absl::StatusOr<bool> TopSession::Run() {
  SetInterval(state_.interval);
  Ask();
  Draw();
  const absl::Status ran = loop_.Run();
  terminal_.Leave();
  if (!status_.ok()) return status_;
  if (!ran.ok()) return ran;
  return interrupted_;
}

void TopSession::End(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
  loop_.Quit();
}

// ---- What its user does.

void TopSession::OnSignal(int signal) {
  switch (signal) {
    case SIGWINCH:
      return Draw();
    case SIGTSTP:
      terminal_.Leave();
      raise(SIGSTOP);
      break;
    case SIGCONT:  // Whatever has happened to the terminal meanwhile.
      terminal_.Leave();
      break;
    default:
      interrupted_ = true;
      return End(absl::OkStatus());
  }
  if (!live_) return;
  absl::Status status = terminal_.Enter();
  if (!status.ok()) return End(std::move(status));
  Draw();
}

void TopSession::OnInput() {
  char block[1024];
  const ssize_t size = read(STDIN_FILENO, block, sizeof block);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (size <= 0) return End(absl::OkStatus());  // The terminal is gone.
  for (const int key : ParseKeys(std::string_view(block, static_cast<size_t>(size)), keys_)) {
    OnKey(key);
  }
  Draw();
}

void TopSession::OnSortKey(int key) {
  constexpr std::pair<char, TopSort> kKeys[] = {{'t', TopSort::kRate},   {'b', TopSort::kBytes},
                                                {'r', TopSort::kRead},   {'w', TopSort::kWrite},
                                                {'u', TopSort::kQueued}, {'n', TopSort::kUnread},
                                                {'a', TopSort::kAge},    {'i', TopSort::kId}};
  for (const auto& [letter, sort] : kKeys) {
    if (letter != key) continue;
    state_.sort = sort;
    state_.reversed = false;
    state_.first = 0;
  }
}

void TopSession::OnKey(int key) {
  const auto page = static_cast<ptrdiff_t>(10);
  switch (key) {
    case 'q':
    case 'Q':
      return End(absl::OkStatus());
    case 'h':
    case '?':
      state_.help = !state_.help;
      return;
    case 'R':
      state_.reversed = !state_.reversed;
      return;
    case ' ':
      state_.paused = !state_.paused;
      if (!state_.paused) Ask();
      return;
    case '+':
      return SetInterval(state_.interval / 2);
    case '-':
      return SetInterval(state_.interval * 2);
    case 'j':
    case static_cast<int>(Key::kDown):
      return Scroll(1);
    case 'k':
    case static_cast<int>(Key::kUp):
      return Scroll(-1);
    case static_cast<int>(Key::kPageDown):
      return Scroll(page);
    case static_cast<int>(Key::kPageUp):
      return Scroll(-page);
    case static_cast<int>(Key::kHome):
      state_.first = 0;
      return;
    case static_cast<int>(Key::kEnd):
      return Scroll(PTRDIFF_MAX / 2);
    default:
      state_.help = false;
      OnSortKey(key);
  }
}

void TopSession::Scroll(ptrdiff_t by) {
  const size_t all = now_.has_value() ? now_->connections.size() : 0;
  const auto last = static_cast<ptrdiff_t>(all > 0 ? all - 1 : 0);
  state_.first = static_cast<size_t>(
      std::clamp<ptrdiff_t>(static_cast<ptrdiff_t>(state_.first) + by, 0, last));
}

void TopSession::SetInterval(Duration interval) {
  state_.interval = std::clamp(interval, kMinTopInterval, kMaxTopInterval);
  loop_.Cancel(timer_);
  timer_ = loop_.RunEvery(state_.interval, [this] { Ask(); });
}

// ---- What the server says.

void TopSession::Ask() {
  if (asking_ || state_.paused) return;
  asking_ = true;
  sampler_.Take(ServerSort(state_.sort),
                [this](absl::StatusOr<TopSample> sample) { OnSample(std::move(sample)); });
}

void TopSession::OnSample(absl::StatusOr<TopSample> sample) {
  asking_ = false;
  if (state_.paused) return;
  if (!sample.ok()) {
    state_.trouble =
        Concat(sample.status().message(), "; trying again every ", FormatDuration(state_.interval));
  } else {
    // Whoever answers after a failure may be another one.
    const bool first = !now_.has_value() || !state_.trouble.empty();
    state_.trouble.clear();
    before_ = first ? std::nullopt : std::move(now_);
    now_ = *std::move(sample);
    if (first) {
      loop_.Cancel(second_look_);
      second_look_ = loop_.RunAfter(std::min(kFirstInterval, state_.interval), [this] { Ask(); });
    }
  }
  Draw();
}

void TopSession::Draw() {
  std::optional<TopView> view;
  if (now_.has_value()) {
    view = CompareSamples(before_ ? &*before_ : nullptr, *now_, state_.sort, state_.reversed);
  }
  const TopView* const shown = view.has_value() ? &*view : nullptr;
  absl::Status status;
  if (live_) {
    ScreenState state = state_;
    if (shown == nullptr && state.trouble.empty()) state.trouble = "connecting";
    status = terminal_.Show(DrawScreen(shown, state, Terminal::Size(), colours_));
  } else if (before_.has_value() || !state_.trouble.empty()) {
    const ScreenSize size = {kPlainColumns, kAllRows};
    status = WriteTo(STDOUT_FILENO, AsText(DrawScreen(shown, state_, size, Colours::kNone)) + "\n",
                     "stdout");
  }
  if (!status.ok()) End(std::move(status));
}

}  // namespace spindle::bench
