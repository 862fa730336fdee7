#include "bench/load/sockperf_responder.h"

#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "net/types/buffer.h"

namespace spindle::bench {
namespace {

std::string Message(uint64_t sequence, uint16_t flags, std::string_view data) {
  Buffer message;
  message.AppendBig64(sequence);
  message.AppendBig16(flags);
  message.AppendBig32(static_cast<uint32_t>(14 + data.size()));
  message.Append(data);
  return message.ToString();
}

TEST(SockperfResponder, TakesTheClientsFlagAway) {
  SockperfResponder responder;
  Buffer input(Message(1, 3, "some data") + Message(2, 3, "") + Message(3, 1, "x"));
  EXPECT_EQ(responder.Feed(input).ToString(),
            Message(1, 2, "some data") + Message(2, 2, "") + Message(3, 0, "x"));
  EXPECT_TRUE(input.empty());
  EXPECT_EQ(responder.answered(), 3u);
}

TEST(SockperfResponder, TheRestMayComeByteByByte) {
  const std::string stream = Message(1, 3, "some data") + Message(2, 3, "more");
  SockperfResponder responder;
  Buffer input(stream.substr(0, 14));
  std::string replies = responder.Feed(input).ToString();
  for (size_t i = 14; i < stream.size(); ++i) {
    input.Append(stream.substr(i, 1));
    replies += responder.Feed(input).ToString();
  }
  EXPECT_EQ(replies, Message(1, 2, "some data") + Message(2, 2, "more"));
}

TEST(SockperfResponder, OthersGetTheirBytesBack) {
  for (const std::string& first :
       {std::string("hello"), std::string(64, '\0'), Message(1, 2, "a reply"),
        Message(1, 3, "").substr(0, 13), std::string(10, '\3') + std::string("\0\1\0\0", 4)}) {
    SockperfResponder responder;
    for (const std::string& piece : {first, Message(7, 3, "later")}) {
      Buffer input{std::string_view(piece)};
      EXPECT_EQ(responder.Feed(input).ToString(), piece);
    }
  }
}

TEST(SockperfResponder, AnImpossibleLengthEndsTheMessages) {
  SockperfResponder responder;
  std::string broken = Message(2, 3, "x");
  broken[10] = '\x7f';
  Buffer input(Message(1, 3, "") + broken);
  EXPECT_EQ(responder.Feed(input).ToString(), Message(1, 2, "") + broken);
  EXPECT_TRUE(input.empty());
}

}  // namespace
}  // namespace spindle::bench
