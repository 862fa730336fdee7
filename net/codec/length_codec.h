#ifndef SPINDLE_NET_CODEC_LENGTH_CODEC_H_
#define SPINDLE_NET_CODEC_LENGTH_CODEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "net/types/buffer.h"
#include "net/types/chunk.h"
#include "net/types/io_error.h"

namespace spindle {

// Bytes of the length before each frame. The length is big-endian and unsigned.
enum class PrefixSize : uint8_t { k1 = 1, k2 = 2, k4 = 4, k8 = 8 };

enum class PrefixCounts : uint8_t {
  kPayload,           // The length is that of the payload.
  kPrefixAndPayload,  // The length includes its own bytes.
};

struct LengthCodecOptions {
  PrefixSize prefix = PrefixSize::k4;
  PrefixCounts counts = PrefixCounts::kPayload;
  // Bytes of the largest payload, in either direction.
  size_t max_frame = 16 * 1024 * 1024;
};

enum class FrameStatus : uint8_t {
  kFrame,      // Here is one.
  kNeedMore,   // The buffer holds no whole frame (any more).
  kTooLong,    // The prefix announces more than max_frame.
  kMalformed,  // The prefix announces less than the prefix itself
               // (PrefixCounts::kPrefixAndPayload).
};

// "frame", "need_more", "too_long", "malformed"; a literal.
std::string_view FrameStatusName(FrameStatus status);

// Cuts a stream into frames with a length before each, and puts the length before payloads.
// Payloads may be empty.
//
// Immutable and without state of its own: one codec serves all connections, on any threads.
//
// After kTooLong or kMalformed the place where the next frame begins is unknown: nothing is
// consumed and every further call says the same. Close the connection.
//
// Memory: until a frame is whole its bytes stay in the buffer, so a peer may make us keep up to
// max_frame bytes. A frame shares the chunks that its bytes were received in: who keeps many small
// ones for long had better copy them.
class LengthCodec {
 public:
  explicit LengthCodec(LengthCodecOptions options = {}) : options_(options) {}

  // Moves the payload of the next frame from `input` to `frame`, whose old content is dropped.
  // Copies no byte. `frame` is empty unless the status is kFrame.
  FrameStatus Next(Buffer& input, Buffer& frame) const;

  // Puts the prefix in front of `payload`, without copying the payload. One write of the result is
  // one frame. Errors: EMSGSIZE if the payload is larger than max_frame or than the prefix can say;
  // then nothing has changed.
  IoError Frame(Buffer& payload) const;
  // Appends prefix and payload, copied, to `out`. Errors as above.
  IoError AppendFrame(std::string_view payload, Buffer& out) const;

  // Sends prefix and payload, copied, as one write of `connection`; or moves the payload. Errors as
  // above, and those of Connection::Write; in either case nothing was queued.
  template <class Connection>
  IoError Write(Connection& connection, std::string_view payload) const {
    Prefix prefix;
    if (IoError error = Encode(payload.size(), prefix); !error.ok()) return error;
    return connection.Writev({prefix.view(), payload});
  }
  template <class Connection>
  IoError Write(Connection& connection, Buffer&& payload) const {
    if (IoError error = Frame(payload); !error.ok()) return error;
    return connection.Write(std::move(payload));
  }

  const LengthCodecOptions& options() const { return options_; }

 private:
  struct Prefix {
    std::array<char, 8> bytes;
    size_t size = 0;
    std::string_view view() const { return {bytes.data(), size}; }
  };

  size_t prefix_size() const { return static_cast<size_t>(options_.prefix); }
  IoError Encode(size_t payload_size, Prefix& prefix) const;

  LengthCodecOptions options_;
};

// Makes an on_bytes (see ConnectionCallbacks) out of a handler of frames:
//
//   callbacks.on_bytes = OnFrames(codec, [](Connection& c, Buffer& frame) { ... },
//                                 [](Connection& c, FrameStatus why) { c.Close(); });
//
// The handler may move `frame` away. `on_error` is called when the stream cannot be read on; it
// should end the connection. Once one of them has done so (Close, Abort) no further frame is handed
// out.
template <class OnFrame, class OnError>
auto OnFrames(LengthCodec codec, OnFrame on_frame, OnError on_error) {
  return [codec, on_frame = std::move(on_frame), on_error = std::move(on_error)](auto& connection,
                                                                                 Buffer& input) {
    Buffer frame;
    while (connection.delivers_input()) {
      const FrameStatus status = codec.Next(input, frame);
      if (status == FrameStatus::kNeedMore) return;
      if (status != FrameStatus::kFrame) return on_error(connection, status);
      on_frame(connection, frame);
      // The last frame took the block along that all was received in: it is used again.
      if (ChunkRef block = frame.TakeChunk(); block && input.empty()) {
        input.SetSpare(std::move(block));
      }
    }
  };
}

}  // namespace spindle

#endif  // SPINDLE_NET_CODEC_LENGTH_CODEC_H_
