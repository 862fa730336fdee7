#include "bench/load/message_frame.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"

namespace spindle::bench {

FrameHeader::FrameHeader(uint32_t length) { StoreBig32(bytes_.data(), length); }

uint64_t FrameCounter::Feed(Buffer& input) {
  uint64_t ended = 0;
  while (true) {
    if (!in_message_) {
      const std::optional<uint32_t> length = input.ReadBig32();
      if (!length.has_value()) return ended;
      left_ = *length;
      in_message_ = true;
    }
    const size_t here = std::min<uint64_t>(left_, input.size());
    input.Consume(here);
    left_ -= here;
    if (left_ > 0) return ended;
    in_message_ = false;
    ++ended;
  }
}

}  // namespace spindle::bench
