#ifndef SPINDLE_NET_CODEC_LINE_CODEC_H_
#define SPINDLE_NET_CODEC_LINE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "net/types/buffer.h"

namespace spindle {

enum class LineEnd : uint8_t {
  kLfOrCrLf,  // LF ends a line; one CR before it belongs to the end.
  kLf,        // LF ends a line; a CR before it belongs to the line.
};

struct LineCodecOptions {
  // Bytes of one line, its end not counted.
  size_t max_line = 64 * 1024;
  LineEnd line_end = LineEnd::kLfOrCrLf;
};

enum class LineStatus : uint8_t {
  kLine,      // Here is one.
  kNeedMore,  // The buffer holds no whole line (any more).
  kTooLong,   // A line has more than max_line bytes. Said once for each such line.
};

struct LineResult {
  LineStatus status = LineStatus::kNeedMore;
  std::string_view line = {};  // With kLine only; without its end, perhaps empty.
};

// Cuts the bytes of one stream into lines.
//
//   while (true) {
//     const LineResult next = codec.Next(input);
//     if (next.status != LineStatus::kLine) break;
//     Handle(next.line);
//   }
//
// One codec for each stream, used with one and the same buffer: between two calls bytes may be
// appended to the buffer, or the buffer moved as a whole, but nobody else may consume from it (see
// Release). One thread at a time. Owns nothing.
//
// The line is a view into the buffer, so its bytes stay there until the next call, which consumes
// them first: whoever stops before kNeedMore leaves a line behind that has been handled. A line in
// one piece is not copied, one in several is copied together once. No byte is searched twice,
// whatever pieces the input comes in.
//
// A line that is too long is reported once, when max_line + 2 bytes are there or its end is; the
// rest of it is dropped as it comes, and the next line is found as usual. Whoever cannot go on
// without it closes the connection. Memory: at most max_line + 1 bytes of a line without end stay
// in the buffer after a call.
//
// Not guaranteed: anything about bytes after the last LF at the end of the stream; they are what is
// left in the buffer.
class LineCodec {
 public:
  explicit LineCodec(LineCodecOptions options = {}) : options_(options) {}

  // The next line of `input`. The view is valid until the next call of a non-const function of
  // `input` or of this codec.
  LineResult Next(Buffer& input);

  // Consumes the line that Next has returned, if it has not been yet, and forgets what it knows of
  // `input`: afterwards the buffer begins with the first byte after that line, and may be given to
  // another codec or consumed by hand. The way out of a protocol that begins with lines.
  void Release(Buffer& input);

  const LineCodecOptions& options() const { return options_; }

 private:
  LineResult Found(Buffer& input, size_t end);
  LineResult NotFound(Buffer& input);
  void ConsumeHandled(Buffer& input) { input.Consume(std::exchange(handled_, 0)); }

  LineCodecOptions options_;
  size_t handled_ = 0;     // Bytes at the front that belong to the line returned last.
  size_t scanned_ = 0;     // Bytes at the front known to hold no LF. 0 while handled_ is not.
  bool skipping_ = false;  // Within the rest of a line that was too long.
};

// Makes an on_bytes (see ConnectionCallbacks) out of a handler of lines:
//
//   callbacks.on_open = [](Connection& c) { c.EmplaceData<Session>(); };
//   callbacks.on_bytes = OnLines([](Connection& c) -> LineCodec& { return c.data<Session>()->lines;
//   },
//                                [](Connection& c, std::string_view line) { ... },
//                                [](Connection& c) { c.Close(); });
//
// `codec_of` finds the connection's codec, for example in its user data; it is asked once a call.
// `on_too_long` is called for each line that is too long. Neither may use the input of the
// connection. Once a handler has ended the connection (Close, Abort) no further line is handed out.
template <class CodecOf, class OnLine, class OnTooLong>
auto OnLines(CodecOf codec_of, OnLine on_line, OnTooLong on_too_long) {
  return [codec_of = std::move(codec_of), on_line = std::move(on_line),
          on_too_long = std::move(on_too_long)](auto& connection, Buffer& input) {
    LineCodec& codec = codec_of(connection);
    while (connection.delivers_input()) {
      const LineResult next = codec.Next(input);
      if (next.status == LineStatus::kNeedMore) return;
      if (next.status == LineStatus::kLine) {
        on_line(connection, next.line);
      } else {
        on_too_long(connection);
      }
    }
  };
}

}  // namespace spindle

#endif  // SPINDLE_NET_CODEC_LINE_CODEC_H_
