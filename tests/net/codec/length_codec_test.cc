#include "net/codec/length_codec.h"

#include <errno.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"
#include "net/types/io_error.h"
#include "tests/net/codec/split.h"

namespace spindle {
namespace {

using std::string_literals::operator""s;
using Strings = std::vector<std::string>;

// Takes what there is. The last element is the name of the error, if there is one.
void Drain(const LengthCodec& codec, Buffer& input, Strings& out) {
  while (true) {
    Buffer frame("old");
    const FrameStatus status = codec.Next(input, frame);
    if (status == FrameStatus::kNeedMore) return;
    if (status != FrameStatus::kFrame) {
      EXPECT_TRUE(frame.empty());
      if (out.empty() || out.back() != FrameStatusName(status)) {
        out.emplace_back(FrameStatusName(status));
      }
      return;
    }
    out.push_back(frame.ToString());
  }
}

Strings Decode(std::string_view bytes, LengthCodecOptions options) {
  Buffer input(bytes);
  Strings out;
  Drain(LengthCodec(options), input, out);
  return out;
}

std::string Encode(std::string_view payload, LengthCodecOptions options) {
  Buffer copied;
  EXPECT_TRUE(LengthCodec(options).AppendFrame(payload, copied).ok());
  Buffer framed(payload);
  EXPECT_TRUE(LengthCodec(options).Frame(framed).ok());
  EXPECT_EQ(framed.ToString(), copied.ToString());
  return copied.ToString();
}

TEST(LengthCodecTest, PrefixIsBigEndianOfTheChosenSize) {
  EXPECT_EQ(Encode("abc", {.prefix = PrefixSize::k1}), "\3abc"s);
  EXPECT_EQ(Encode("abc", {.prefix = PrefixSize::k2}), "\0\3abc"s);
  EXPECT_EQ(Encode("abc", {.prefix = PrefixSize::k4}), "\0\0\0\3abc"s);
  EXPECT_EQ(Encode("abc", {.prefix = PrefixSize::k8}), "\0\0\0\0\0\0\0\3abc"s);
  EXPECT_EQ(Encode("", {}), "\0\0\0\0"s);
  EXPECT_EQ(Encode(std::string(0x102, 'x'), {.prefix = PrefixSize::k2}).substr(0, 2), "\1\2"s);
}

TEST(LengthCodecTest, LengthMayIncludeThePrefix) {
  const LengthCodecOptions options{.prefix = PrefixSize::k2,
                                   .counts = PrefixCounts::kPrefixAndPayload};
  EXPECT_EQ(Encode("abc", options), "\0\5abc"s);
  EXPECT_EQ(Decode("\0\5abc\0\2\0\3"s, options), (Strings{"abc", ""}));
}

TEST(LengthCodecTest, LengthBelowThePrefixIsMalformed) {
  EXPECT_EQ(Decode("\0\1"s, {.prefix = PrefixSize::k2, .counts = PrefixCounts::kPrefixAndPayload}),
            Strings{"malformed"});
}

TEST(LengthCodecTest, EmptyFramesAreFrames) {
  EXPECT_EQ(Decode("\0\1x\0"s, {.prefix = PrefixSize::k1}), (Strings{"", "x", ""}));
}

TEST(LengthCodecTest, TooLongIsKnownFromThePrefixAndStays) {
  const LengthCodec codec({.prefix = PrefixSize::k4, .max_frame = 10});
  Buffer input("\0\0\0\xb"s);
  Buffer frame;
  EXPECT_EQ(codec.Next(input, frame), FrameStatus::kTooLong);
  EXPECT_EQ(codec.Next(input, frame), FrameStatus::kTooLong);
  EXPECT_EQ(input.size(), 4u);
  EXPECT_EQ(Decode(std::string(8, '\xff'), {.prefix = PrefixSize::k8}), Strings{"too_long"});
  EXPECT_EQ(Decode(std::string(8, '\xff'), {.prefix = PrefixSize::k8, .max_frame = SIZE_MAX}),
            Strings{})
      << "waits for all of them";
}

TEST(LengthCodecTest, PartialFrameStaysInTheBuffer) {
  const LengthCodec codec({.prefix = PrefixSize::k2});
  Buffer input("\0\4abc"s);
  Buffer frame;
  EXPECT_EQ(codec.Next(input, frame), FrameStatus::kNeedMore);
  EXPECT_EQ(input.size(), 5u);
  input.Append("d\0"s);
  EXPECT_EQ(codec.Next(input, frame), FrameStatus::kFrame);
  EXPECT_TRUE(frame == "abcd");
  EXPECT_EQ(codec.Next(input, frame), FrameStatus::kNeedMore);
  EXPECT_EQ(input.size(), 1u);
}

TEST(LengthCodecTest, PayloadsAreNotCopied) {
  const LengthCodec codec;
  Buffer out;
  const ChunkRef payload = Chunk::CopyOf(std::string(5000, 'p'));
  out.Append(payload, 0, 5000);
  ASSERT_TRUE(codec.Frame(out).ok());
  ASSERT_EQ(out.SegmentCount(), 2u);
  Buffer frame;
  ASSERT_EQ(codec.Next(out, frame), FrameStatus::kFrame);
  EXPECT_EQ(frame.Front().data(), payload->data());
}

TEST(LengthCodecTest, PayloadThatDoesNotFitIsRefusedUnchanged) {
  const LengthCodecOptions small{.prefix = PrefixSize::k1};
  EXPECT_EQ(Encode(std::string(255, 'x'), small).size(), 256u);
  const LengthCodecOptions inclusive{.prefix = PrefixSize::k1,
                                     .counts = PrefixCounts::kPrefixAndPayload};
  EXPECT_EQ(Encode(std::string(254, 'x'), inclusive).size(), 255u);
  for (const auto& [options, size] : {std::pair{small, 256}, std::pair{inclusive, 255},
                                      std::pair{LengthCodecOptions{.max_frame = 3}, 4}}) {
    const LengthCodec codec(options);
    Buffer payload(std::string(static_cast<size_t>(size), 'x'));
    EXPECT_EQ(codec.Frame(payload), IoError(EMSGSIZE, IoOp::kWrite));
    EXPECT_EQ(payload.size(), static_cast<size_t>(size));
    Buffer out("before");
    EXPECT_EQ(codec.AppendFrame(payload.Linearize(), out), IoError(EMSGSIZE, IoOp::kWrite));
    EXPECT_TRUE(out == "before");
  }
}

TEST(LengthCodecTest, ResultDoesNotDependOnHowTheInputIsCut) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const LengthCodecOptions options{
        .prefix = std::array{PrefixSize::k1, PrefixSize::k2, PrefixSize::k4,
                             PrefixSize::k8}[random.Uniform(4)],
        .counts = random.OneIn(2) ? PrefixCounts::kPayload : PrefixCounts::kPrefixAndPayload,
        .max_frame = 200};
    std::string stream;
    Strings expected;
    for (uint64_t frames = random.Uniform(20); frames > 0; --frames) {
      expected.emplace_back(random.Uniform(100), static_cast<char>('a' + random.Uniform(26)));
      stream += Encode(expected.back(), options);
    }
    if (random.OneIn(2)) {
      stream += std::string(7, '\0') + '\xff' + std::string(300, 'x');
      expected = Decode(stream, options);
    }
    testing::ForEachCut(stream, 20, [&](std::function<size_t()> next_size) {
      Buffer input;
      Strings out;
      testing::Feed(input, stream, next_size, [&] { Drain(LengthCodec(options), input, out); });
      EXPECT_EQ(out, expected) << "seed " << seed;
    });
  }
}

