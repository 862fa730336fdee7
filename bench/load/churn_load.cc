#include "bench/load/churn_load.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/strings.h"
#include "bench/load/client_options.h"
#include "net/loop/timer.h"
#include "net/send/byte_matcher.h"
#include "net/types/close_reason.h"

namespace spindle::bench {
namespace {

// After a failure, so that a server that refuses everything is not asked without a break.
constexpr Duration kPause = std::chrono::milliseconds(10);

// Connections begun before the loop has its turn again.
constexpr size_t kBeginsAtOnce = 256;

}  // namespace

struct ChurnLoad::Lane {
  uint64_t index = 0;
  uint64_t number = 0;  // Of this lane's connection.
  std::unique_ptr<StreamClient> client;
  ByteMatcher matcher;
  TimePoint begun_at;
  TimerId pause;
  enum class Stage { kConnecting, kWaiting, kAnswered, kWrong } stage = Stage::kConnecting;
};

std::vector<SocketAddress> LoopbackSpread(size_t count) {
  SPINDLE_CHECK(count <= 254);
  std::vector<SocketAddress> addresses;
  for (size_t i = 1; i <= count; ++i) {
    const absl::StatusOr<SocketAddress> address = SocketAddress::FromIp(Concat("127.0.0.", i), 0);
    SPINDLE_CHECK_OK(address);
    addresses.push_back(*address);
  }
  return addresses;
}

ChurnLoad::ChurnLoad(EventLoop& loop, const SocketAddress& server, const ChurnLoadOptions& options)
    : loop_(loop),
      server_(server),
      options_(options),
      payload_(options.seed, options.message_bytes) {
  for (size_t i = 0; i < options.lanes; ++i) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->index = options.first_lane + i;
  }
}

ChurnLoad::~ChurnLoad() {
  destroying_ = true;
  loop_.Cancel(due_timer_);
  for (const std::unique_ptr<Lane>& lane : lanes_) loop_.Cancel(lane->pause);
  lanes_.clear();
}

ConnectionCallbacks ChurnLoad::CallbacksFor(Lane& lane) {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [this, &lane](Connection& connection) { OnOpen(lane, connection); };
  callbacks.on_bytes = [this, &lane](Connection& connection, Buffer& input) {
    OnBytes(lane, connection, input);
  };
  callbacks.on_close = [this, &lane](Connection&, const CloseReason& reason) {
    OnClose(lane, reason);
  };
  return callbacks;
}

void ChurnLoad::Start(TimePoint start) {
  stopping_ = false;
  if (!options_.rate.has_value()) {
    busy_ = lanes_.size();
    for (const std::unique_ptr<Lane>& lane : lanes_) Begin(*lane, loop_.Now());
    return;
  }
  free_.clear();
  // From the back, so that a low rate uses the first lanes.
  for (size_t i = lanes_.size(); i > 0; --i) free_.push_back(lanes_[i - 1].get());
  schedule_.emplace(*options_.rate, start);
  OnDue();
}

void ChurnLoad::Stop() {
  stopping_ = true;
  loop_.Cancel(due_timer_);
}

void ChurnLoad::OnDue() {
  const TimePoint now = loop_.Now();
  for (size_t i = 0; i < kBeginsAtOnce && schedule_->next() <= now; ++i, schedule_->Advance()) {
    if (!free_.empty()) {
      Lane& lane = *free_.back();
      free_.pop_back();
      ++busy_;
      CountSendLag(schedule_->next(), now);
      Begin(lane, schedule_->next());
    } else if (waiting_.size() < options_.max_backlog) {
      waiting_.Push(schedule_->next());
    } else {
      CountError(Concat("not begun: ", options_.max_backlog, " wait already"));
    }
  }
  due_timer_ = loop_.RunAt(schedule_->next(), [this] { OnDue(); });
}

void ChurnLoad::Begin(Lane& lane, TimePoint time) {
  StreamClientOptions client;
  client.connection = ClientConnectionOptions();
  client.connect_timeout = options_.connect_timeout;
  if (!options_.local.empty()) client.local = options_.local[begun_ % options_.local.size()];
  client.random_seed = 1;  // It never retries; saves asking the system for a seed.
  ++begun_;
  ++lane.number;
  lane.stage = Lane::Stage::kConnecting;
  lane.begun_at = time;
  lane.client = std::make_unique<StreamClient>(loop_, server_, CallbacksFor(lane), client,
                                               [this, &lane](const ConnectError& error) {
                                                 CountError(error.error.ToString());
                                                 NextAfterError(lane);
                                               });
  lane.client->Connect();
}

void ChurnLoad::Next(Lane& lane) {
  if (!options_.rate.has_value() && !stopping_) {
    Begin(lane, loop_.Now());
  } else if (!waiting_.empty()) {
    const TimePoint intended = waiting_.Pop();
    CountSendLag(intended, loop_.Now());
    Begin(lane, intended);
  } else {
    --busy_;
    free_.push_back(&lane);
  }
}

void ChurnLoad::NextAfterError(Lane& lane) {
  lane.pause = loop_.RunAfter(kPause, [this, &lane] { Next(lane); });
}

void ChurnLoad::OnOpen(Lane& lane, Connection& connection) {
  ++open_;
  ++opened_;
  lane.stage = Lane::Stage::kWaiting;
  const std::string_view message = payload_.Message(lane.index, lane.number);
  lane.matcher.Expect(message);
  static_cast<void>(connection.Write(message));  // Cannot fail on a fresh connection.
}

void ChurnLoad::OnBytes(Lane& lane, Connection& connection, Buffer& input) {
  const MatchOutcome outcome = lane.matcher.Feed(input);
  if (outcome == MatchOutcome::kMore) return;
  if (outcome == MatchOutcome::kWrong || !input.empty()) {
    CountError("wrong bytes");
    lane.stage = Lane::Stage::kWrong;
    connection.Abort();
    return;
  }
  CountMessage(options_.message_bytes);
  if (options_.rate.has_value()) {
    CountLatency(lane.begun_at, loop_.Now());
  } else {
    CountLatency(loop_.Now() - lane.begun_at);
  }
  lane.stage = Lane::Stage::kAnswered;
  connection.Close();
}

void ChurnLoad::OnClose(Lane& lane, const CloseReason& reason) {
  if (destroying_) return;
  --open_;
  switch (lane.stage) {
    case Lane::Stage::kAnswered:
      Next(lane);
      return;
    case Lane::Stage::kConnecting:
    case Lane::Stage::kWaiting:
      CountError(Concat("connection ended: ", reason.ToString()));
      break;
    case Lane::Stage::kWrong:
      break;
  }
  NextAfterError(lane);
}

void ChurnLoad::GiveUp(TimePoint now) {
  if (!options_.rate.has_value()) return;
  waiting_.ForEach([&](TimePoint intended) { CountLatency(intended, now); });
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    const bool under_way =
        lane->stage == Lane::Stage::kConnecting || lane->stage == Lane::Stage::kWaiting;
    if (lane->number > 0 && under_way) CountLatency(lane->begun_at, now);
  }
}

}  // namespace spindle::bench
