#include "net/codec/line_codec.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"
#include "tests/net/codec/split.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

constexpr char kTooLong[] = "<too long>";

// Takes what there is; too long lines are marked.
void Drain(LineCodec& codec, Buffer& input, Strings& out) {
  while (true) {
    const LineResult next = codec.Next(input);
    if (next.status == LineStatus::kNeedMore) return;
    out.emplace_back(next.status == LineStatus::kLine ? next.line : kTooLong);
  }
}

Strings Decode(std::string_view text, LineCodecOptions options = {}) {
  LineCodec codec(options);
  Buffer input(text);
  Strings out;
  Drain(codec, input, out);
  return out;
}

// The same by std::string.
Strings Model(std::string_view text, LineCodecOptions options) {
  Strings out;
  while (true) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (end == text.npos) {
      if (line.size() > options.max_line + 1) out.emplace_back(kTooLong);
      return out;
    }
    if (options.line_end == LineEnd::kLfOrCrLf && line.ends_with('\r')) line.remove_suffix(1);
    out.emplace_back(line.size() <= options.max_line ? line : kTooLong);
    text.remove_prefix(end + 1);
  }
}

TEST(LineCodecTest, LfAndCrLfEndALine) {
  EXPECT_EQ(Decode("a\nbc\r\n\n\r\nd"), (Strings{"a", "bc", "", ""}));
  EXPECT_EQ(Decode("\r\r\na\rb\n"), (Strings{"\r", "a\rb"}));
}

TEST(LineCodecTest, CrBelongsToTheLineWhenOnlyLfEndsIt) {
  EXPECT_EQ(Decode("a\r\nb\n", {.line_end = LineEnd::kLf}), (Strings{"a\r", "b"}));
}

TEST(LineCodecTest, PartialLineStaysInTheBuffer) {
  LineCodec codec;
  Buffer input("whole\npart");
  EXPECT_EQ(codec.Next(input).line, "whole");
  EXPECT_EQ(codec.Next(input).status, LineStatus::kNeedMore);
  EXPECT_TRUE(input == "part");
  input.Append("ial\r");
  EXPECT_EQ(codec.Next(input).status, LineStatus::kNeedMore);
  input.Append("\n");
  EXPECT_EQ(codec.Next(input).line, "partial");
  EXPECT_EQ(codec.Next(input).status, LineStatus::kNeedMore);
  EXPECT_TRUE(input.empty());
}

TEST(LineCodecTest, LineInOnePieceIsNotCopied) {
  LineCodec codec;
  Buffer input;
  const std::string text(20000, 'x');
  const ChunkRef chunk = Chunk::CopyOf(text + "\ntail");
  input.Append(chunk, 0, text.size() + 5);
  EXPECT_EQ(codec.Next(input).line.data(), chunk->data());
}

TEST(LineCodecTest, LimitCountsTheLineWithoutItsEnd) {
  const LineCodecOptions options{.max_line = 3};
  EXPECT_EQ(Decode("abc\nabc\r\n", options), (Strings{"abc", "abc"}));
  EXPECT_EQ(Decode("abcd\nok\n", options), (Strings{kTooLong, "ok"}));
  EXPECT_EQ(Decode("abcd\r\nok\n", options), (Strings{kTooLong, "ok"}));
  EXPECT_EQ(Decode("abc\r", options), Strings{}) << "the LF may come";
  EXPECT_EQ(Decode("abc\n", {.max_line = 3, .line_end = LineEnd::kLf}), Strings{"abc"});
  EXPECT_EQ(Decode("abc\r\n", {.max_line = 3, .line_end = LineEnd::kLf}), Strings{kTooLong});
  EXPECT_EQ(Decode("\n\r\na\n", {.max_line = 0}), (Strings{"", "", kTooLong}));
  EXPECT_EQ(Decode("a\n", {.max_line = SIZE_MAX}), Strings{"a"});
}

