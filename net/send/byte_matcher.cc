#include "net/send/byte_matcher.h"

#include <algorithm>

namespace spindle {

void ByteMatcher::Expect(std::string_view first, std::string_view second) {
  pieces_ = {first, second};
}

MatchOutcome ByteMatcher::Feed(Buffer& input) {
  for (std::string_view& piece : pieces_) {
    while (!piece.empty()) {
      if (input.empty()) return MatchOutcome::kMore;
      const std::string_view front = input.Front();
      const size_t size = std::min(front.size(), piece.size());
      if (front.substr(0, size) != piece.substr(0, size)) return MatchOutcome::kWrong;
      piece.remove_prefix(size);
      input.Consume(size);
    }
  }
  return MatchOutcome::kDone;
}

}  // namespace spindle
