// `spindle stat` and `spindle scan` as their user sees them, in a network that holds nothing but
// the test's own sockets. Skipped where the test may have none.

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/owned_fd.h"
#include "base/strings.h"
#include "gtest/gtest.h"
#include "net/types/socket_address.h"
#include "nlohmann/json.hpp"
#include "tests/bench/cli/program.h"
#include "tests/testing/own_network.h"

namespace spindle::bench {
namespace {

enum class Scope { kBoth, kV6Only };

// The sockets of one test.
class Sockets {
 public:
  // One that waits at `address`, of a TCP or a UDP port, bound to `interface` if one is given.
  void Open(const std::string& address, int type, Scope scope = Scope::kV6Only,
            const std::string& interface = "") {
    const SocketAddress parsed = SocketAddress::Parse(address).value();
    OwnedFd fd(socket(parsed.family(), type | SOCK_CLOEXEC, 0));
    const int only = scope == Scope::kV6Only ? 1 : 0;
    if (parsed.family() == AF_INET6) {
      EXPECT_EQ(setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only), 0);
    }
    if (!interface.empty()) {
      EXPECT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                           static_cast<socklen_t>(interface.size())),
                0);
    }
    sockaddr_storage storage;
    const socklen_t length = parsed.ToSockaddr(&storage);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0) << address;
    if (type == SOCK_STREAM) {
      EXPECT_EQ(listen(fd.get(), 64), 0);
    }
    fds_.push_back(std::move(fd));
  }

  // Connected to what listens at `address`, with `bytes` on their way.
  void Connect(const std::string& address, size_t bytes) {
    const SocketAddress parsed = SocketAddress::Parse(address).value();
    OwnedFd fd(socket(parsed.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t length = parsed.ToSockaddr(&storage);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
    const std::string data(bytes, 'x');
    EXPECT_EQ(send(fd.get(), data.data(), bytes, 0), static_cast<ssize_t>(bytes));
    fds_.push_back(std::move(fd));
  }

  size_t size() const { return fds_.size(); }

 private:
  std::vector<OwnedFd> fds_;
};

// 60 that wait: IPv4, IPv6, both at once, UDP, at an interface.
void OpenMany(Sockets& sockets) {
  for (int i = 0; i < 6; ++i) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      const auto at = [i](const char* host, int group) {
        return Concat(host, ":", 1000 + 100 * group + i);
      };
      sockets.Open(at("127.0.0.1", 0), type);
      sockets.Open(at("0.0.0.0", 1), type, Scope::kBoth, i % 2 == 0 ? "lo" : "");
      sockets.Open(at("[::1]", 2), type);
      sockets.Open(at("[::]", 3), type, i % 2 == 0 ? Scope::kBoth : Scope::kV6Only,
                   i % 3 == 0 ? "lo" : "");
      sockets.Open(at("[::ffff:127.0.0.1]", 4), type, Scope::kBoth);
    }
  }
}

std::multiset<std::string> Lines(const std::string& text) {
  std::multiset<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(' ') + 1);
    lines.insert(line);
  }
  return lines;
}

std::string OutputOf(const std::string& command) {
  std::string out;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char block[4096];
  for (size_t size; (size = fread(block, 1, sizeof block, pipe)) > 0;) out.append(block, size);
  pclose(pipe);
  return out;
}

void InOwnNetwork(const std::function<void()>& body) {
  const int result = RunInOwnNetwork([&] {
    if (!BringUpLoopback()) return kNoOwnNetwork;
    body();
    return 0;
  });
  if (result == kNoOwnNetwork) GTEST_SKIP() << "no network namespace for this user";
  EXPECT_EQ(result, 0);
}

bool HasSs() { return access("/usr/bin/ss", X_OK) == 0 || access("/bin/ss", X_OK) == 0; }

TEST(StatTest, RowsAndColumnsAreThoseOfSs) {
  if (!HasSs()) GTEST_SKIP() << "no ss to compare with";
  InOwnNetwork([] {
    Sockets sockets;
    OpenMany(sockets);
    EXPECT_EQ(sockets.size(), 60u);
    sockets.Connect("127.0.0.1:1000", 1000);
    sockets.Connect("[::1]:1300", 0);
    for (const char* flags : {"-H -tuln", "-tuln", "-tln", "-uln4", "-tln6", "-tuan", "-tn", "-un",
                              "-H -tulnp", "-tl", "-xan"}) {
      std::vector<std::string> words = {"stat"};
      std::istringstream in(flags);
      for (std::string word; in >> word;) words.push_back(word);
      const ProgramResult result = RunProgram(words);
      EXPECT_EQ(result.exit_code, 0) << result.err;
      EXPECT_EQ(result.err, "");
      EXPECT_EQ(Lines(result.out), Lines(OutputOf(Concat("ss ", flags)))) << flags;
    }
    EXPECT_EQ(Lines(RunProgram({"stat", "-H", "-tuln"}).out).size(), 60u);
  });
}

