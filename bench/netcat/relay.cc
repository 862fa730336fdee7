#include "bench/netcat/relay.h"

#include <chrono>
#include <utility>

#include "absl/status/statusor.h"
#include "base/errno_status.h"
#include "base/strings.h"
#include "bench/netcat/move_bytes.h"
#include "net/types/interest.h"

namespace spindle::bench {
namespace {

// Bytes of stdin in one datagram.
constexpr size_t kDatagram = 16 * 1024;
// No datagram is longer.
constexpr size_t kMaxDatagram = 64 * 1024;

constexpr Duration kConfirmationPause = std::chrono::milliseconds(2);
constexpr Duration kConfirmationPatience = std::chrono::seconds(1);

}  // namespace

FlowOptions Relay::OutgoingOptions(const NetcatOptions& options) {
  FlowOptions flow = {.crlf = options.crlf, .by_line = options.interval > Duration::zero()};
  if (options.is_datagram()) flow.block = kDatagram;
  return flow;
}

FlowOptions Relay::IncomingOptions(const NetcatOptions& options) {
  FlowOptions flow = {.packets = options.is_datagram(),
                      .by_line = options.interval > Duration::zero(),
                      .read_limit = options.packet_limit};
  if (options.is_datagram()) flow.block = kMaxDatagram;
  return flow;
}

Relay::Relay(Waiter& waiter, NetSocket& socket, StandardStreams& streams,
             const NetcatOptions& options, std::string early)
    : waiter_(waiter),
      loop_(waiter.loop()),
      socket_(socket),
      streams_(streams),
      options_(options),
      outgoing_(
          OutgoingOptions(options), [this](std::span<char> block) { return streams_.Read(block); },
          [this](std::string_view text) { return socket_.Send(text); },
          MoveFromInput(socket, streams, options)),
      incoming_(
          IncomingOptions(options),
          [this](std::span<char> block) { return socket_.Receive(block); },
          [this](std::string_view text) { return streams_.Write(text); },
          MoveToOutput(socket, streams, options)) {
  incoming_.Prepend(std::move(early));
}

absl::Status Relay::Run() {
  absl::Status status = Start();
  if (status.ok()) status = waiter_.Until([this] { return ended_.has_value(); });
  for (TimerId timer : {outgoing_pause_, incoming_pause_, idle_timer_, grace_timer_, quit_timer_}) {
    loop_.Cancel(timer);
  }
  for (Watch* watch : {&socket_watch_, &input_watch_, &output_watch_}) watch->reset();
  if (!status.ok()) return status;
  if (status_.ok()) status_ = Undelivered();
  if (!incoming_over_ && ended_ != RelayEnd::kIdle && status_.ok()) status_ = AwaitConfirmation();
  return status_;
}

absl::Status Relay::Start() {
  last_activity_ = last_input_ = loop_.Now();
  const StreamKind input = streams_.input_kind();
  const bool has_input = options_.read_input && input != StreamKind::kNone &&
                         (input != StreamKind::kNull || options_.end_null);
  absl::Status status =
      WatchFd(socket_.fd(), socket_watch_, [this](FdEvents events) { OnSocket(events); });
  if (status.ok() && streams_.output_kind() != StreamKind::kNone) {
    status = WatchFd(streams_.output(), output_watch_, [this](FdEvents) { Step(incoming_); });
  }
  if (status.ok() && has_input && !streams_.input_ended()) {
    status = WatchFd(streams_.input(), input_watch_, [this](FdEvents) { Step(outgoing_); });
  }
  if (!status.ok()) return status;
  if (options_.timeout) {
    idle_timer_ = loop_.RunAfter(*options_.timeout, [this] { CheckIdle(); });
  }
  outgoing_over_ = !has_input;
  if (has_input && streams_.input_ended()) OnOutgoingOver();
  // What has come early is written before anything is waited for.
  if (incoming_.pending() > 0) {
    Step(incoming_);
  } else {
    UpdateWatches();
  }
  return absl::OkStatus();
}

absl::Status Relay::WatchFd(int fd, Watch& watch, absl::AnyInvocable<void(FdEvents)> callback) {
  absl::StatusOr<std::unique_ptr<FdWatcher>> watcher =
      FdWatcher::Create(loop_, fd, Interest::kNone, Trigger::kLevel, std::move(callback));
  if (watcher.ok()) watch = *std::move(watcher);
  return watcher.status();
}

void Relay::OnSocket(FdEvents events) {
  const bool failed = events.error || events.hangup;
  if ((events.writable || failed) && !outgoing_over_ &&
      outgoing_.state() == Flow::State::kWriting) {
    Step(outgoing_);
  }
  if (ended_) return;
  if ((events.readable || failed) && !incoming_over_ &&
      incoming_.state() == Flow::State::kReading) {
    Step(incoming_);
  }
}

void Relay::Step(Flow& flow) {
  const uint64_t before = flow.bytes_read() + flow.bytes_written();
  flow.Step();
  if (flow.bytes_read() + flow.bytes_written() != before) {
    last_activity_ = loop_.now();
    if (&flow == &outgoing_) last_input_ = last_activity_;
  }
  if (outgoing_.is_over() && !outgoing_over_) OnOutgoingOver();
  if (incoming_.is_over() && !incoming_over_) OnIncomingOver();
  if (ended_) return;
  Decide();
  if (!ended_) UpdateWatches();
}

void Relay::OnOutgoingOver() {
  outgoing_over_ = true;
  // Otherwise the rest of stdin is for the next connection (-k).
  if (outgoing_.source_ended()) streams_.set_input_ended();
  if (outgoing_.state() == Flow::State::kReadFailed) {
    return Fail(ErrnoStatus("read stdin", outgoing_.error()));
  }
  if (outgoing_.state() == Flow::State::kWriteFailed) {
    // What the peer has said before it hung up is still to be read.
    status_ = ErrnoStatus("send", outgoing_.error());
    if (socket_.is_datagram()) Fail(status_);
    return;
  }
  if (options_.half_close) socket_.ShutdownWrite();
  if (!options_.quit_after) return;
  if (*options_.quit_after == Duration::zero()) return End(RelayEnd::kQuit);
  quit_timer_ = loop_.RunAfter(*options_.quit_after, [this] { End(RelayEnd::kQuit); });
}

void Relay::OnIncomingOver() {
  incoming_over_ = true;
  if (incoming_.state() == Flow::State::kWriteFailed) {
    output_failed_ = true;
    return Fail(ErrnoStatus("write to stdout", incoming_.error()));
  }
  if (incoming_.state() == Flow::State::kReadFailed) {
    return Fail(ErrnoStatus("receive", incoming_.error()));
  }
  if (incoming_.limit_reached()) return End(RelayEnd::kPacketLimit);
  if (options_.keep_listening || options_.ports.size() > 1) return;
  if (absl::Status status = streams_.CloseOutput(); !status.ok()) Fail(std::move(status));
}

void Relay::Decide() {
  if (!incoming_over_) return;
  if (outgoing_over_) return End(status_.ok() ? RelayEnd::kBothEnded : RelayEnd::kFailed);
  if (options_.half_open || streams_.input_kind() == StreamKind::kFile) return;
  if (outgoing_.is_writing()) return;
  if (streams_.input_kind() == StreamKind::kTerminal) return End(RelayEnd::kBothEnded);
  if (!grace_timer_.valid()) {
    last_input_ = loop_.now();
    grace_timer_ = loop_.RunAfter(kPeerEndGrace, [this] { CheckGrace(); });
  }
}

void Relay::CheckGrace() {
  const TimePoint due = SaturatingAdd(last_input_, kPeerEndGrace);
  const bool writing = outgoing_.is_writing();
  if (loop_.now() >= due && !writing) return End(RelayEnd::kBothEnded);
  const TimePoint next = writing ? SaturatingAdd(loop_.now(), kPeerEndGrace) : due;
  grace_timer_ = loop_.RunAt(next, [this] { CheckGrace(); });
}

void Relay::CheckIdle() {
  const TimePoint due = SaturatingAdd(last_activity_, *options_.timeout);
  if (loop_.now() >= due) return End(RelayEnd::kIdle);
  idle_timer_ = loop_.RunAt(due, [this] { CheckIdle(); });
}

void Relay::UpdateWatches() {
  PauseLine(outgoing_, outgoing_pause_);
  PauseLine(incoming_, incoming_pause_);
  const Flow::State out = outgoing_over_ ? Flow::State::kEnded : outgoing_.state();
  const Flow::State in = incoming_over_ ? Flow::State::kEnded : incoming_.state();
  SetInterest(socket_watch_, in == Flow::State::kReading, out == Flow::State::kWriting);
  SetInterest(input_watch_, out == Flow::State::kReading, false);
  SetInterest(output_watch_, false, in == Flow::State::kWriting);
}

void Relay::SetInterest(Watch& watch, bool read, bool write) {
  const Interest interest =
      (read ? Interest::kRead : Interest::kNone) | (write ? Interest::kWrite : Interest::kNone);
  if (watch == nullptr || interest == watch->interest()) return;
  absl::Status status = watch->SetInterest(interest, Trigger::kLevel);
  if (!status.ok()) Fail(std::move(status));
}

void Relay::PauseLine(Flow& flow, TimerId& timer) {
  if (flow.state() != Flow::State::kPaused || timer.valid()) return;
  timer = loop_.RunAfter(options_.interval, [this, &flow, &timer] {
    timer = TimerId();
    flow.Resume();
    Step(flow);
  });
}

void Relay::End(RelayEnd end) {
  if (!ended_) ended_ = end;
}

void Relay::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
  End(RelayEnd::kFailed);
}

absl::Status Relay::Undelivered() const {
  if (!outgoing_over_ && outgoing_.is_writing()) {
    return absl::DataLossError("the peer has not taken all of stdin");
  }
  if (!incoming_over_ && incoming_.is_writing()) {
    return absl::DataLossError("stdout has not taken all that was received");
  }
  return absl::OkStatus();
}

absl::Status Relay::AwaitConfirmation() {
  int left = socket_.Unconfirmed();
  TimePoint progress = loop_.Now();
  while (left > 0 && loop_.Now() - progress < kConfirmationPatience) {
    absl::Status status = waiter_.Pause(kConfirmationPause);
    if (!status.ok()) return status;
    const int now = socket_.Unconfirmed();
    if (now < left) progress = loop_.Now();
    left = now;
  }
  return absl::OkStatus();
}

}  // namespace spindle::bench