// What OnFrames and Write need of a Connection.
struct FakeConnection {
  bool delivers_input() const { return open; }
  IoError Writev(std::initializer_list<std::string_view> pieces) {
    ++writes;
    for (const std::string_view piece : pieces) sent.Append(piece);
    return IoError();
  }
  IoError Write(Buffer&& data) {
    ++writes;
    sent.Append(std::move(data));
    return IoError();
  }
  Strings frames;
  Buffer sent;
  int writes = 0;
  bool open = true;
};

TEST(LengthCodecTest, WriteIsOneWriteOfTheConnection) {
  const LengthCodec codec({.max_frame = 3});
  FakeConnection connection;
  EXPECT_TRUE(codec.Write(connection, "abc").ok());
  EXPECT_EQ(connection.writes, 1);
  EXPECT_TRUE(codec.Write(connection, Buffer("de")).ok());
  EXPECT_EQ(connection.writes, 2);
  EXPECT_EQ(codec.Write(connection, "abcd").code(), EMSGSIZE);
  EXPECT_EQ(connection.writes, 2);
  EXPECT_TRUE(connection.sent == "\0\0\0\3abc\0\0\0\2de"s);
}

TEST(LengthCodecTest, OnFramesHandsOutFramesUntilTheConnectionEnds) {
  const auto on_bytes = OnFrames(
      LengthCodec({.prefix = PrefixSize::k1, .max_frame = 9}),
      [](FakeConnection& c, Buffer& frame) {
        c.frames.push_back(frame.ToString());
        if (frame == "quit") c.open = false;
      },
      [](FakeConnection& c, FrameStatus why) {
        c.frames.emplace_back(FrameStatusName(why));
        c.open = false;
      });
  FakeConnection connection;
  Buffer input("\1a\3bc"s);
  on_bytes(connection, input);
  EXPECT_EQ(connection.frames, Strings{"a"});
  input.Append("d\4quit\1z"s);
  on_bytes(connection, input);
  EXPECT_EQ(connection.frames, (Strings{"a", "bcd", "quit"}));

  FakeConnection other;
  Buffer bad("\1a\xff"s);
  on_bytes(other, bad);
  EXPECT_EQ(other.frames, (Strings{"a", "too_long"}));
}

TEST(LengthCodecTest, OnFramesLeavesTheBlockInTheInput) {
  const auto on_bytes = OnFrames(
      LengthCodec({.prefix = PrefixSize::k1}),
      [](FakeConnection& c, Buffer& frame) { c.frames.push_back(frame.ToString()); },
      [](FakeConnection&, FrameStatus) {});
  FakeConnection connection;
  Buffer input;
  ChunkRef block = Chunk::Allocate(Chunk::kLargeCapacity);
  const Chunk* const address = block.get();
  input.SetSpare(std::move(block));
  input.Append("\1a\1b"s);
  on_bytes(connection, input);
  EXPECT_EQ(input.TakeChunk().get(), address);
}

}  // namespace
}  // namespace spindle