TEST(StatTest, JsonTellsStateQueuesProcessAndTcpInfo) {
  InOwnNetwork([] {
    Sockets sockets;
    sockets.Open("[::1]:80", SOCK_STREAM);
    sockets.Connect("[::1]:80", 7);
    const ProgramResult result = RunProgram({"stat", "-tanip", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto json = nlohmann::json::parse(result.out);
    ASSERT_EQ(json["sockets"].size(), 3u) << result.out;
    bool listener = false;
    bool client = false;
    for (const auto& socket : json["sockets"]) {
      listener |= socket["state"] == "LISTEN" && socket["recv_q"] == 1 && socket["send_q"] == 64 &&
                  socket["processes"][0]["pid"] == getpid();
      client |= socket["peer"]["port"] == 80 && socket["tcp"]["bytes_sent"] == 7;
    }
    EXPECT_TRUE(listener) << result.out;
    EXPECT_TRUE(client) << result.out;
    // In one line below the connection.
    const std::string text = RunProgram({"stat", "-tin"}).out;
    EXPECT_NE(text.find("\n\t "), std::string::npos) << text;
    EXPECT_NE(text.find(" bytes_sent:7 "), std::string::npos) << text;
  });
}

TEST(StatTest, UnknownOptionsAndFullDisksAreErrors) {
  EXPECT_EQ(RunProgram({"stat", "--frobnicate"}).exit_code, 2);
  EXPECT_EQ(RunProgram({"stat", "-tln", "state", "listening"}).exit_code, 2);
  const ProgramResult full = RunProgram({"stat", "-tln", "--json=/dev/full"});
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_NE(full.err.find("/dev/full"), std::string::npos) << full.err;
}

// The ports of the first column.
std::set<int> PortsOf(const std::string& text) {
  std::set<int> ports;
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    if (line.find(" open") != std::string::npos && line.find(':') == std::string::npos) {
      ports.insert(std::stoi(line));
    }
  }
  return ports;
}

TEST(ScanTest, FindsExactlyWhatListens) {
  InOwnNetwork([] {
    Sockets sockets;
    const std::set<int> open = {1, 22, 80, 443, 512, 1023, 1024};
    for (const int port : open) {
      sockets.Open(Concat("127.0.0.1:", port), SOCK_STREAM);
      sockets.Open(Concat("[::1]:", port + 1), SOCK_STREAM);
    }
    sockets.Open("127.0.0.1:53", SOCK_DGRAM);
    const ProgramResult v4 = RunProgram({"scan", "127.0.0.1", "1-1024"});
    EXPECT_EQ(v4.exit_code, 0) << v4.err;
    EXPECT_EQ(PortsOf(v4.out), open) << v4.out;
    EXPECT_NE(v4.out.find("1024 ports of 127.0.0.1: 7 open, 1017 closed, 0 filtered, in "),
              std::string::npos)
        << v4.out;
    const ProgramResult v6 = RunProgram({"scan", "::1", "1-1024"});
    EXPECT_EQ(PortsOf(v6.out), (std::set<int>{2, 23, 81, 444, 513, 1024})) << v6.out;
    // With few descriptors: the same.
    const ProgramResult few = RunProgram({"scan", "127.0.0.1", "1-1024"}, 16);
    EXPECT_EQ(few.exit_code, 0) << few.err;
    EXPECT_EQ(PortsOf(few.out), open) << few.out;
    EXPECT_NE(few.out.find("this machine had no room for more"), std::string::npos) << few.out;
  });
}

TEST(ScanTest, ExitCodesSayWhatWasFound) {
  InOwnNetwork([] {
    const ProgramResult none = RunProgram({"scan", "127.0.0.1", "1-10", "--json"});
    EXPECT_EQ(none.exit_code, 1);
    const auto json = nlohmann::json::parse(none.out);
    EXPECT_EQ(json["counts"]["closed"], 10);
    EXPECT_EQ(json["ports"][9]["port"], 10);
    EXPECT_EQ(json["ports"][9]["error"], "ECONNREFUSED");
    const ProgramResult unreachable = RunProgram({"scan", "192.0.2.1", "80"});
    EXPECT_EQ(unreachable.exit_code, 3) << unreachable.out;
    EXPECT_NE(unreachable.out.find("Network is unreachable"), std::string::npos);
    // More hosts have to be meant.
    const ProgramResult two = RunProgram({"scan", "127.0.0.1,127.0.0.2", "1-3"});
    EXPECT_EQ(two.exit_code, 2);
    EXPECT_NE(two.err.find("--many"), std::string::npos) << two.err;
    EXPECT_EQ(RunProgram({"scan", "--many", "127.0.0.0/29", "1-3"}).exit_code, 1);
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"scan", "127.0.0.1"},
                                               {"scan", "127.0.0.1", "x"},
                                               {"scan", "unix:/x", "1"},
                                               {"scan", "127.0.0.1", "1", "--timeout", "0"}}) {
      EXPECT_EQ(RunProgram(words).exit_code, 2) << words.back();
    }
  });
}

}  // namespace
}  // namespace spindle::bench
