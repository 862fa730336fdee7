#include "net/session/frame_codec.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/bytes.h"
#include "base/check.h"

namespace spindle {
namespace {

// Flags that a receiver who does not know them must not pass over. None is defined in version 1.
constexpr uint8_t kCriticalFlags = 0x0f;

// Bounds of the payload of a known type but DATA.
struct Bounds {
  size_t least;
  size_t most;
};
constexpr Bounds kBounds[] = {
    {0, 0},                    // 0 is no type.
    {4, kMaxControlPayload},   // HELLO: later versions may say more.
    {0, 0},                    // DATA
    {8, 8},                    // PING
    {8, 8},                    // PONG
    {12, 12 + kMaxFrameText},  // END
    {8, 8},                    // END_ACK
    {4, 4 + kMaxFrameText},    // ERROR
};

constexpr std::string_view kTypeNames[] = {"unknown", "hello", "data",    "ping",
                                           "pong",    "end",   "end_ack", "error"};
constexpr std::string_view kReadNames[] = {"frame",    "need_more", "no_session", "bad_version",
                                           "bad_type", "bad_flags", "too_long",   "bad_length"};

bool IsOptional(uint8_t type) { return type >= static_cast<uint8_t>(FrameType::kOptional); }
bool IsKnown(uint8_t type) { return type >= 1 && type < std::size(kBounds); }

// The rest of a payload.
std::string TakeText(Buffer& payload) {
  std::string text = payload.ToString();
  payload.Clear();
  return text;
}

}  // namespace

std::string_view FrameTypeName(FrameType type) {
  const auto value = static_cast<uint8_t>(type);
  return IsOptional(value) ? "optional" : kTypeNames[IsKnown(value) ? value : 0];
}

std::string_view FrameReadName(FrameRead read) { return kReadNames[static_cast<int>(read)]; }

// ---- Encoding.

void EncodedFrame::Begin(FrameType type) {
  bytes_[0] = static_cast<char>(kFrameMagic);
  bytes_[1] = static_cast<char>(kFrameVersion);
  bytes_[2] = static_cast<char>(type);
  bytes_[3] = 0;
  size_ = kFrameHeaderSize;
}

EncodedFrame& EncodedFrame::Add32(uint32_t value) {
  StoreBig32(bytes_.data() + size_, value);
  size_ += sizeof value;
  return *this;
}

EncodedFrame& EncodedFrame::Add64(uint64_t value) {
  StoreBig64(bytes_.data() + size_, value);
  size_ += sizeof value;
  return *this;
}

EncodedFrame& EncodedFrame::AddText(std::string_view text) {
  size_t length = std::min(text.size(), kMaxFrameText);
  // Not in the middle of a character: back over its 10xxxxxx bytes.
  while (length < text.size() && length > 0 && (text[length] & 0xc0) == 0x80) --length;
  if (length > 0) std::memcpy(bytes_.data() + size_, text.data(), length);
  size_ += length;
  return *this;
}

EncodedFrame& EncodedFrame::Finish(size_t length) {
  StoreBig32(bytes_.data() + 4, static_cast<uint32_t>(length));
  return *this;
}

EncodedFrame EncodedFrame::Hello(const FrameHello& hello) {
  return EncodedFrame(FrameType::kHello).Add32(hello.max_message).Finish();
}

EncodedFrame EncodedFrame::DataHeader(uint32_t size) {
  return EncodedFrame(FrameType::kData).Finish(size);
}

EncodedFrame EncodedFrame::Ping(uint64_t token) {
  return EncodedFrame(FrameType::kPing).Add64(token).Finish();
}

EncodedFrame EncodedFrame::Pong(uint64_t token) {
  return EncodedFrame(FrameType::kPong).Add64(token).Finish();
}

EncodedFrame EncodedFrame::End(uint64_t messages, uint32_t code, std::string_view text) {
  return EncodedFrame(FrameType::kEnd).Add64(messages).Add32(code).AddText(text).Finish();
}

EncodedFrame EncodedFrame::EndAck(uint64_t messages) {
  return EncodedFrame(FrameType::kEndAck).Add64(messages).Finish();
}

EncodedFrame EncodedFrame::Error(uint32_t code, std::string_view text) {
  return EncodedFrame(FrameType::kError).Add32(code).AddText(text).Finish();
}

// ---- Decoding.

FrameRead FrameCodec::CheckHeader(std::string_view header) const {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(header[i]); };
  if (header.size() > 0 && byte(0) != kFrameMagic) return FrameRead::kNoSession;
  if (header.size() > 1 && byte(1) != kFrameVersion) return FrameRead::kBadVersion;
  if (header.size() > 2 && !IsKnown(byte(2)) && !IsOptional(byte(2))) return FrameRead::kBadType;
  if (header.size() > 3 && (byte(3) & kCriticalFlags) != 0) return FrameRead::kBadFlags;
  if (header.size() < kFrameHeaderSize) return FrameRead::kNeedMore;
  const size_t length = LoadBig32(header.data() + 4);
  if (byte(2) == static_cast<uint8_t>(FrameType::kData)) {
    return length <= max_message_ ? FrameRead::kFrame : FrameRead::kTooLong;
  }
  if (length > kMaxControlPayload) return FrameRead::kTooLong;
  if (IsOptional(byte(2))) return FrameRead::kFrame;
  const Bounds& bounds = kBounds[byte(2)];
  return length >= bounds.least && length <= bounds.most ? FrameRead::kFrame
                                                         : FrameRead::kBadLength;
}

