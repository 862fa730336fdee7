#include "bench/netcat/parse_options.h"

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/strings.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using Words = std::vector<std::string>;

absl::StatusOr<NetcatOptions> Parse(const Words& words) { return ParseNetcatOptions(words); }

std::string ErrorOf(const Words& words) {
  return std::string(FromAbsl(Parse(words).status().message()));
}

TEST(ParseNetcatOptionsTest, BundledLettersAndRanges) {
  const auto options = Parse({"-zvn4", "10.0.0.1", "20-22", "80", "9-8"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_TRUE(options->scan && options->verbose && options->numeric);
  EXPECT_EQ(options->family, AF_INET);
  EXPECT_EQ(options->host, "10.0.0.1");
  EXPECT_EQ(options->ports, (std::vector<uint16_t>{20, 21, 22, 80, 8, 9}));
}

TEST(ParseNetcatOptionsTest, ValuesFollowTheirLetterAtOnceOrAsTheNextWord) {
  for (const Words& words : {Words{"-vw1.5", "h", "1"}, Words{"-vw", "1.5", "h", "1"},
                             Words{"h", "1", "-v", "-w", "1500ms"}}) {
    const auto options = Parse(words);
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->timeout, Duration(std::chrono::milliseconds(1500)));
    EXPECT_TRUE(options->verbose);
  }
}

TEST(ParseNetcatOptionsTest, TheEndOfInputEndsOurSideUnlessToldOtherwise) {
  EXPECT_TRUE(Parse({"h", "1"})->half_close);
  EXPECT_TRUE(Parse({"-N", "h", "1"})->half_close);
  EXPECT_FALSE(Parse({"--keep-open-on-eof", "h", "1"})->half_close);
  EXPECT_TRUE(Parse({"--keep-open-on-eof", "-N", "h", "1"})->half_close);
  EXPECT_TRUE(Parse({"--keep-open-on-eof", "-q", "0", "h", "1"})->half_close);
  EXPECT_FALSE(Parse({"--keep-open-on-eof", "-q", "-1", "h", "1"})->half_close);
  EXPECT_FALSE(Parse({"-q", "-1", "h", "1"})->quit_after.has_value());
  EXPECT_EQ(Parse({"-q0", "h", "1"})->quit_after, Duration(0));
  EXPECT_TRUE(Parse({"--half-open", "h", "1"})->half_open);
}

TEST(ParseNetcatOptionsTest, WhereToListen) {
  EXPECT_EQ(Parse({"-l", "1234"})->host, "");
  EXPECT_EQ(Parse({"-l", "::1", "1234"})->host, "::1");
  EXPECT_EQ(Parse({"-l", "-p", "1234"})->ports, std::vector<uint16_t>{1234});
  const auto both = Parse({"-lp1234", "-s", "127.0.0.2"});
  EXPECT_EQ(both->host, "127.0.0.2");
  EXPECT_EQ(both->ports, std::vector<uint16_t>{1234});
  EXPECT_EQ(Parse({"-l", "0"})->ports, std::vector<uint16_t>{0});
}

TEST(ParseNetcatOptionsTest, UnixSockets) {
  EXPECT_EQ(Parse({"-U", "/run/x"})->transport, NetcatTransport::kUnixStream);
  EXPECT_EQ(Parse({"-luU", "@x"})->transport, NetcatTransport::kUnixDatagram);
  EXPECT_EQ(Parse({"-luU", "@x"})->host, "@x");
}

TEST(ParseNetcatOptionsTest, Proxies) {
  struct Case {
    Words words;
    ProxyKind kind;
    std::string host;
    uint16_t port;
  } const cases[] = {
      {{"-x", "p", "h", "1"}, ProxyKind::kSocks5, "p", 1080},
      {{"-X4", "-xp:99", "h", "1"}, ProxyKind::kSocks4, "p", 99},
      {{"-Xconnect", "-xp", "h", "1"}, ProxyKind::kHttpConnect, "p", 3128},
      {{"-x[::1]:99", "h", "1"}, ProxyKind::kSocks5, "::1", 99},
      {{"-x[::1]", "-X", "5", "h", "1"}, ProxyKind::kSocks5, "::1", 1080},
      {{"-x::1", "h", "1"}, ProxyKind::kSocks5, "::1", 1080},
  };
  for (const Case& c : cases) {
    const auto options = Parse(c.words);
    ASSERT_TRUE(options.ok()) << options.status();
    ASSERT_TRUE(options->proxy.has_value());
    EXPECT_EQ(options->proxy->kind, c.kind);
    EXPECT_EQ(options->proxy->host, c.host);
    EXPECT_EQ(options->proxy->port, c.port);
  }
}

TEST(ParseNetcatOptionsTest, TrafficClassesOfTheRfcs) {
  struct Case {
    const char* text;
    int value;
  };
  for (const auto& [text, value] :
       {Case{"ef", 0xb8}, Case{"af11", 0x28}, Case{"af43", 0x98}, Case{"cs0", 0}, Case{"cs7", 0xe0},
        Case{"lowdelay", 0x10}, Case{"critical", 0xa0}, Case{"0xb8", 0xb8}, Case{"16", 16}}) {
    EXPECT_EQ(Parse({"-T", text, "h", "1"})->tuning.traffic_class, value) << text;
  }
  for (const char* text : {"af14", "af51", "cs8", "256", "-1", "0x", "", "ef ", "10x"}) {
    EXPECT_EQ(ErrorOf({"-T", text, "h", "1"}), Concat("illegal tos value ", text));
  }
}

TEST(ParseNetcatOptionsTest, WhatIsNotOfferedIsRefusedWithItsReason) {
  for (const std::string letter : {"S", "V", "Z", "F", "t", "e", "c"}) {
    const std::string error = ErrorOf({Concat("-v", letter), "h", "1"});
    EXPECT_TRUE(error.starts_with(Concat("-", letter, ": "))) << error;
    EXPECT_GT(error.size(), 20u);
  }
}

TEST(ParseNetcatOptionsTest, BadCommandLinesInTheWordsOfNetcatOpenbsd) {
  struct Case {
    Words words;
    const char* error;
  } const cases[] = {
      {{"h", "0"}, "port number too small: 0"},
      {{"h", "65536"}, "port number too large: 65536"},
      {{"h", "99999999999"}, "port number too large: 99999999999"},
      {{"h", "nosuchservice"}, "port number invalid: nosuchservice"},
      {{"h", "1-2-3"}, "port number invalid: 2-3"},
      {{"h", "1-"}, "port number invalid: "},
      {{"h"}, "missing port number"},
      {{"-l"}, "missing port number"},
      {{}, "missing destination"},
      {{"-U"}, "missing path"},
      {{"-lz", "1"}, "cannot use -z and -l"},
      {{"-k", "h", "1"}, "must use -l with -k"},
      {{"-y"}, "invalid option -- 'y'"},
      {{"--nothing"}, "invalid option --nothing"},
      {{"--half-open=1", "h", "1"}, "--half-open takes no value"},
      {{"-w"}, "-w needs a value"},
      {{"-xp", "-l", "1"}, "no proxy support for listen"},
      {{"-xp", "-u", "h", "1"}, "no proxy support for UDP mode"},
      {{"-xp", "-U", "h"}, "no proxy support for unix sockets"},
      {{"-xp", "-sx", "h", "1"}, "no proxy support for local source address"},
      {{"-X7", "-xp", "h", "1"}, "unsupported proxy protocol"},
      {{"-x[::1", "h", "1"}, "proxy address invalid: [::1"},
      {{"-x[::1]9", "h", "1"}, "proxy address invalid: [::1]9"},
      {{"-wabc", "h", "1"}, "timeout invalid: abc"},
      {{"-w0", "h", "1"}, "timeout too small: 0"},
      {{"-iabc", "h", "1"}, "interval invalid: abc"},
      {{"-q", "-x", "h", "1"}, "quit timer invalid: -x"},
      {{"-M300", "h", "1"}, "ttl is too large: 300"},
      {{"-I0", "h", "1"}, "TCP receive window too small: 0"},
      {{"-W0", "h", "1"}, "receive limit too small: 0"},
      {{"-Pjoe", "h", "1"}, "must use -x with -P"},
      {{"-l", "1", "2", "3"}, "too many operands: give one address and one port"},
      {{"-U", "a", "b"}, "too many operands: a Unix socket has no port"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorOf(c.words), c.error);
}

TEST(ParseNetcatOptionsTest, TheHelpNamesEveryOption) {
  const std::string help = NetcatHelp();
  for (const char letter : std::string("46dhklNnpqsUuvwWziIOxXCrTMm")) {
    EXPECT_NE(help.find(Concat("\n  -", letter)), std::string::npos) << letter;
  }
  EXPECT_TRUE(Parse({"-vh"})->help);
  EXPECT_TRUE(Parse({"--help"})->help);
}

}  // namespace
}  // namespace spindle::bench
