// Each dialogue is fed whole and byte by byte: the outcome must not depend on where TCP cuts (P5).

#include "bench/netcat/proxy_handshake.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using namespace std::string_literals;

using Text = std::optional<std::string>;

std::unique_ptr<ProxyHandshake> Start(ProxyKind kind, const ProxyTarget& target,
                                      const Text& user = std::nullopt,
                                      const Text& password = std::nullopt) {
  auto handshake = ProxyHandshake::Start(kind, target, user, password);
  EXPECT_TRUE(handshake.ok()) << handshake.status();
  return *std::move(handshake);
}

struct Outcome {
  ProxyStep step = ProxyStep::kMore;
  std::string sent;
  std::string left;  // Of what the proxy has said.
  std::string error;
};

enum class Cut { kWhole, kBytes };

// The proxy says `answer`, whatever it is told; `password` is what the user types.
Outcome Talk(ProxyHandshake& handshake, const std::string& answer, Cut cut,
             const std::string& password = "") {
  Outcome outcome;
  outcome.sent = handshake.TakeOutput();
  std::string input;
  size_t given = 0;
  while (true) {
    outcome.step = handshake.Feed(input);
    outcome.sent += handshake.TakeOutput();
    if (outcome.step == ProxyStep::kNeedsPassword) {
      EXPECT_TRUE(handshake.SetPassword(password).ok());
      continue;
    }
    if (outcome.step != ProxyStep::kMore || given == answer.size()) break;
    const size_t piece = cut == Cut::kWhole ? answer.size() : 1;
    input += answer.substr(given, piece);
    given += piece;
  }
  outcome.left = input + answer.substr(given);
  outcome.error = handshake.error();
  return outcome;
}

class ProxyHandshakeTest : public testing::TestWithParam<Cut> {};

INSTANTIATE_TEST_SUITE_P(Cuts, ProxyHandshakeTest, testing::Values(Cut::kWhole, Cut::kBytes));

TEST_P(ProxyHandshakeTest, Socks4SendsAnAddressAndKeepsTheBanner) {
  const auto handshake = Start(ProxyKind::kSocks4, {"127.0.0.1", 80});
  const Outcome outcome = Talk(*handshake, "\0\x5a\0\0\0\0\0\0BANNER\n"s, GetParam());
  EXPECT_EQ(outcome.step, ProxyStep::kDone);
  EXPECT_EQ(outcome.sent, "\x04\x01\0\x50\x7f\0\0\x01\0"s);
  EXPECT_EQ(outcome.left, "BANNER\n");
}

TEST_P(ProxyHandshakeTest, Socks4aLeavesNamesToTheProxy) {
  const auto handshake = Start(ProxyKind::kSocks4, {"example.test", 443}, "joe");
  const Outcome outcome = Talk(*handshake, "\0\x5a\1\2\3\4\5\6"s, GetParam());
  EXPECT_EQ(outcome.step, ProxyStep::kDone);
  EXPECT_EQ(outcome.sent, "\x04\x01\x01\xbb\0\0\0\x01joe\0example.test\0"s);
}

TEST_P(ProxyHandshakeTest, Socks4Refusals) {
  struct Case {
    std::string answer;
    const char* error;
  };
  for (const Case& c : {Case{"\0\x5b\0\0\0\0\0\0"s, "SOCKS error 91"},
                        Case{"\0\x63\0\0\0\0\0\0"s, "SOCKS error 99"},
                        Case{"\x05\0\0\0\0\0\0\0"s, "does not speak SOCKS 4"}}) {
    const auto handshake = Start(ProxyKind::kSocks4, {"1.2.3.4", 1});
    const Outcome outcome = Talk(*handshake, c.answer, GetParam());
    EXPECT_EQ(outcome.step, ProxyStep::kFailed);
    EXPECT_NE(outcome.error.find(c.error), std::string::npos) << outcome.error;
  }
}

TEST_P(ProxyHandshakeTest, Socks5TakesExactlyItsAnswerWhateverKindOfAddressItNames) {
  for (const std::string& address :
       {"\x01\1\2\3\4"s, "\x03\x09some.host"s, "\x03\0"s, "\x04"s + std::string(16, 'x')}) {
    const auto handshake = Start(ProxyKind::kSocks5, {"example.test", 80});
    const Outcome outcome =
        Talk(*handshake, "\x05\0\x05\0\0"s + address + "\x1f\x90SSH-2.0\r\n"s, GetParam());
    EXPECT_EQ(outcome.step, ProxyStep::kDone) << outcome.error;
    EXPECT_EQ(outcome.sent, "\x05\x01\0\x05\x01\0\x03\x0c"s + "example.test\0\x50"s);
    EXPECT_EQ(outcome.left, "SSH-2.0\r\n");
  }
}

TEST_P(ProxyHandshakeTest, Socks5SendsAddressesAsAddresses) {
  const auto v4 = Start(ProxyKind::kSocks5, {"10.1.2.3", 258});
  EXPECT_EQ(Talk(*v4, "\x05\0"s, GetParam()).sent, "\x05\x01\0\x05\x01\0\x01\x0a\1\2\3\1\2"s);
  const auto v6 = Start(ProxyKind::kSocks5, {"::1", 258});
  EXPECT_EQ(Talk(*v6, "\x05\0"s, GetParam()).sent,
            "\x05\x01\0\x05\x01\0\x04"s + std::string(15, '\0') + "\1\1\2"s);
}

