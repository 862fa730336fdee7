#ifndef SPINDLE_NET_SESSION_FRAME_CODEC_H_
#define SPINDLE_NET_SESSION_FRAME_CODEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/types/buffer.h"

namespace spindle {

// The wire format of a session; README.md has the table of bytes. Every frame is a header of 8
// bytes and a payload: magic, version, type, flags, length of the payload (big-endian).
inline constexpr uint8_t kFrameMagic = 0xf5;  // In no text in UTF-8, and no first byte of TLS.
inline constexpr uint8_t kFrameVersion = 1;
inline constexpr size_t kFrameHeaderSize = 8;
// Bytes of the text in END and ERROR.
inline constexpr size_t kMaxFrameText = 255;
// Bytes of the largest payload but DATA's.
inline constexpr size_t kMaxControlPayload = 1024;

enum class FrameType : uint8_t {
  kHello = 1,      // The first frame of each side: the limits of its sender.
  kData = 2,       // One message.
  kPing = 3,       // To be answered with a PONG of the same token.
  kPong = 4,       //
  kEnd = 5,        // The sender's last message was before this.
  kEndAck = 6,     // All messages up to the receiver's END were handed out.
  kError = 7,      // The sender gives up; nothing comes after it.
  kOptional = 128  // 128 to 255: may be skipped by who does not know them. None is defined.
};

// "hello", "data" ...; "unknown" otherwise. A literal.
std::string_view FrameTypeName(FrameType type);

enum class FrameRead : uint8_t {
  kFrame,       // Here is one.
  kNeedMore,    // The buffer holds no whole frame (any more).
  kNoSession,   // These bytes are not of this protocol.
  kBadVersion,  // A version of it that we do not speak.
  kBadType,     // An unknown type that must not be skipped.
  kBadFlags,    // An unknown flag that must not be skipped.
  kTooLong,     // More than may be: max_message, or kMaxControlPayload.
  kBadLength,   // A payload that is too short or too long for its type.
};

// "frame", "need_more", "no_session" ...; a literal.
std::string_view FrameReadName(FrameRead read);

struct Frame {
  FrameType type = FrameType::kOptional;
  Buffer payload;
};

// What HELLO says.
struct FrameHello {
  uint32_t max_message = 0;  // Bytes of the largest message that its sender takes.
};
// What END says.
struct FrameEnd {
  uint64_t messages = 0;  // So many DATA frames came before it.
  uint32_t code = 0;
  std::string text = {};
};
// What ERROR says.
struct FrameError {
  uint32_t code = 0;
  std::string text = {};
};

// A frame other than DATA, or the header of a DATA frame, ready to be sent.
class EncodedFrame {
 public:
  static EncodedFrame Hello(const FrameHello& hello);
  // `size` bytes of payload follow.
  static EncodedFrame DataHeader(uint32_t size);
  static EncodedFrame Ping(uint64_t token);
  static EncodedFrame Pong(uint64_t token);
  // At most kMaxFrameText bytes of `text` are taken, whole characters of UTF-8.
  static EncodedFrame End(uint64_t messages, uint32_t code, std::string_view text);
  static EncodedFrame EndAck(uint64_t messages);
  static EncodedFrame Error(uint32_t code, std::string_view text);

  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  explicit EncodedFrame(FrameType type) { Begin(type); }
  void Begin(FrameType type);
  EncodedFrame& Add32(uint32_t value);
  EncodedFrame& Add64(uint64_t value);
  EncodedFrame& AddText(std::string_view text);
  // Writes `length` into the header.
  EncodedFrame& Finish(size_t length);
  EncodedFrame& Finish() { return Finish(size_ - kFrameHeaderSize); }

  std::array<char, kFrameHeaderSize + 12 + kMaxFrameText> bytes_;
  size_t size_ = 0;
};

// Cuts a stream into frames. What comes out does not depend on how the stream came in pieces.
//
// Pure: no sockets, no loops. Immutable and without state of its own: one codec serves all
// connections, on any threads.
//
// Each byte of a header is judged as soon as it is there. After anything but kFrame and kNeedMore
// the place where the next frame begins is unknown: nothing is consumed and every further call says
// the same.
//
// Memory: a length that a peer claims makes us allocate nothing; the bytes of an unfinished frame
// stay in the buffer, at most max_message of them.
class FrameCodec {
 public:
  // `max_message`: bytes of the largest DATA payload to be taken.
  explicit FrameCodec(uint32_t max_message) : max_message_(max_message) {}

  // Moves the next frame from `input` to `frame`, whose old payload is dropped. Copies no byte of
  // a message. Frames of unknown optional types are handed out as kOptional.
  FrameRead Next(Buffer& input, Frame& frame) const;

  uint32_t max_message() const { return max_message_; }

  // The payloads of frames that Next has handed out; the lengths are right, then.
  static FrameHello ParseHello(Buffer& payload);
  static uint64_t ParseToken(Buffer& payload);  // PING, PONG; the count of END_ACK.
  static FrameEnd ParseEnd(Buffer& payload);
  static FrameError ParseError(Buffer& payload);

 private:
  FrameRead CheckHeader(std::string_view header) const;

  const uint32_t max_message_;
};

// `bytes` of somebody who speaks another protocol, for a message: at most 40 of them, up to the end
// of the line, printable, in quotes.
std::string QuoteForeignBytes(std::string_view bytes);

}  // namespace spindle

#endif  // SPINDLE_NET_SESSION_FRAME_CODEC_H_