FrameRead FrameCodec::Next(Buffer& input, Frame& frame) const {
  frame.payload.Clear();
  std::array<char, kFrameHeaderSize> bytes;
  const std::string_view header(bytes.data(), input.CopyOut(0, bytes));
  if (const FrameRead read = CheckHeader(header); read != FrameRead::kFrame) return read;
  const size_t length = LoadBig32(header.data() + 4);
  if (length > input.size() - kFrameHeaderSize) return FrameRead::kNeedMore;
  const auto type = static_cast<uint8_t>(header[2]);
  frame.type = IsOptional(type) ? FrameType::kOptional : static_cast<FrameType>(type);
  input.Consume(kFrameHeaderSize);
  frame.payload.MoveFrom(input, length);
  return FrameRead::kFrame;
}

FrameHello FrameCodec::ParseHello(Buffer& payload) {
  const auto max_message = payload.ReadBig32();
  SPINDLE_CHECK(max_message.has_value());
  return FrameHello{.max_message = *max_message};
}

uint64_t FrameCodec::ParseToken(Buffer& payload) {
  const auto token = payload.ReadBig64();
  SPINDLE_CHECK(token.has_value());
  return *token;
}

FrameEnd FrameCodec::ParseEnd(Buffer& payload) {
  const auto messages = payload.ReadBig64();
  const auto code = payload.ReadBig32();
  SPINDLE_CHECK(messages.has_value() && code.has_value());
  return FrameEnd{.messages = *messages, .code = *code, .text = TakeText(payload)};
}

FrameError FrameCodec::ParseError(Buffer& payload) {
  const auto code = payload.ReadBig32();
  SPINDLE_CHECK(code.has_value());
  return FrameError{.code = *code, .text = TakeText(payload)};
}

std::string QuoteForeignBytes(std::string_view bytes) {
  constexpr size_t kMost = 40;
  constexpr char kHex[] = "0123456789abcdef";
  bytes = bytes.substr(0, bytes.find_first_of("\r\n"));
  std::string out = "\"";
  for (const char c : bytes.substr(0, kMost)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      out += c;
    } else {
      const auto value = static_cast<uint8_t>(c);
      out += {'\\', 'x', kHex[value >> 4], kHex[value & 15]};
    }
  }
  return out += bytes.size() > kMost ? "\"..." : "\"";
}

}  // namespace spindle
