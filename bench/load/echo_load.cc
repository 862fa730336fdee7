#include "bench/load/echo_load.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "bench/load/time_queue.h"
#include "net/send/byte_matcher.h"
#include "net/stream/connection.h"
#include "net/types/io_error.h"

namespace spindle::bench {
namespace {

// Messages sent before the loop has its turn again, so that one that is behind still reads.
constexpr size_t kSendsAtOnce = 1024;

}  // namespace

struct EchoLoad::Peer : LoadPeer {
  uint64_t index = 0;
  ByteMatcher matcher;
  uint64_t sent = 0;
  uint64_t answered = 0;
  TimeQueue sent_at;  // Of the messages under way.
};

EchoLoad::EchoLoad(EventLoop& loop, const SocketAddress& server, const EchoLoadOptions& options)
    : ConnectedLoad(loop, server, options.connect_timeout),
      options_(options),
      max_backlog_(std::clamp<uint64_t>(options.max_backlog_bytes / options.message_bytes, 1,
                                        options.max_backlog_messages)),
      payload_(options.seed, options.message_bytes) {
  for (size_t i = 0; i < options.connections; ++i) {
    Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
    peer.index = options.first_connection + i;
    Add(peer, {.on_bytes = [this, &peer](Connection&, Buffer& input) { OnBytes(peer, input); },
               .on_close = [this, &peer](Connection&,
                                         const CloseReason& reason) { OnClose(peer, reason); }});
  }
}

EchoLoad::~EchoLoad() {
  loop().Cancel(due_timer_);
  EndAll();
}

void EchoLoad::Start(TimePoint start) {
  stopping_ = false;
  for (const std::unique_ptr<Peer>& peer : peers_) {
    peer->matcher.Expect(payload_.Message(peer->index, peer->answered));
  }
  if (options_.rate.has_value()) {
    schedule_.emplace(*options_.rate, start);
    OnDue();
    return;
  }
  const TimePoint now = loop().Now();
  for (const std::unique_ptr<Peer>& peer : peers_) {
    if (peer->connection == nullptr) continue;
    for (size_t i = 0; i < options_.pipeline; ++i) Send(*peer, now);
  }
}

void EchoLoad::Stop() {
  stopping_ = true;
  if (!schedule_.has_value()) return;
  loop().Cancel(due_timer_);
  uint64_t missed = 0;
  for (const TimePoint now = loop().Now(); schedule_->next() <= now; schedule_->Advance()) ++missed;
  schedule_.reset();
  // One may have become due this moment. More of them: the sender itself could not keep up.
  if (missed > kSendsAtOnce) CountError("not sent: the sender is behind its schedule", missed);
}

void EchoLoad::OnDue() {
  TimePoint now = loop().Now();
  for (size_t i = 0; i < kSendsAtOnce && schedule_->next() <= now; ++i) {
    SendDue(schedule_->next(), now);
    schedule_->Advance();
    if (schedule_->next() > now) now = loop().Now();
  }
  due_timer_ = loop().RunAt(schedule_->next(), [this] { OnDue(); });
}

void EchoLoad::SendDue(TimePoint intended, TimePoint now) {
  if (in_flight_ >= max_backlog_) {
    CountError(Concat("not sent: ", max_backlog_, " messages without an answer"));
    return;
  }
  if (dead()) return;  // The end of each connection was counted.
  do {
    next_to_send_ = next_to_send_ + 1 < peers_.size() ? next_to_send_ + 1 : 0;
  } while (peers_[next_to_send_]->connection == nullptr);
  CountSendLag(intended, now);
  Send(*peers_[next_to_send_], intended);
}

void EchoLoad::Send(Peer& peer, TimePoint time) {
  const IoError error = peer.connection->Write(payload_.Message(peer.index, peer.sent));
  if (!error.ok()) return;  // It is closing; OnClose counts.
  peer.sent_at.Push(time);
  ++peer.sent;
  ++in_flight_;
}

void EchoLoad::OnBytes(Peer& peer, Buffer& input) {
  const TimePoint now = loop().Now();
  while (!input.empty() && !peer.wrong) {
    if (peer.sent == peer.answered) return CountWrong(peer, "bytes that nobody asked for");
    const MatchOutcome outcome = peer.matcher.Feed(input);
    if (outcome == MatchOutcome::kMore) return;
    if (outcome == MatchOutcome::kWrong) return CountWrong(peer, "wrong bytes");
    const TimePoint time = peer.sent_at.Pop();
    CountMessage(options_.message_bytes);
    ++peer.answered;
    --in_flight_;
    peer.matcher.Expect(payload_.Message(peer.index, peer.answered));
    if (options_.rate.has_value()) {
      CountLatency(time, now);
    } else {
      CountLatency(now - time);
      if (!stopping_) Send(peer, now);
    }
  }
  input.Clear();
}

void EchoLoad::OnClose(Peer& peer, const CloseReason& reason) {
  in_flight_ -= peer.sent - peer.answered;
  peer.answered = peer.sent;
  peer.sent_at.Clear();
  CountEnd(peer, reason);
}

void EchoLoad::GiveUp(TimePoint now) {
  if (!options_.rate.has_value()) return;
  for (const std::unique_ptr<Peer>& peer : peers_) {
    peer->sent_at.ForEach([&](TimePoint intended) { CountLatency(intended, now); });
  }
}

}  // namespace spindle::bench
