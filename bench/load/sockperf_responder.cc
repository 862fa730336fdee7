#include "bench/load/sockperf_responder.h"

#include <optional>
#include <utility>

namespace spindle::bench {
namespace {

constexpr size_t kFlagsOffset = 8;
constexpr size_t kLengthOffset = 10;
constexpr uint16_t kFromClient = 1;
constexpr uint16_t kWantsReply = 2;
constexpr uint32_t kMaxMessageBytes = 65507;  // sockperf's own limit: that of UDP.

}  // namespace

Buffer SockperfResponder::Feed(Buffer& input) {
  if (client_ == Client::kUnknown && !input.empty()) {
    const uint32_t length = input.PeekBig32(kLengthOffset).value_or(0);
    const bool asks = input.PeekBig16(kFlagsOffset) == (kFromClient | kWantsReply);
    const bool sockperf = asks && length >= kHeaderBytes && length <= kMaxMessageBytes;
    client_ = sockperf ? Client::kSockperf : Client::kOther;
  }
  if (client_ == Client::kOther) {
    ++answered_;
    return std::move(input);
  }
  Buffer replies;
  while (input.size() >= kHeaderBytes) {
    const size_t length = *input.PeekBig32(kLengthOffset);
    if (length < kHeaderBytes || length > kMaxMessageBytes) {
      // Not a message: from here on it comes back as it is.
      client_ = Client::kOther;
      replies.Append(std::move(input));
      return replies;
    }
    if (input.size() < length) break;
    replies.AppendBig64(*input.ReadBig64());
    replies.AppendBig16(static_cast<uint16_t>(*input.ReadBig16() & ~kFromClient));
    replies.MoveFrom(input, length - kLengthOffset);
    ++answered_;
  }
  return replies;
}

}  // namespace spindle::bench
