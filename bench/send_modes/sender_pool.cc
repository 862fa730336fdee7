#include "bench/send_modes/sender_pool.h"

#include <utility>

#include "base/check.h"
#include "base/strings.h"
#include "net/send/byte_matcher.h"
#include "bench/load/client_options.h"

namespace spindle::bench {

namespace {

std::string_view WrongReply(ReplyMode mode) {
  return mode == ReplyMode::kAck
             ? "wrong bytes where one acknowledging byte was due (is the server "
               "in mode ack?)"
             : "wrong bytes where the message was due (is the server in mode echo?)";
}

}  // namespace

struct SenderPool::Lane {
  size_t index = 0;
  std::unique_ptr<StreamClient> client;
  ByteMatcher reply;
  uint64_t sent = 0;
  TimePoint sent_at;
  bool waiting = false;
  bool failed = false;  // An error of it was counted.
};

std::string_view ReplyModeName(ReplyMode mode) { return mode == ReplyMode::kAck ? "ack" : "echo"; }

SenderPool::SenderPool(EventLoop& loop, const SocketAddress& server,
                       const SenderPoolOptions& options)
    : loop_(loop),
      options_(options),
      payload_(options.seed, options.message_bytes),
      header_(static_cast<uint32_t>(options.message_bytes)) {
  StreamClientOptions client;
  client.connection = ClientConnectionOptions();
  client.connect_timeout = options.connect_timeout;
  for (size_t i = 0; i < options.connections; ++i) {
    auto lane = std::make_unique<Lane>();
    lane->index = i;
    lane->client =
        std::make_unique<StreamClient>(loop, server, CallbacksFor(*lane), client,
                                       [this, lane = lane.get()](const ConnectError& error) {
                                         CountError(*lane, error.error.ToString());
                                         OnSettled();
                                       });
    lanes_.push_back(std::move(lane));
  }
}

SenderPool::~SenderPool() {
  closing_ = true;
  listener_ = nullptr;
  lanes_.clear();
}

ConnectionCallbacks SenderPool::CallbacksFor(Lane& lane) {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [this](Connection&) {
    ++open_;
    OnSettled();
  };
  callbacks.on_bytes = [this, &lane](Connection& connection, Buffer& input) {
    OnBytes(lane, connection, input);
  };
  callbacks.on_close = [this, &lane](Connection&, const CloseReason& reason) {
    OnClose(lane, reason);
  };
  return callbacks;
}

void SenderPool::Connect() { ConnectNext(); }

void SenderPool::ConnectNext() {
  if (settled_ < lanes_.size()) lanes_[settled_]->client->Connect();
}

void SenderPool::OnSettled() {
  ++settled_;
  ConnectNext();
}

void SenderPool::Close() {
  closing_ = true;
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->client->Stop();
}

bool SenderPool::Send(size_t connection) {
  Lane& lane = *lanes_[connection];
  SPINDLE_CHECK(!lane.waiting) << "connection " << connection << " awaits a reply";
  Connection* const open = lane.client->connection();
  if (open == nullptr || lane.failed) return false;
  const std::string_view payload = payload_.Message(lane.index, lane.sent);
  lane.sent_at = loop_.Now();
  if (!open->Writev({header_.view(), payload}).ok()) return false;
  ++lane.sent;
  lane.waiting = true;
  if (options_.reply == ReplyMode::kAck) {
    lane.reply.Expect(std::string_view(&kAck, 1));
  } else {
    lane.reply.Expect(header_.view(), payload);
  }
  return true;
}

void SenderPool::OnBytes(Lane& lane, Connection& connection, Buffer& input) {
  MatchOutcome outcome = MatchOutcome::kWrong;
  if (lane.waiting) outcome = lane.reply.Feed(input);
  if (outcome == MatchOutcome::kMore) return;
  if (outcome == MatchOutcome::kWrong || !input.empty()) {
    CountError(lane, lane.waiting ? WrongReply(options_.reply) : "bytes that nobody asked for");
    input.Clear();
    connection.Abort();
    return;
  }
  lane.waiting = false;
  if (listener_ != nullptr) listener_->OnReply(lane.index, loop_.Now() - lane.sent_at);
}

void SenderPool::OnClose(Lane& lane, const CloseReason& reason) {
  --open_;
  if (!closing_) CountError(lane, Concat("ended: ", reason.ToString()));
  if (!std::exchange(lane.waiting, false)) return;
  if (listener_ != nullptr) listener_->OnLost(lane.index);
}

void SenderPool::GiveUpWaiting(std::string_view why) {
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    if (!lane->waiting) continue;
    CountError(*lane, why);
    if (Connection* const open = lane->client->connection()) open->Abort();
  }
}

void SenderPool::CountError(Lane& lane, std::string_view what) {
  if (std::exchange(lane.failed, true)) return;
  ++errors_[Concat("connection ", lane.index, ": ", what)];
}

}  // namespace spindle::bench