TEST(LineCodecTest, EndlessLineIsReportedOnceAndTakesNoMemory) {
  LineCodec codec({.max_line = 100});
  Buffer input;
  Strings out;
  for (int i = 0; i < 1000; ++i) {
    input.Append(std::string(50, 'x'));
    Drain(codec, input, out);
    EXPECT_LE(input.size(), 101u);
  }
  EXPECT_EQ(out, Strings{kTooLong});
  input.Append("rest\nnext\n");
  Drain(codec, input, out);
  EXPECT_EQ(out, (Strings{kTooLong, "next"}));
}

TEST(LineCodecTest, DribbledLineStaysInFewPieces) {
  LineCodec codec;
  Buffer input;
  for (int i = 0; i < 10000; ++i) {
    input.Append(Chunk::CopyOf("x"), 0, 1);
    ASSERT_EQ(codec.Next(input).status, LineStatus::kNeedMore);
    ASSERT_LE(input.SegmentCount(), 8u) << "the search would pass over all of them each time";
  }
  input.Append("\n");
  EXPECT_EQ(codec.Next(input).line.size(), 10000u);
}

TEST(LineCodecTest, ReleaseLeavesTheBytesBehindTheLine) {
  LineCodec codec;
  Buffer input("header\r\nbody\nmore");
  EXPECT_EQ(codec.Next(input).line, "header");
  codec.Release(input);
  EXPECT_TRUE(input == "body\nmore");
  codec.Release(input);
  EXPECT_TRUE(input == "body\nmore");
  input.Consume(5);
  EXPECT_EQ(codec.Next(input).status, LineStatus::kNeedMore);
  codec.Release(input);
  EXPECT_TRUE(input == "more");
}

TEST(LineCodecTest, EmptyBufferHoldsNoLine) {
  LineCodec codec;
  Buffer input;
  EXPECT_EQ(codec.Next(input).status, LineStatus::kNeedMore);
  codec.Release(input);
}

TEST(LineCodecTest, ResultDoesNotDependOnHowTheInputIsCut) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const LineCodecOptions options{
        .max_line = random.Uniform(30),
        .line_end = random.OneIn(3) ? LineEnd::kLf : LineEnd::kLfOrCrLf,
    };
    std::string stream(random.Uniform(600), '\0');
    const uint64_t letters = 4 + random.Uniform(20);
    for (char& c : stream) c = "\n\rabcdefghijklmnopqrstuvwxyz"[random.Uniform(letters)];
    testing::ForEachCut(stream, 20, [&](std::function<size_t()> next_size) {
      LineCodec codec(options);
      Buffer input;
      Strings out;
      testing::Feed(input, stream, next_size, [&] { Drain(codec, input, out); });
      EXPECT_EQ(out, Model(stream, options)) << "seed " << seed;
    });
  }
}

// What OnLines needs of a Connection.
struct FakeConnection {
  bool delivers_input() const { return open; }
  LineCodec codec{LineCodecOptions{.max_line = 8}};
  Strings lines;
  bool open = true;
};

TEST(LineCodecTest, OnLinesHandsOutLinesUntilTheConnectionEnds) {
  const auto on_bytes = OnLines([](FakeConnection& c) -> LineCodec& { return c.codec; },
                                [](FakeConnection& c, std::string_view line) {
                                  c.lines.emplace_back(line);
                                  if (line == "quit") c.open = false;
                                },
                                [](FakeConnection& c) { c.lines.emplace_back(kTooLong); });
  FakeConnection connection;
  Buffer input("one\ntw");
  on_bytes(connection, input);
  EXPECT_EQ(connection.lines, Strings{"one"});
  EXPECT_TRUE(input == "tw");
  input.Append("o\nmuch too long\nquit\nafter\n");
  on_bytes(connection, input);
  EXPECT_EQ(connection.lines, (Strings{"one", "two", kTooLong, "quit"}));
}

}  // namespace
}  // namespace spindle
