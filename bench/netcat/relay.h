#ifndef SPINDLE_BENCH_NETCAT_RELAY_H_
#define SPINDLE_BENCH_NETCAT_RELAY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"
#include "bench/netcat/flow.h"
#include "bench/netcat/net_socket.h"
#include "bench/netcat/options.h"
#include "bench/netcat/standard_streams.h"
#include "bench/netcat/waiter.h"
#include "net/loop/fd_watcher.h"
#include "net/loop/timer.h"

namespace spindle::bench {

// Why a relay has ended.
enum class RelayEnd : uint8_t {
  kBothEnded,    // Also: the peer has, and there was nothing to be sent.
  kFailed,       // Run's status says how.
  kIdle,         // -w
  kQuit,         // -q
  kPacketLimit,  // -W
};

// stdin to a socket, and the socket to stdout.
//
// - The end of stdin ends our side of the connection (NetcatOptions::half_close); with -d, and if
//   stdin was closed from the start or is /dev/null, our side never ends (NetcatOptions::end_null
//   makes an exception of the latter): some peers, netcat-openbsd among them, then cut what they
//   send.
// - The end of the peer's side ends the relay once stdin has nothing more to give: a file is sent
//   to its end, a terminal has nothing, and pipes and sockets are given kPeerEndGrace without a
//   byte. NetcatOptions::half_open waits for the end of stdin in any case.
// - What was read from stdin and could not be sent, or was received and could not be written, is an
//   error.
//
// Loop thread only. The arguments outlive this.
class Relay {
 public:
  static constexpr Duration kPeerEndGrace = std::chrono::seconds(1);

  // `early`: what of the peer's has been read already.
  Relay(Waiter& waiter, NetSocket& socket, StandardStreams& streams, const NetcatOptions& options,
        std::string early);

  // Once. Errors: a read or write that failed, naming it; kCancelled if interrupted; kDataLoss for
  // bytes that were not delivered.
  absl::Status Run();

  // Nothing before Run has ended, or if that was interrupted.
  std::optional<RelayEnd> end() const { return ended_; }
  // stdout takes no more: there is no use in another connection.
  bool output_failed() const { return output_failed_; }

 private:
  using Watch = std::unique_ptr<FdWatcher>;

  static FlowOptions OutgoingOptions(const NetcatOptions& options);
  static FlowOptions IncomingOptions(const NetcatOptions& options);
  absl::Status Start();
  absl::Status WatchFd(int fd, Watch& watch, absl::AnyInvocable<void(FdEvents)> callback);
  void OnSocket(FdEvents events);
  void Step(Flow& flow);
  void OnOutgoingOver();
  void OnIncomingOver();
  void Decide();
  void UpdateWatches();
  void SetInterest(Watch& watch, bool read, bool write);
  void PauseLine(Flow& flow, TimerId& timer);
  void CheckIdle();
  void CheckGrace();
  void End(RelayEnd end);
  void Fail(absl::Status status);
  absl::Status Undelivered() const;
  // The peer's machine has got everything, or has confirmed nothing for a while: closing a socket
  // with bytes that were not read throws away what was not sent.
  absl::Status AwaitConfirmation();

  Waiter& waiter_;
  EventLoop& loop_;
  NetSocket& socket_;
  StandardStreams& streams_;
  const NetcatOptions& options_;
  Flow outgoing_;
  Flow incoming_;
  bool outgoing_over_ = false;
  bool incoming_over_ = false;
  Watch socket_watch_;
  Watch input_watch_;
  Watch output_watch_;
  TimerId outgoing_pause_;
  TimerId incoming_pause_;
  TimerId idle_timer_;
  TimerId grace_timer_;
  TimerId quit_timer_;
  TimePoint last_activity_;
  TimePoint last_input_;
  std::optional<RelayEnd> ended_;
  absl::Status status_;
  bool output_failed_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_RELAY_H_
