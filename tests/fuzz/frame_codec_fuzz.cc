// The input as a stream of session frames: what comes out must not depend on how the stream is cut,
// all bytes must be accounted for, and what is parsed and written again is the same. Run by
// libFuzzer, or by replay_main.cc as a test.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/session/frame_codec.h"
#include "net/types/buffer.h"
#include "tests/net/codec/split.h"

namespace {

using spindle::Buffer;
using spindle::EncodedFrame;
using spindle::Frame;
using spindle::FrameCodec;
using spindle::FrameRead;
using spindle::FrameType;
using Strings = std::vector<std::string>;

// The frame as it would be written; empty for what cannot be written.
std::string Encode(FrameType type, std::string_view bytes) {
  Buffer payload(bytes);
  switch (type) {
    case FrameType::kHello: {
      const auto hello = FrameCodec::ParseHello(payload);
      return bytes.size() == 4 ? std::string(EncodedFrame::Hello(hello).view()) : "";
    }
    case FrameType::kData:
      return std::string(EncodedFrame::DataHeader(static_cast<uint32_t>(bytes.size())).view())
          .append(bytes);
    case FrameType::kPing:
      return std::string(EncodedFrame::Ping(FrameCodec::ParseToken(payload)).view());
    case FrameType::kPong:
      return std::string(EncodedFrame::Pong(FrameCodec::ParseToken(payload)).view());
    case FrameType::kEndAck:
      return std::string(EncodedFrame::EndAck(FrameCodec::ParseToken(payload)).view());
    case FrameType::kEnd: {
      const auto end = FrameCodec::ParseEnd(payload);
      return std::string(EncodedFrame::End(end.messages, end.code, end.text).view());
    }
    case FrameType::kError: {
      const auto error = FrameCodec::ParseError(payload);
      return std::string(EncodedFrame::Error(error.code, error.text).view());
    }
    case FrameType::kOptional:
      break;
  }
  return "";
}

// Each frame as type and payload, then why it ended and what is left.
Strings Decode(const FrameCodec& codec, std::string_view stream,
               const std::function<size_t()>& next_size) {
  Buffer input;
  Frame frame;
  Strings out;
  size_t taken = 0;
  FrameRead read = FrameRead::kNeedMore;
  spindle::testing::Feed(input, stream, next_size, [&] {
    while ((read = codec.Next(input, frame)) == FrameRead::kFrame) {
      const std::string payload = frame.payload.ToString();
      SPINDLE_CHECK(payload.size() <= codec.max_message() ||
                    payload.size() <= spindle::kMaxControlPayload);
      const std::string_view raw = stream.substr(taken, spindle::kFrameHeaderSize + payload.size());
      taken += raw.size();
      // The flags that may be set are hints, and are not written.
      if (const std::string again = Encode(frame.type, payload); !again.empty() && raw[3] == 0) {
        SPINDLE_CHECK(again == raw);
      }
      out.push_back(std::string(FrameTypeName(frame.type)) + ":" + payload);
    }
    // A peer makes us keep no more than one frame may have.
    if (read == FrameRead::kNeedMore) {
      SPINDLE_CHECK(input.size() < spindle::kFrameHeaderSize + codec.max_message() ||
                    input.size() < spindle::kFrameHeaderSize + spindle::kMaxControlPayload);
    }
  });
  SPINDLE_CHECK(input == stream.substr(taken));
  out.emplace_back(FrameReadName(read));
  out.push_back(input.ToString());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const FrameCodec codec(data[0] * uint32_t{16});
  const Strings whole = Decode(codec, stream, [&] { return stream.size(); });
  SPINDLE_CHECK(Decode(codec, stream, [] { return size_t{1}; }) == whole);
  // Pieces as long as the bytes say.
  size_t i = 0;
  const auto by_content = [&] { return static_cast<size_t>(stream[i++ % stream.size()] & 0x1f); };
  SPINDLE_CHECK(Decode(codec, stream, by_content) == whole);
  static_cast<void>(spindle::QuoteForeignBytes(stream));
  return 0;
}
