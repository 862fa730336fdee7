// Peers that speak something else, or break the rules, or fall silent at a step of the protocol.

#include <errno.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "net/session/frame_codec.h"
#include "net/session/session.h"
#include "tests/net/session/session_pair.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = SessionCloseKind;

std::string Text(const EncodedFrame& frame) { return std::string(frame.view()); }
std::string Hello() { return Text(EncodedFrame::Hello({.max_message = 1000})); }
std::string Data(std::string_view payload) {
  return Text(EncodedFrame::DataHeader(static_cast<uint32_t>(payload.size()))) +
         std::string(payload);
}
std::string End(uint64_t messages) { return Text(EncodedFrame::End(messages, 0, "")); }

class SessionPeersTest : public SessionTest {
 protected:
  // Connects without a session, sends `bytes`, and runs until both sides have seen the end.
  void Say(std::string_view bytes) {
    heard_.clear();
    bool over = false;
    ConnectRaw({.on_open = [bytes](Connection& raw) { raw.Write(bytes); },
                .on_bytes =
                    [this](Connection&, Buffer& input) {
                      heard_ += input.ToString();
                      input.Clear();
                    },
                .on_close =
                    [&](Connection&, const CloseReason& reason) {
                      raw_reason_ = reason;
                      over = true;
                    }});
    const int closed = server_log_.closed;
    ASSERT_TRUE(env_->RunUntil([&] { return over && server_log_.closed > closed; }));
  }
  // The ERROR at the end of what was heard.
  SessionNote HeardError() {
    Buffer input(heard_);
    Frame frame;
    const FrameCodec codec(1 << 20);
    while (codec.Next(input, frame) == FrameRead::kFrame) {
      if (frame.type != FrameType::kError) continue;
      EXPECT_TRUE(input.empty()) << "after ERROR";
      FrameError error = FrameCodec::ParseError(frame.payload);
      return {error.code, error.text};
    }
    ADD_FAILURE() << "no ERROR heard";
    return {};
  }

  std::string heard_;
  CloseReason raw_reason_;
};

TEST_P(SessionPeersTest, StrangersGetALineOfText) {
  Listen({});
  for (const auto& [said, quoted] : std::vector<std::pair<std::string, std::string>>{
           {"hello\r\n", "\"hello\""},
           {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\"GET / HTTP/1.1\""},
           {"\x16\x03\x01\x02", "\"\\x16\\x03\\x01\\x02\""},
           {"\r\n", "\"\""}}) {
    Say(said);
    EXPECT_EQ(heard_, "spindle-session/1 expected, got " + quoted + "\n");
    EXPECT_EQ(raw_reason_.kind, CloseKind::kPeerClosed);
    EXPECT_EQ(server_log_.reason().kind, Kind::kNoSession);
    EXPECT_EQ(server_log_.opened, 0);
  }
}

TEST_P(SessionPeersTest, SilentStrangersGetALineOfTextAtTheDeadline) {
  Listen({}, {.hello_timeout = milliseconds(5)});
  Say("");
  EXPECT_EQ(heard_, "spindle-session/1 expected, got nothing in time\n");
  EXPECT_EQ(server_log_.reason().kind, Kind::kHelloTimeout);
  Say(Hello().substr(0, 9));
  EXPECT_EQ(server_log_.reason().kind, Kind::kHelloTimeout);
}

TEST_P(SessionPeersTest, InitiatorsNoticeThatTheServerIsNoSession) {
  MakeEnv();
  server_ = env_->Listen({.on_open = [](Connection& raw) { raw.Write("SSH-2.0-x\r\n"); }});
  Connect({});
  ASSERT_TRUE(env_->RunUntil([&] { return client_log_.closed == 1; }));
  EXPECT_EQ(client_log_.reason().kind, Kind::kNoSession);
  EXPECT_EQ(client_log_.reason().error.text, "spindle-session/1 expected, got \"SSH-2.0-x\"");
}

// An acceptor that takes us for a stranger is a session all the same.
TEST_P(SessionPeersTest, InitiatorsUnderstandTheLineOfText) {
  MakeEnv();
  for (const std::string_view cut : {"", "s", "spindle-session/1"}) {
    server_ = env_->Listen({.on_open = [cut](Connection& raw) {
      raw.Write(cut);
      raw.loop().RunAfter(milliseconds(2), [cut, handle = raw.handle()] {
        handle.Write(std::string("spindle-session/1 expected, got nothing\n").substr(cut.size()));
      });
    }});
    client_log_.Reset();
    Connect({});
    ASSERT_TRUE(env_->RunUntil([&] { return client_log_.closed == 1; }));
    EXPECT_EQ(client_log_.reason().kind, Kind::kPeerFailed);
    EXPECT_EQ(client_log_.reason().error.text, "spindle-session/1 expected, got nothing");
    client_.reset();
    server_.reset();
  }
}