TEST_P(ProxyHandshakeTest, Socks5AsksForThePasswordOnlyIfTheProxyDoes) {
  const std::string reply = "\x05\0\0\x01\1\2\3\4\0\x50"s;
  const auto open = Start(ProxyKind::kSocks5, {"a", 1}, "joe");
  EXPECT_EQ(Talk(*open, "\x05\0"s + reply, GetParam()).sent.find("joe"), std::string::npos);
  const auto guarded = Start(ProxyKind::kSocks5, {"a", 1}, "joe");
  const Outcome outcome = Talk(*guarded, "\x05\x02\x01\0"s + reply, GetParam(), "secret");
  EXPECT_EQ(outcome.step, ProxyStep::kDone) << outcome.error;
  EXPECT_EQ(outcome.sent, "\x05\x02\0\x02\x01\x03joe\x06secret\x05\x01\0\x03\x01"s + "a\0\1"s);
}

TEST_P(ProxyHandshakeTest, Socks5Refusals) {
  struct Case {
    std::string answer;
    Text user;
    const char* error;
  };
  for (const Case& c :
       {Case{"\x04\0"s, std::nullopt, "does not speak SOCKS 5"},
        Case{"\x05\x02"s, std::nullopt, "give -P"}, Case{"\x05\xff"s, "joe", "negotiation failed"},
        Case{"\x05\x02\x01\x01"s, "joe", "Proxy authentication failed"},
        Case{"\x05\0\x05\x05"s, std::nullopt, "Connection refused"},
        Case{"\x05\0\x05\x63"s, std::nullopt, "SOCKS error 99"},
        Case{"\x05\0\x05\0\0\x07\0"s, std::nullopt, "no known kind"}}) {
    const auto handshake = Start(ProxyKind::kSocks5, {"a", 1}, c.user);
    const Outcome outcome = Talk(*handshake, c.answer, GetParam());
    EXPECT_EQ(outcome.step, ProxyStep::kFailed);
    EXPECT_NE(outcome.error.find(c.error), std::string::npos) << outcome.error;
  }
}

TEST_P(ProxyHandshakeTest, HttpConnectKeepsWhatFollowsTheHead) {
  for (const std::string& head :
       {"HTTP/1.0 200 Connection established\r\n\r\n"s, "HTTP/1.1 200\r\nA: b\r\nC: d\r\n\r\n"s,
        "HTTP/1.1 200 OK\n\n"s, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n"s}) {
    const auto handshake = Start(ProxyKind::kHttpConnect, {"example.test", 80});
    const Outcome outcome = Talk(*handshake, head + "\r\n\nrest", GetParam());
    EXPECT_EQ(outcome.step, ProxyStep::kDone) << outcome.error;
    EXPECT_EQ(outcome.left, "\r\n\nrest");
    EXPECT_EQ(outcome.sent, "CONNECT example.test:80 HTTP/1.1\r\nHost: example.test:80\r\n\r\n");
  }
}

TEST_P(ProxyHandshakeTest, HttpConnectWithAPasswordComesBackOnANewConnection) {
  const std::string refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nX: y\r\n\r\n";
  const auto first = Start(ProxyKind::kHttpConnect, {"::1", 80}, "joe");
  Outcome outcome = Talk(*first, refusal, GetParam());
  EXPECT_EQ(outcome.step, ProxyStep::kReconnect);
  EXPECT_EQ(outcome.sent, "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
  const auto second = Start(ProxyKind::kHttpConnect, {"::1", 80}, "joe", "secret");
  outcome = Talk(*second, refusal, GetParam());
  EXPECT_NE(outcome.sent.find("Proxy-Authorization: Basic am9lOnNlY3JldA==\r\n"),
            std::string::npos);
  EXPECT_EQ(outcome.step, ProxyStep::kFailed);
  EXPECT_EQ(outcome.error, "Proxy authentication failed");
}

TEST_P(ProxyHandshakeTest, HttpRefusals) {
  for (const std::string& answer :
       {"HTTP/1.1 403 Forbidden\r\n\r\n"s, "HTTP/1.1 407 No\r\n\r\n"s, "SSH-2.0-x\r\n"s,
        "HTTP/1.1 2x0 OK\r\n\r\n"s, "HTTP/1.1 20\r\n\r\n"s, "\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\n" + std::string(70000, 'x')}) {
    const auto handshake = Start(ProxyKind::kHttpConnect, {"a", 1});
    EXPECT_EQ(Talk(*handshake, answer, GetParam()).step, ProxyStep::kFailed);
  }
}

TEST(ProxyHandshakeStartTest, RefusesWhatTheProxyCannotBeTold) {
  const std::string longest(255, 'a');
  const std::string longer(256, 'a');
  struct Case {
    ProxyKind kind;
    std::string host;
    Text user, password;
    bool ok;
  };
  for (const Case& c :
       {Case{ProxyKind::kSocks5, longest, longest, longest, true},
        Case{ProxyKind::kSocks5, longer, std::nullopt, std::nullopt, false},
        Case{ProxyKind::kSocks5, "a", longer, std::nullopt, false},
        Case{ProxyKind::kSocks5, "a", "", std::nullopt, false},
        Case{ProxyKind::kSocks5, "a", "joe", longer, false},
        Case{ProxyKind::kSocks4, "::1", std::nullopt, std::nullopt, false},
        Case{ProxyKind::kSocks4, "a", "j\0e"s, std::nullopt, false},
        Case{ProxyKind::kSocks4, "", std::nullopt, std::nullopt, false},
        Case{ProxyKind::kHttpConnect, "a\r\nX: y", std::nullopt, std::nullopt, false},
        Case{ProxyKind::kHttpConnect, "a b", std::nullopt, std::nullopt, false},
        Case{ProxyKind::kHttpConnect, "a", "j:e", std::nullopt, false}}) {
    EXPECT_EQ(ProxyHandshake::Start(c.kind, {c.host, 1}, c.user, c.password).ok(), c.ok) << c.host;
  }
}

}  // namespace
}  // namespace spindle::bench
