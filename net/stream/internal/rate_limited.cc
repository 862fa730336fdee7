// What rate limits do to a connection: they pause its reading and hold its output until the timer
// of ConnectionRare rings.

#include <memory>
#include <utility>

#include "net/loop/io_host.h"
#include "net/stream/connection.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/connection_rare.h"

namespace spindle {

size_t Connection::AllowRead(size_t most) {
  const size_t allowed = rare_->read_limit->Allow(most, host_.now());
  if (allowed == 0) {
    mode_.paused |= kRatePause;
    rare_->Schedule();
  }
  return allowed;
}

size_t Connection::AllowWrite(size_t most) {
  const size_t allowed = rare_->write_limit->Allow(most, host_.now());
  if (allowed == 0) {
    mode_.write_gate |= kRateHeld;
    rare_->Schedule();
  }
  return allowed;
}

void Connection::EndRatePause() {
  rare_->read_limit->EndWait();
  mode_.paused = static_cast<uint8_t>(mode_.paused & ~kRatePause);
  rare_->last_read = host_.now();
  // Who does not read now must not keep a place that others wait for.
  if (mode_.paused != 0 || !read_ready_) return rare_->read_limit->Release();
  host_.MarkReady(*this);
}

void Connection::EndRateHold() {
  rare_->write_limit->EndWait();
  mode_.write_gate &= static_cast<uint8_t>(~kRateHeld);
  rare_->last_written = host_.now();
  host_.MarkFlush(*this);
}

// Who waits for a limit that has changed asks again.
void Connection::RateChanged() {
  if (rare_->read_limit != nullptr && (mode_.paused & kRatePause) != 0) EndRatePause();
  if (rare_->write_limit != nullptr) {
    mode_.write_gate |= kRateLimited;
    if ((mode_.write_gate & kRateHeld) != 0) EndRateHold();
  }
  rare_->Schedule();
}

namespace {

RateSide& SideOf(std::unique_ptr<RateSide>& side) {
  if (side == nullptr) side = std::make_unique<RateSide>(RateLimit{}, nullptr);
  return *side;
}

}  // namespace

void Connection::SetReadRate(const RateLimit& limit) {
  host_.AssertInLoop();
  if (closed()) return;
  SideOf(rare().read_limit).SetOwn(limit, host_.now());
  RateChanged();
}

void Connection::SetWriteRate(const RateLimit& limit) {
  host_.AssertInLoop();
  if (closed()) return;
  SideOf(rare().write_limit).SetOwn(limit, host_.now());
  RateChanged();
}

void Connection::SetReadGroup(std::shared_ptr<RateGroup> group) {
  host_.AssertInLoop();
  if (closed()) return;
  SideOf(rare().read_limit).SetGroup(std::move(group));
  RateChanged();
}

void Connection::SetWriteGroup(std::shared_ptr<RateGroup> group) {
  host_.AssertInLoop();
  if (closed()) return;
  SideOf(rare().write_limit).SetGroup(std::move(group));
  RateChanged();
}

}  // namespace spindle