TEST_P(SessionPeersTest, BrokenRulesAreNamed_W2) {
  Listen({.on_message = [](Session&, Buffer&) {}},
         {.max_message = 8, .peer_end = PeerEndPolicy::kKeepSending});
  const std::string ping = Text(EncodedFrame::Ping(1));
  const std::string ack = Text(EncodedFrame::EndAck(0));
  std::string version2 = Hello();
  version2[1] = 2;
  std::string flagged = Data("x");
  flagged[3] = 1;
  std::string unknown = Data("x");
  unknown[2] = 99;
  const struct {
    std::string said;
    std::string complaint;
    Kind kind = Kind::kProtocolError;
    uint32_t code = SessionCode::kProtocolError;
  } cases[] = {
      {ping, "no hello first"},
      {Data("x"), "no hello first"},
      {End(0), "no hello first"},
      {Hello() + Hello(), "hello twice"},
      {Hello() + End(0) + Data("x"), "message after end"},
      {Hello() + End(0) + End(0), "end twice"},
      {Hello() + ack, "acknowledgement without an end"},
      {Hello() + End(0) + ack, "acknowledgement without an end"},
      {Hello() + Data("x") + End(0), "end after 0 messages, 1 came"},
      {Hello() + End(2), "end after 2 messages, 0 came"},
      {Hello() + "GET /", "bad frame: no_session"},
      {Hello() + flagged, "bad frame: bad_flags"},
      {Hello() + unknown, "bad frame: bad_type"},
      {Hello() + Data("123456789"), "frame too long, messages may have 8 bytes",
       Kind::kProtocolError, SessionCode::kTooLong},
      {version2, "spindle-session/1 expected, got version 2", Kind::kBadVersion,
       SessionCode::kBadVersion},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.complaint);
    Say(one.said);
    EXPECT_EQ(HeardError(), (SessionNote{one.code, one.complaint}));
    EXPECT_EQ(server_log_.reason().kind, one.kind);
    EXPECT_EQ(server_log_.reason().error.text, one.complaint);
    EXPECT_EQ(raw_reason_.kind, CloseKind::kPeerClosed);
  }
}

TEST_P(SessionPeersTest, FalseAcknowledgementsAreNamed) {
  Listen({.on_open = [](Session& session) {
    EXPECT_TRUE(session.Send("m").ok());
    session.Close();
  }});
  Say(Hello() + Text(EncodedFrame::EndAck(2)));
  EXPECT_EQ(HeardError().text, "2 messages acknowledged, 1 sent");
  Say(Hello() + Text(EncodedFrame::EndAck(1)) + Text(EncodedFrame::EndAck(1)));
  EXPECT_EQ(HeardError().text, "end acknowledged twice");
  EXPECT_EQ(server_log_.reason().state, SessionState::kEndAcked);
}

TEST_P(SessionPeersTest, EachStepOfTheEndHasItsDeadline) {
  SessionOptions options = {.ack_timeout = milliseconds(5), .end_timeout = milliseconds(5)};
  Listen({.on_open = [](Session& session) { session.Close(); }}, options);
  Say(Hello());
  EXPECT_EQ(server_log_.reason().kind, Kind::kAckTimeout);
  EXPECT_EQ(server_log_.reason().state, SessionState::kEnding);
  EXPECT_EQ(HeardError().code, SessionCode::kTimeout);
  Say(Hello() + End(0));
  EXPECT_EQ(server_log_.reason().kind, Kind::kAckTimeout);
  EXPECT_EQ(server_log_.reason().state, SessionState::kLastAck);
  Say(Hello() + Text(EncodedFrame::EndAck(0)));
  EXPECT_EQ(server_log_.reason().kind, Kind::kEndTimeout);
  EXPECT_EQ(server_log_.reason().state, SessionState::kEndAcked);
}

TEST_P(SessionPeersTest, PeersThatDoNotShutDownAreCutOff) {
  Listen({}, {.shutdown_timeout = milliseconds(5)}, {.connection = {.linger_timeout = seconds(9)}});
  const auto over = std::make_shared<bool>(false);  // It ends after this test's end.
  // Its own side stays open; the FIN comes, and then, as nothing happens, the end.
  ConnectRaw(
      {.on_open =
           [](Connection& raw) { raw.Write(Hello() + End(0) + Text(EncodedFrame::EndAck(0))); },
       .on_bytes = [](Connection&, Buffer& input) { input.Clear(); },
       .on_close = [over](Connection&, const CloseReason&) { *over = true; }},
      {.connection = {.peer_fin = PeerFinPolicy::kKeepWriting}});
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.closed == 1; }));
  EXPECT_EQ(server_log_.reason().kind, Kind::kAgreed);
  EXPECT_FALSE(*over);
}

TEST_P(SessionPeersTest, OptionalFramesAreSkippedAndErrorsHeard) {
  Listen({.on_message = [](Session&, Buffer&) {}});
  std::string optional = Data("skip me");
  optional[2] = static_cast<char>(200);
  std::string hint = Data("flagged");
  hint[3] = static_cast<char>(0x80);
  Say(Hello() + optional + hint + Text(EncodedFrame::Error(7, "bye")));
  EXPECT_EQ(server_log_.messages(), std::vector<std::string>{"flagged"});
  EXPECT_EQ(server_log_.reason().kind, Kind::kPeerFailed);
  EXPECT_EQ(server_log_.reason().error, (SessionNote{7, "bye"}));
  // Also instead of a hello.
  Say(Text(EncodedFrame::Error(8, "")));
  EXPECT_EQ(server_log_.reason().kind, Kind::kPeerFailed);
  EXPECT_EQ(server_log_.reason().error.code, 8u);
}

TEST_P(SessionPeersTest, PingsAreAnswered) {
  Listen({});
  Say(Hello() + Text(EncodedFrame::Ping(41)) + Text(EncodedFrame::Ping(42)) +
      Text(EncodedFrame::Pong(1)) + End(0) + Text(EncodedFrame::Error(1, "")));
  Buffer input(heard_);
  Frame frame;
  std::vector<uint64_t> tokens;
  while (FrameCodec(0).Next(input, frame) == FrameRead::kFrame) {
    if (frame.type == FrameType::kPong) tokens.push_back(FrameCodec::ParseToken(frame.payload));
  }
  EXPECT_EQ(tokens, (std::vector<uint64_t>{41, 42}));
}

INSTANTIATE_TEST_SUITE_P(Machines, SessionPeersTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
