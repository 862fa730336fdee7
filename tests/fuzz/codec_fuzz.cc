// The input as a stream of lines and of frames: what comes out must not depend on how the stream is
// cut, and all bytes must be accounted for. Run by libFuzzer, or by replay_main.cc as a test.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/codec/length_codec.h"
#include "net/codec/line_codec.h"
#include "net/types/buffer.h"
#include "tests/net/codec/split.h"

namespace {

using spindle::Buffer;
using spindle::FrameStatus;
using spindle::LengthCodec;
using spindle::LengthCodecOptions;
using spindle::LineCodec;
using spindle::LineCodecOptions;
using spindle::LineEnd;
using spindle::LineResult;
using spindle::LineStatus;
using spindle::PrefixCounts;
using spindle::PrefixSize;
using Strings = std::vector<std::string>;

// Calls `decode` for what each way of cutting yields and checks that it is always the same.
void CheckCuts(std::string_view stream,
               const std::function<Strings(const std::function<size_t()>& next_size)>& decode) {
  const Strings whole = decode([&] { return stream.size(); });
  SPINDLE_CHECK(decode([] { return size_t{1}; }) == whole);
  // Pieces as long as the bytes say.
  size_t i = 0;
  const auto by_content = [&] { return static_cast<size_t>(stream[i++ % stream.size()] & 0x1f); };
  SPINDLE_CHECK(decode(by_content) == whole);
}

Strings Lines(LineCodecOptions options, std::string_view stream,
              const std::function<size_t()>& next_size) {
  LineCodec codec(options);
  Buffer input;
  Strings out;
  spindle::testing::Feed(input, stream, next_size, [&] {
    while (true) {
      const LineResult next = codec.Next(input);
      if (next.status == LineStatus::kNeedMore) break;
      out.emplace_back(next.status == LineStatus::kLine ? next.line : "\n");
      SPINDLE_CHECK(next.line.size() <= options.max_line);
    }
    SPINDLE_CHECK(input.size() <= options.max_line + 1);
  });
  out.push_back(input.ToString());
  return out;
}

Strings Frames(LengthCodecOptions options, std::string_view stream,
               const std::function<size_t()>& next_size) {
  const LengthCodec codec(options);
  Buffer input;
  Buffer frame;
  Buffer encoded;
  Strings out;
  FrameStatus status = FrameStatus::kNeedMore;
  spindle::testing::Feed(input, stream, next_size, [&] {
    while ((status = codec.Next(input, frame)) == FrameStatus::kFrame) {
      out.push_back(frame.ToString());
      SPINDLE_CHECK(codec.AppendFrame(out.back(), encoded).ok());
    }
  });
  SPINDLE_CHECK(encoded.ToString() + input.ToString() == stream);
  out.emplace_back(spindle::FrameStatusName(status));
  out.push_back(input.ToString());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const LineCodecOptions lines{
      .max_line = data[0],
      .line_end = data[1] & 1 ? LineEnd::kLf : LineEnd::kLfOrCrLf,
  };
  CheckCuts(stream, [&](const auto& next_size) { return Lines(lines, stream, next_size); });
  constexpr PrefixSize kSizes[] = {PrefixSize::k1, PrefixSize::k2, PrefixSize::k4, PrefixSize::k8};
  const LengthCodecOptions frames{
      .prefix = kSizes[data[1] >> 1 & 3],
      .counts = data[1] & 8 ? PrefixCounts::kPrefixAndPayload : PrefixCounts::kPayload,
      .max_frame = data[0],
  };
  CheckCuts(stream, [&](const auto& next_size) { return Frames(frames, stream, next_size); });
  return 0;
}
