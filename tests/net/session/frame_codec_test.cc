#include "net/session/frame_codec.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "net/types/buffer.h"
#include "tests/net/codec/split.h"

namespace spindle {
namespace {

using namespace std::string_literals;

std::string Data(std::string_view payload) {
  return std::string(EncodedFrame::DataHeader(static_cast<uint32_t>(payload.size())).view()) +
         std::string(payload);
}
std::string Text(const EncodedFrame& frame) { return std::string(frame.view()); }

// A header by hand.
std::string Header(uint8_t type, uint32_t length, uint8_t flags = 0, uint8_t version = 1,
                   uint8_t magic = 0xf5) {
  std::string out = {static_cast<char>(magic), static_cast<char>(version), static_cast<char>(type),
                     static_cast<char>(flags)};
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift);
  return out;
}

// What comes out of `stream`: "type:payload" of each frame, then the last status and the rest.
std::vector<std::string> Decode(const FrameCodec& codec, std::string_view stream,
                                std::function<size_t()> next_size) {
  std::vector<std::string> out;
  Buffer input;
  Frame frame;
  FrameRead read = FrameRead::kNeedMore;
  testing::Feed(input, stream, std::move(next_size), [&] {
    while ((read = codec.Next(input, frame)) == FrameRead::kFrame) {
      out.push_back(std::string(FrameTypeName(frame.type)) + ":" + frame.payload.ToString());
    }
  });
  out.emplace_back(FrameReadName(read));
  out.push_back(input.ToString());
  return out;
}

FrameRead ReadOf(std::string_view bytes, uint32_t max_message = 100) {
  Buffer input(bytes);
  Frame frame;
  const FrameRead read = FrameCodec(max_message).Next(input, frame);
  if (read != FrameRead::kFrame) {
    EXPECT_EQ(input, bytes);
  }
  return read;
}

TEST(FrameCodecTest, BytesAreThoseOfTheTable) {
  EXPECT_EQ(Text(EncodedFrame::Hello({.max_message = 0x01020304})),
            "\xf5\x01\x01\x00\x00\x00\x00\x04\x01\x02\x03\x04"s);
  EXPECT_EQ(Data("abc"),
            "\xf5\x01\x02\x00\x00\x00\x00\x03"
            "abc"s);
  EXPECT_EQ(Text(EncodedFrame::Ping(7)),
            "\xf5\x01\x03\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07"s);
  EXPECT_EQ(Text(EncodedFrame::Pong(7)),
            "\xf5\x01\x04\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07"s);
  EXPECT_EQ(Text(EncodedFrame::End(2, 0xffffff01, "bye")),
            "\xf5\x01\x05\x00\x00\x00\x00\x0f\x00\x00\x00\x00\x00\x00\x00\x02\xff\xff\xff\x01"
            "bye"s);
  EXPECT_EQ(Text(EncodedFrame::EndAck(2)),
            "\xf5\x01\x06\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x02"s);
  EXPECT_EQ(Text(EncodedFrame::Error(9, "no")),
            "\xf5\x01\x07\x00\x00\x00\x00\x06\x00\x00\x00\x09no"s);
}

TEST(FrameCodecTest, ContentsComeBack) {
  const FrameCodec codec(100);
  Buffer input(Text(EncodedFrame::Hello({.max_message = 77})) + Text(EncodedFrame::Ping(1)) +
               Text(EncodedFrame::EndAck(5)) + Text(EncodedFrame::End(6, 7, "why")) +
               Text(EncodedFrame::Error(8, "")));
  Frame frame;
  ASSERT_EQ(codec.Next(input, frame), FrameRead::kFrame);
  EXPECT_EQ(FrameCodec::ParseHello(frame.payload).max_message, 77u);
  ASSERT_EQ(codec.Next(input, frame), FrameRead::kFrame);
  EXPECT_EQ(frame.type, FrameType::kPing);
  EXPECT_EQ(FrameCodec::ParseToken(frame.payload), 1u);
  ASSERT_EQ(codec.Next(input, frame), FrameRead::kFrame);
  EXPECT_EQ(FrameCodec::ParseToken(frame.payload), 5u);
  ASSERT_EQ(codec.Next(input, frame), FrameRead::kFrame);
  const FrameEnd end = FrameCodec::ParseEnd(frame.payload);
  EXPECT_EQ(end.messages, 6u);
  EXPECT_EQ(end.code, 7u);
  EXPECT_EQ(end.text, "why");
  ASSERT_EQ(codec.Next(input, frame), FrameRead::kFrame);
  const FrameError error = FrameCodec::ParseError(frame.payload);
  EXPECT_EQ(error.code, 8u);
  EXPECT_EQ(error.text, "");
  EXPECT_EQ(codec.Next(input, frame), FrameRead::kNeedMore);
}

TEST(FrameCodecTest, CutsDoNotMatter_P5) {
  const FrameCodec codec(5000);
  const std::string good = Text(EncodedFrame::Hello({.max_message = 1})) + Data("") + Data("x") +
                           Data(std::string(5000, 'y')) + Text(EncodedFrame::Ping(1)) +
                           Header(200, 3) + "opt" + Header(255, 0, 0xf0) + Data("z") +
                           Text(EncodedFrame::End(3, 1, "text"));
  const std::vector<std::string> streams = {
      good,
      good + "GET / HTTP/1.1\r\n",
      good + Header(2, 5001) + "rest",
      good + Header(3, 7) + "rest",
      good + Header(9, 0),
      good + Header(2, 0, 1),
      good + Header(2, 1, 0, 2),
      good + Header(2, 9),
      good.substr(0, good.size() - 1),
  };
  for (const std::string& stream : streams) {
    const auto whole = Decode(codec, stream, [&] { return stream.size(); });
    ASSERT_GT(whole.size(), 9u);
    testing::ForEachCut(stream, 20, [&](std::function<size_t()> next_size) {
      EXPECT_EQ(Decode(codec, stream, std::move(next_size)), whole);
    });
  }
}

TEST(FrameCodecTest, EachByteOfTheHeaderIsJudgedWhenItIsThere) {
  EXPECT_EQ(ReadOf("G"), FrameRead::kNoSession);
  EXPECT_EQ(ReadOf("\x16"), FrameRead::kNoSession);  // TLS
  EXPECT_EQ(ReadOf("\xf5"), FrameRead::kNeedMore);
  EXPECT_EQ(ReadOf("\xf5\x02"), FrameRead::kBadVersion);
  EXPECT_EQ(ReadOf("\xf5\x01\x08"), FrameRead::kBadType);
  EXPECT_EQ(ReadOf("\xf5\x01\x00"s), FrameRead::kBadType);
  EXPECT_EQ(ReadOf("\xf5\x01\x02\x08"), FrameRead::kBadFlags);
  EXPECT_EQ(ReadOf("\xf5\x01\x02\x10"), FrameRead::kNeedMore);
  EXPECT_EQ(ReadOf(""), FrameRead::kNeedMore);
}

TEST(FrameCodecTest, UnknownTypesAndFlagsFollowTheRule) {
  for (int type = 0; type < 256; ++type) {
    const bool known = type >= 1 && type <= 7;
    const FrameRead read = ReadOf(Header(static_cast<uint8_t>(type), 0));
    if (type >= 128) {
      EXPECT_EQ(read, FrameRead::kFrame) << type;
    }
    if (type < 128 && !known) {
      EXPECT_EQ(read, FrameRead::kBadType) << type;
    }
  }
  for (int flags = 0; flags < 256; ++flags) {
    const FrameRead expected = (flags & 0x0f) == 0 ? FrameRead::kFrame : FrameRead::kBadFlags;
    EXPECT_EQ(ReadOf(Header(2, 0, static_cast<uint8_t>(flags))), expected) << flags;
    EXPECT_EQ(ReadOf(Header(255, 0, static_cast<uint8_t>(flags))), expected) << flags;
  }
}

TEST(FrameCodecTest, LengthsHaveBounds_P2_P3_W1) {
  EXPECT_EQ(ReadOf(Header(2, 100)), FrameRead::kNeedMore);
  for (const uint32_t length : {101u, 0x7fffffffu, 0x80000000u, 0xfffffff8u, 0xffffffffu}) {
    EXPECT_EQ(ReadOf(Header(2, length)), FrameRead::kTooLong) << length;
    EXPECT_EQ(ReadOf(Header(5, std::max(length, 1025u))), FrameRead::kTooLong) << length;
  }
  EXPECT_EQ(ReadOf(Header(2, 0xffffffff), 0xffffffff), FrameRead::kNeedMore);
  EXPECT_EQ(ReadOf(Header(2, 1), 0), FrameRead::kTooLong);
  EXPECT_EQ(ReadOf(Header(128, 1025)), FrameRead::kTooLong);
  EXPECT_EQ(ReadOf(Header(128, 1024)), FrameRead::kNeedMore);
  for (const auto& [type, least, most] : {std::tuple{1, 4u, 1024u},
                                          {3, 8u, 8u},
                                          {4, 8u, 8u},
                                          {5, 12u, 267u},
                                          {6, 8u, 8u},
                                          {7, 4u, 259u}}) {
    const auto of = [type = type](uint32_t length) {
      return ReadOf(Header(static_cast<uint8_t>(type), length));
    };
    EXPECT_EQ(of(least), FrameRead::kNeedMore) << type;
    EXPECT_EQ(of(most), FrameRead::kNeedMore) << type;
    EXPECT_EQ(of(least - 1), FrameRead::kBadLength) << type;
    EXPECT_NE(of(most + 1), FrameRead::kNeedMore) << type;
  }
}

TEST(FrameCodecTest, LaterHellosMaySayMore) {
  Buffer input(Header(1, 6) + "\0\0\0\x09zz"s);
  Frame frame;
  ASSERT_EQ(FrameCodec(1).Next(input, frame), FrameRead::kFrame);
  EXPECT_EQ(FrameCodec::ParseHello(frame.payload).max_message, 9u);
}

TEST(FrameCodecTest, TextIsCutAtACharacter) {
  const std::string longest(255, 'a');
  EXPECT_EQ(Text(EncodedFrame::Error(0, longest + "b")), Text(EncodedFrame::Error(0, longest)));
  // Two bytes each: 127 of them fit.
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\xc3\xa4";
  EXPECT_EQ(Text(EncodedFrame::Error(0, umlauts)),
            Text(EncodedFrame::Error(0, umlauts.substr(0, 254))));
}

TEST(FrameCodecTest, PayloadIsNotCopied) {
  const std::string bytes = Data(std::string(4000, 'm'));
  Buffer input(bytes);
  const char* const begin = input.Front().data();
  Frame frame;
  ASSERT_EQ(FrameCodec(5000).Next(input, frame), FrameRead::kFrame);
  EXPECT_EQ(frame.payload.Front().data(), begin + kFrameHeaderSize);
}

TEST(FrameCodecTest, ForeignBytesAreQuoted) {
  EXPECT_EQ(QuoteForeignBytes("GET / HTTP/1.1\r\nHost: x\r\n"), "\"GET / HTTP/1.1\"");
  EXPECT_EQ(QuoteForeignBytes("\x16\x03\x01"), "\"\\x16\\x03\\x01\"");
  EXPECT_EQ(QuoteForeignBytes("say \"\\\""), "\"say \\x22\\x5c\\x22\"");
  EXPECT_EQ(QuoteForeignBytes(std::string(50, 'x')), "\"" + std::string(40, 'x') + "\"...");
  EXPECT_EQ(QuoteForeignBytes("\n"), "\"\"");
}

}  // namespace
}  // namespace spindle
