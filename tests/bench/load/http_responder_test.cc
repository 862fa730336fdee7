#include "bench/load/http_responder.h"

#include <string>
#include <string_view>

#include "base/strings.h"
#include "gtest/gtest.h"
#include "net/types/buffer.h"

namespace spindle::bench {
namespace {

const std::string kHeader = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n";
const std::string kReply = kHeader + "\r\nHello, world!\n";
const std::string kLastReply = kHeader + "Connection: close\r\n\r\nHello, world!\n";

// What the responder says to `text`, which comes in pieces of `piece` bytes.
struct Talk {
  explicit Talk(std::string_view text, size_t piece = std::string_view::npos) {
    HttpResponder responder;
    Buffer input;
    while (!text.empty()) {
      const std::string_view next = text.substr(0, piece);
      text.remove_prefix(next.size());
      input.Append(next);
      stays = responder.Feed(input, replies);
    }
    left = input.size();
    answered = responder.answered();
    at_boundary = responder.at_boundary();
  }

  std::string replies;
  bool stays = true;
  size_t left = 0;
  uint64_t answered = 0;
  bool at_boundary = true;
};

// The status of the one reply, which must be the last.
std::string Refusal(std::string_view text) {
  const Talk talk(text);
  EXPECT_FALSE(talk.stays) << text;
  EXPECT_EQ(talk.left, 0u);
  const std::string tail = "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  EXPECT_TRUE(talk.replies.starts_with("HTTP/1.1 ") && talk.replies.ends_with(tail))
      << talk.replies;
  return talk.replies.substr(9, 3);
}

TEST(HttpResponderTest, OneRequestOneReply) {
  const Talk talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(talk.replies, kReply);
  EXPECT_TRUE(talk.stays);
  EXPECT_EQ(talk.left, 0u);
  EXPECT_EQ(talk.answered, 1u);
}

TEST(HttpResponderTest, RequestsInPiecesOfAnySize) {
  const std::string requests =
      "GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
      "POST /form HTTP/1.1\r\nhost: a\r\nContent-Length: 11\r\n\r\nGET / \r\n\r\n."
      "\r\nHEAD / HTTP/1.1\nHOST:\ta \n\n"
      "DELETE * HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n";
  for (size_t piece = 1; piece <= requests.size(); ++piece) {
    const Talk talk(requests, piece);
    EXPECT_EQ(talk.replies, kReply + kReply + kHeader + "\r\n" + kLastReply) << piece;
    EXPECT_FALSE(talk.stays);
    EXPECT_EQ(talk.left, 0u);
    EXPECT_EQ(talk.answered, 4u);
  }
}

TEST(HttpResponderTest, ThePartOfARequestThatIsThereStays) {
  const Talk talk("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHo");
  EXPECT_EQ(talk.replies, kReply);
  EXPECT_EQ(talk.left, 18u);
  EXPECT_TRUE(talk.stays);
}

TEST(HttpResponderTest, ABodyThatIsMissingIsAwaited) {
  const Talk talk("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1234");
  EXPECT_EQ(talk.replies, kReply);
  EXPECT_FALSE(talk.at_boundary);
}

TEST(HttpResponderTest, NothingBehindTheLastRequestIsAnswered) {
  const Talk talk(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(talk.replies, kLastReply);
  EXPECT_EQ(talk.left, 0u);
}

TEST(HttpResponderTest, Http10EndsUnlessItIsToStay) {
  EXPECT_EQ(Talk("GET / HTTP/1.0\r\n\r\n").replies, kLastReply);
  EXPECT_FALSE(Talk("GET / HTTP/1.0\r\n\r\n").stays);
  const Talk stays("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  EXPECT_EQ(stays.replies, kHeader + "Connection: keep-alive\r\n\r\nHello, world!\n");
  EXPECT_TRUE(stays.stays);
  EXPECT_FALSE(Talk("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").stays);
}

TEST(HttpResponderTest, ContinueIsSaidToWhoWaitsForIt) {
  const std::string head =
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n";
  EXPECT_EQ(Talk(head).replies, "HTTP/1.1 100 Continue\r\n\r\n" + kReply);
  EXPECT_EQ(Talk(head + "abc").replies, kReply) << "the body is there already";
}

TEST(HttpResponderTest, GarbageIsRefusedWith400) {
  for (const std::string_view text : {
           std::string_view("hello\r\n"),
           std::string_view("\x16\x03\x01\x02", 4),  // The start of TLS: no line would ever end.
           std::string_view("\0GET / HTTP/1.1\r\n", 17),
           std::string_view("GET /\r\n\r\n"),
           std::string_view("GET  HTTP/1.1\r\n"),
           std::string_view("GET / HTTP/1.1 \r\n"),
           std::string_view("GET / http/1.1\r\n"),
           std::string_view("GET / HTTP/11\r\n"),
           std::string_view("G(T / HTTP/1.1\r\n"),
           std::string_view("GET /\x01 HTTP/1.1\r\n"),
           std::string_view("GET / HTTP/1.1\r\n\r\n"),  // No Host.
           std::string_view("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
           std::string_view("GET / HTTP/1.1\r\nHost a\r\n\r\n"),
           std::string_view("GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
           std::string_view("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
           std::string_view("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
           std::string_view("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
           std::string_view("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
           std::string_view("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n"),
           std::string_view(
               "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"),
           std::string_view(
               "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
       }) {
    EXPECT_EQ(Refusal(text), "400") << text;
  }
}

TEST(HttpResponderTest, OtherRefusals) {
  EXPECT_EQ(Refusal("GET / HTTP/2.0\r\n\r\n"), "505");
  EXPECT_EQ(Refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), "501");
  const std::string long_field(HttpResponder::kMaxHeaderBytes, 'x');
  EXPECT_EQ(Refusal(Concat("GET / HTTP/1.1\r\nHost: a\r\nX: ", long_field)), "431");
}

TEST(HttpResponderTest, RepliesBeforeARefusalAreKept) {
  const Talk talk("GET / HTTP/1.1\r\nHost: a\r\n\r\nwhat?\r\n");
  EXPECT_TRUE(talk.replies.starts_with(kReply + "HTTP/1.1 400 ")) << talk.replies;
  EXPECT_FALSE(talk.stays);
  EXPECT_EQ(talk.answered, 1u);
}

}  // namespace
}  // namespace spindle::bench
