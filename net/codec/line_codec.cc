#include "net/codec/line_codec.h"

#include <algorithm>
#include <optional>

namespace spindle {
namespace {

// A partial line in more pieces than this is copied together, so that finding the place where the
// search goes on stays cheap. Buffer::Peek with growing sizes copies each byte O(1) times.
constexpr size_t kMaxPieces = 8;

}  // namespace

LineResult LineCodec::Next(Buffer& input) {
  ConsumeHandled(input);
  const std::optional<size_t> end = input.Find('\n', scanned_);
  if (!end.has_value()) return NotFound(input);
  if (skipping_) {
    skipping_ = false;
    scanned_ = 0;
    input.Consume(*end + 1);
    return Next(input);  // Once: nothing is skipped any more.
  }
  return Found(input, *end);
}

LineResult LineCodec::Found(Buffer& input, size_t end) {
  scanned_ = 0;
  // One byte more than fits, so that a CR before the LF is seen.
  if (end <= options_.max_line || end - options_.max_line == 1) {
    std::string_view line = input.Peek(end);
    if (line.size() == end) {
      if (options_.line_end == LineEnd::kLfOrCrLf && line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() <= options_.max_line) {
        handled_ = end + 1;
        return {LineStatus::kLine, line};
      }
    }
  }
  input.Consume(end + 1);
  return {LineStatus::kTooLong};
}

LineResult LineCodec::NotFound(Buffer& input) {
  scanned_ = input.size();
  const bool too_long = scanned_ > options_.max_line && scanned_ - options_.max_line > 1;
  if (skipping_ || too_long) {
    const bool first = !std::exchange(skipping_, true);
    input.Clear();
    scanned_ = 0;
    return {first ? LineStatus::kTooLong : LineStatus::kNeedMore};
  }
  if (input.SegmentCount() > kMaxPieces) input.Linearize();
  return {LineStatus::kNeedMore};
}

void LineCodec::Release(Buffer& input) {
  ConsumeHandled(input);
  scanned_ = 0;
  skipping_ = false;
}

}  // namespace spindle
