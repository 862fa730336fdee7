#include "net/codec/length_codec.h"

#include <errno.h>

#include <limits>
#include <span>

#include "base/bytes.h"

namespace spindle {
namespace {

uint64_t LoadLength(const char* bytes, PrefixSize size) {
  switch (size) {
    case PrefixSize::k1:
      return static_cast<uint8_t>(bytes[0]);
    case PrefixSize::k2:
      return LoadBig16(bytes);
    case PrefixSize::k4:
      return LoadBig32(bytes);
    case PrefixSize::k8:
      break;
  }
  return LoadBig64(bytes);
}

void StoreLength(char* bytes, PrefixSize size, uint64_t length) {
  switch (size) {
    case PrefixSize::k1:
      bytes[0] = static_cast<char>(length);
      return;
    case PrefixSize::k2:
      StoreBig16(bytes, static_cast<uint16_t>(length));
      return;
    case PrefixSize::k4:
      StoreBig32(bytes, static_cast<uint32_t>(length));
      return;
    case PrefixSize::k8:
      break;
  }
  StoreBig64(bytes, length);
}

// The largest length that a prefix can say.
uint64_t MaxLength(PrefixSize size) {
  const unsigned bits = 8 * static_cast<unsigned>(size);
  return bits == 64 ? std::numeric_limits<uint64_t>::max() : (uint64_t{1} << bits) - 1;
}

}  // namespace

std::string_view FrameStatusName(FrameStatus status) {
  switch (status) {
    case FrameStatus::kFrame:
      return "frame";
    case FrameStatus::kNeedMore:
      return "need_more";
    case FrameStatus::kTooLong:
      return "too_long";
    case FrameStatus::kMalformed:
      break;
  }
  return "malformed";
}

FrameStatus LengthCodec::Next(Buffer& input, Buffer& frame) const {
  frame.Clear();
  std::array<char, 8> prefix;
  if (input.CopyOut(0, std::span(prefix).first(prefix_size())) < prefix_size()) {
    return FrameStatus::kNeedMore;
  }
  uint64_t length = LoadLength(prefix.data(), options_.prefix);
  if (options_.counts == PrefixCounts::kPrefixAndPayload) {
    if (length < prefix_size()) return FrameStatus::kMalformed;
    length -= prefix_size();
  }
  if (length > options_.max_frame) return FrameStatus::kTooLong;
  if (length > input.size() - prefix_size()) return FrameStatus::kNeedMore;
  input.Consume(prefix_size());
  frame.MoveFrom(input, static_cast<size_t>(length));
  return FrameStatus::kFrame;
}

IoError LengthCodec::Encode(size_t payload_size, Prefix& prefix) const {
  const uint64_t own = options_.counts == PrefixCounts::kPrefixAndPayload ? prefix_size() : 0;
  if (payload_size > options_.max_frame || payload_size > MaxLength(options_.prefix) - own) {
    return IoError(EMSGSIZE, IoOp::kWrite);
  }
  StoreLength(prefix.bytes.data(), options_.prefix, payload_size + own);
  prefix.size = prefix_size();
  return IoError();
}

IoError LengthCodec::Frame(Buffer& payload) const {
  Prefix prefix;
  if (IoError error = Encode(payload.size(), prefix); !error.ok()) return error;
  payload.Prepend(prefix.view());
  return IoError();
}

IoError LengthCodec::AppendFrame(std::string_view payload, Buffer& out) const {
  Prefix prefix;
  if (IoError error = Encode(payload.size(), prefix); !error.ok()) return error;
  out.Append(prefix.view());
  out.Append(payload);
  return IoError();
}

}  // namespace spindle
