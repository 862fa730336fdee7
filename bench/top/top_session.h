#ifndef SPINDLE_BENCH_TOP_TOP_SESSION_H_
#define SPINDLE_BENCH_TOP_TOP_SESSION_H_

#include <sys/signalfd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/top/terminal.h"
#include "bench/top/top_sample.h"
#include "bench/top/top_sampler.h"
#include "bench/top/top_screen.h"
#include "bench/top/top_view.h"
#include "net/loop/event_loop.h"
#include "net/loop/fd_watcher.h"
#include "net/loop/signal_watcher.h"
#include "net/loop/timer.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// Between two looks.
constexpr Duration kMinTopInterval = std::chrono::milliseconds(100);
constexpr Duration kMaxTopInterval = std::chrono::minutes(1);

struct TopOptions {
  SocketAddress address = {};  // Of the admin endpoint.
  Duration interval = std::chrono::seconds(1);
  TopSort sort = TopSort::kRate;
  size_t limit = 1000;  // The most connections that the server is asked for.
  Colours colours = Colours::kAnsi;
};

// Two samples of a server, an interval apart, compared. Runs the loop of this thread meanwhile.
// Nothing if somebody else made it quit first. Errors: those of TopSampler, naming the address.
absl::StatusOr<std::optional<TopView>> TakeTopView(EventLoop& loop, const TopOptions& options);

// The live view of a server: samples it, draws, listens to the keyboard. A server that is not
// there, or goes away, is tried again at each interval, and the screen says so.
//
// The terminal is given back at the end, by q, a signal or an error; ^Z gives it back until the
// program goes on. Without a terminal each view is printed as plain text, below the last one.
// Loop thread only.
class TopSession {
 public:
  // Errors: those of SignalWatcher, FdWatcher and Terminal::Enter.
  static absl::StatusOr<std::unique_ptr<TopSession>> Start(EventLoop& loop,
                                                           const TopOptions& options);
  ~TopSession();
  TopSession(const TopSession&) = delete;
  TopSession& operator=(const TopSession&) = delete;

  // Runs the loop to the end of the session. Returns whether a signal ended it. Errors: those of
  // the terminal, and of EventLoop::Run.
  absl::StatusOr<bool> Run();

 private:
  TopSession(EventLoop& loop, const TopOptions& options);
  absl::Status Watch();
  void OnSignal(int signal);
  void OnInput();
  void OnKey(int key);
  void OnSortKey(int key);
  void Scroll(ptrdiff_t by);
  void SetInterval(Duration interval);
  void Ask();
  void OnSample(absl::StatusOr<TopSample> sample);
  void Draw();
  void End(absl::Status status);

  EventLoop& loop_;
  const Colours colours_;
  const bool live_;  // On a terminal.
  ScreenState state_;
  Terminal terminal_;
  std::optional<TopSample> before_;
  std::optional<TopSample> now_;
  bool asking_ = false;
  bool interrupted_ = false;
  absl::Status status_;
  std::string keys_;  // The beginning of a key.
  TimerId timer_;
  TimerId second_look_;
  std::unique_ptr<SignalWatcher> signals_;
  std::unique_ptr<FdWatcher> input_;
  TopSampler sampler_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_TOP_SESSION_H_
