// Servers that cannot be reached, as the kernel itself reports them: full queues, no route, and
// packets that nobody answers. Networks of the test's own are made in a process of its own.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "tests/testing/own_network.h"
#include "tests/testing/raw_peer.h"
#include "tests/testing/stream_env.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

// A server that never accepts and whose queue is full: a connect to it gets no answer (TCP) or
// EAGAIN (Unix).
class FullListener {
 public:
  explicit FullListener(const SocketAddress& address)
      : listener_(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage;
    socklen_t length = address.ToSockaddr(&storage);
    auto* const generic = reinterpret_cast<sockaddr*>(&storage);
    EXPECT_EQ(bind(listener_.fd(), generic, length), 0);
    EXPECT_EQ(listen(listener_.fd(), 0), 0);
    length = sizeof storage;
    EXPECT_EQ(getsockname(listener_.fd(), generic, &length), 0);
    address_ = SocketAddress::FromSockaddr(generic, length);
    for (int i = 0; i < 4; ++i) fillers_.push_back(RawPeer::Connect(address_));
  }
  const SocketAddress& address() const { return address_; }

 private:
  RawPeer listener_;
  SocketAddress address_;
  std::vector<RawPeer> fillers_;
};

class UnreachableTest : public LeakCheckTest {
 protected:
  // All that one client hears until its attempts end, or it is connected.
  std::vector<ConnectError> Attempt(const SocketAddress& address, StreamClientOptions options) {
    StreamEnv env(Machine{});
    std::vector<ConnectError> errors;
    bool opened = false;
    StreamClient client(env.client_loop(), address,
                        {.on_open = [&](Connection&) { opened = true; }}, std::move(options),
                        [&](const ConnectError& error) { errors.push_back(error); });
    client.Connect();
    EXPECT_TRUE(errors.empty()) << "never inside Connect";
    EXPECT_TRUE(
        env.RunUntil([&] { return opened || (!errors.empty() && !errors.back().will_retry); }));
    env.Settle();
    EXPECT_FALSE(opened);
    EXPECT_EQ(client.connection(), nullptr);
    return errors;
  }

 private:
  const Watchdog watchdog_{std::chrono::minutes(4)};
};

TEST_F(UnreachableTest, FullQueueOfATcpListenerEndsAtTheDeadline_C2) {
  const FullListener full(SocketAddress::LoopbackV4(0));
  const std::vector<ConnectError> errors =
      Attempt(full.address(), {.connect_timeout = milliseconds(30),
                               .retry = {.max_attempts = 2, .initial_backoff = milliseconds(1)}});
  ASSERT_EQ(errors.size(), 2u);
  for (const ConnectError& error : errors) {
    EXPECT_EQ(error.failure, ConnectFailure::kTimeout);
    EXPECT_EQ(error.error.op(), IoOp::kNone) << "our deadline, not the kernel's";
  }
}

TEST_F(UnreachableTest, FullQueueOfAUnixListenerIsReportedAtOnce_C2) {
  const FullListener full(*SocketAddress::UnixAbstract(UniqueName("spindle-full-")));
  const std::vector<ConnectError> errors =
      Attempt(full.address(), {.retry = {.max_attempts = 3, .initial_backoff = milliseconds(1)}});
  ASSERT_EQ(errors.size(), 3u);
  for (const ConnectError& error : errors) {
    EXPECT_EQ(error.failure, ConnectFailure::kOther);
    EXPECT_EQ(error.error, IoError(EAGAIN, IoOp::kConnect));
  }
}

// ---- In a network namespace.

// Sets the address of an interface, or its mask, or brings it up.
bool Configure(int control, const char* name, const char* address, const char* mask) {
  ifreq request = {};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  auto* const in = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
  in->sin_family = AF_INET;
  inet_pton(AF_INET, address, &in->sin_addr);
  if (ioctl(control, SIOCSIFADDR, &request) != 0) return false;
  inet_pton(AF_INET, mask, &in->sin_addr);
  if (ioctl(control, SIOCSIFNETMASK, &request) != 0) return false;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(control, SIOCSIFFLAGS, &request) == 0;
}

// A route to 198.51.100.0/24 that rejects all packets.
bool AddRejectRoute(int control) {
  rtentry route = {};
  const auto set = [](sockaddr& target, const char* address) {
    auto* const in = reinterpret_cast<sockaddr_in*>(&target);
    in->sin_family = AF_INET;
    inet_pton(AF_INET, address, &in->sin_addr);
  };
  set(route.rt_dst, "198.51.100.0");
  set(route.rt_genmask, "255.255.255.0");
  route.rt_flags = RTF_REJECT;
  return ioctl(control, SIOCADDRT, &route) == 0;
}

// A network in which packets to 192.0.2.0/24 go into a tunnel that nobody reads. False if there can
// be none. The descriptors stay open.
bool MakeNetwork() {
  const int inside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int tunnel = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  ifreq request = {};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, "tun0", IFNAMSIZ - 1);
  return tunnel >= 0 && ioctl(tunnel, TUNSETIFF, &request) == 0 &&
         Configure(inside, "lo", "127.0.0.1", "255.0.0.0") &&
         Configure(inside, "tun0", "192.0.2.1", "255.255.255.0") && AddRejectRoute(inside);
}

// No watchdog before the fork: a process with threads gets no user namespace.
TEST(OwnNetworkTest, UnreachableFilteredAndRefusedAreToldApart_C2) {
  struct Case {
    const char* address;
    ConnectFailure failure;
    int error;
  };
  const Case cases[] = {
      {"203.0.113.1:80", ConnectFailure::kUnreachable, ENETUNREACH},    // No route.
      {"198.51.100.1:80", ConnectFailure::kUnreachable, EHOSTUNREACH},  // A route that rejects.
      {"192.0.2.7:80", ConnectFailure::kTimeout, ETIMEDOUT},            // Nobody answers.
      {"127.0.0.1:80", ConnectFailure::kRefused, ECONNREFUSED},
  };
  const int result = RunInOwnNetwork([&] {
    if (!MakeNetwork()) return kNoOwnNetwork;
    for (const Case& one : cases) {
      SCOPED_TRACE(one.address);
      const LeakCheck leaks;
      std::vector<ConnectError> errors;
      {
        StreamEnv env(Machine{});
        StreamClient client(env.client_loop(), *SocketAddress::Parse(one.address),
                            {.on_open = [](Connection&) { ADD_FAILURE() << "connected"; }},
                            {.connect_timeout = milliseconds(50),
                             .retry = {.max_attempts = 2, .initial_backoff = milliseconds(1)}},
                            [&](const ConnectError& error) { errors.push_back(error); });
        client.Connect();
        EXPECT_TRUE(env.RunUntil([&] { return errors.size() == 2; }));
        env.Settle();
        EXPECT_EQ(errors.size(), 2u) << "one report for each attempt";
        EXPECT_EQ(client.connection(), nullptr);
      }
      for (const ConnectError& error : errors) {
        EXPECT_EQ(error.failure, one.failure) << error.error.ToString();
        EXPECT_EQ(error.error.code(), one.error);
      }
      leaks.ExpectUnchanged();
    }
    return 0;
  });
  if (result == kNoOwnNetwork) GTEST_SKIP() << "no network namespace for this user";
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace spindle
