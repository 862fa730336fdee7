#include "bench/netcat/flow.h"

#include <errno.h>

#include <utility>

namespace spindle::bench {
namespace {

// Blocks in one Step.
constexpr int kRounds = 8;

}  // namespace

Flow::Flow(FlowOptions options, Read read, Write write, Move move)
    : options_(options), read_(std::move(read)), write_(std::move(write)), move_(std::move(move)) {}

Flow::State Flow::Step() {
  if (is_over() || state_ == State::kPaused) return state_;
  for (int round = 0; round < kRounds; ++round) {
    const bool goes_on = !pending_.empty() ? Flush() : move_ ? MoveOn() : Fill();
    if (!goes_on) return state_;
  }
  state_ = pending_.empty() ? State::kReading : State::kWriting;
  return state_;
}

void Flow::Resume() {
  if (state_ == State::kPaused) state_ = pending_.empty() ? State::kReading : State::kWriting;
}

void Flow::Prepend(std::string text) {
  bytes_read_ += text.size();
  converted_ = std::move(text);
  pending_ = converted_;
  if (!pending_.empty()) state_ = State::kWriting;
}

bool Flow::Fill() {
  if (source_ended_ || limit_reached()) {
    source_ended_ = true;
    return Set(State::kEnded);
  }
  if (block_.empty()) block_.resize(options_.block);
  const ssize_t count = read_(std::span<char>(block_.data(), block_.size()));
  if (count == -EAGAIN) return Set(State::kReading);
  if (count == -EINTR) return true;
  if (count < 0) return Fail(State::kReadFailed, count);
  if (count == 0 && !options_.packets) {
    source_ended_ = true;
    return Set(State::kEnded);
  }
  ++reads_;
  bytes_read_ += static_cast<uint64_t>(count);
  pending_ = std::string_view(block_.data(), static_cast<size_t>(count));
  if (options_.crlf) {
    converted_.clear();
    crlf_.Convert(pending_, converted_);
    pending_ = converted_;
  }
  return true;
}

bool Flow::Flush() {
  std::string_view part = pending_;
  if (options_.by_line) {
    const size_t end = part.find('\n');
    if (end != std::string_view::npos) part = part.substr(0, end + 1);
  }
  const ssize_t count = write_(part);
  if (count == -EAGAIN) return Set(State::kWriting);
  if (count == -EINTR) return true;
  if (count < 0) return Fail(State::kWriteFailed, count);
  bytes_written_ += static_cast<uint64_t>(count);
  const bool line_ended = count > 0 && part[static_cast<size_t>(count) - 1] == '\n';
  pending_.remove_prefix(static_cast<size_t>(count));
  if (options_.by_line && line_ended) return Set(State::kPaused);
  return true;
}

bool Flow::MoveOn() {
  const MoveResult result = move_();
  if (result.count == -EINVAL) {
    move_ = nullptr;
    return true;
  }
  if (result.count == -EAGAIN) return Set(result.sink_is_full ? State::kWriting : State::kReading);
  if (result.count == -EINTR) return true;
  if (result.count < 0) {
    return Fail(result.source_failed ? State::kReadFailed : State::kWriteFailed, result.count);
  }
  if (result.count == 0) {
    source_ended_ = true;
    return Set(State::kEnded);
  }
  bytes_read_ += static_cast<uint64_t>(result.count);
  bytes_written_ += static_cast<uint64_t>(result.count);
  return true;
}

}  // namespace spindle::bench
