// Random calls on the simulated kernel and on the real one: the same results, whatever the order.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "base/random.h"
#include "gtest/gtest.h"
#include "tests/net/backend/syscall_script.h"

namespace spindle {
namespace {

constexpr uint64_t kSeeds = 60;
constexpr int kSteps = 60;
constexpr size_t kPairs = 2;
constexpr uint32_t kAll = EPOLLIN | EPOLLOUT | EPOLLRDHUP;

// Plays one seed. Which calls are made depends on the seed and on results, so two kernels that
// differ once differ from there on.
class Player {
 public:
  Player(SyscallScript& script, uint64_t seed) : s_(script), random_(seed) {}

  void Play() {
    s_.Socket("l");
    s_.Bind("l");
    s_.Listen("l", 100);
    s_.Epoll("level");
    s_.Epoll("edge");
    s_.Add("l", EPOLLIN, "level");
    s_.Add("l", EPOLLIN | EPOLLET, "edge");
    for (int step = 0; step < kSteps; ++step) Step();
    Look();
  }

 private:
  void Look() {
    s_.Events("level");
    s_.Events("edge");
  }

  void Watch(const std::string& name) {
    s_.Add(name, RandomInterest(), "level");
    s_.Add(name, RandomInterest() | EPOLLET, "edge");
  }

  uint32_t RandomInterest() {
    uint32_t events = kAll;
    if (random_.OneIn(3)) events &= static_cast<uint32_t>(random_.Next());
    if (random_.OneIn(6)) events |= EPOLLONESHOT;
    return events;
  }

  void Open(const std::string& client, const std::string& server) {
    s_.Socket(client);
    if (random_.OneIn(2)) Watch(client);
    s_.Connect(client, "l");
    if (random_.OneIn(3)) Look();
    if (random_.OneIn(5)) s_.Send(client, "early");
    if (random_.OneIn(8)) Leave(client);
    if (random_.OneIn(3)) Look();
    if (s_.Accept("l", server) >= 0) Watch(server);
  }

  void Leave(const std::string& name) {
    if (random_.OneIn(4)) s_.Linger(name, 1, 0);
    s_.Close(name);
  }

  void Step() {
    const std::string number = std::to_string(random_.Uniform(kPairs));
    const std::string client = "c" + number;
    const std::string server = "s" + number;
    if (s_.fd(client) < 0 && s_.fd(server) < 0) {
      Open(client, server);
      return;
    }
    const std::string name = random_.OneIn(2) ? client : server;
    switch (random_.Uniform(16)) {
      case 0:
      case 1:
      case 2:
        s_.Send(name, std::string("abcdefghijklmnop").substr(0, random_.Uniform(16)));
        break;
      case 3:
      case 4:
      case 5:
        s_.Recv(name, random_.Uniform(30));
        break;
      case 6:
        s_.Shutdown(name, static_cast<int>(random_.Uniform(3)));
        break;
      case 7:
        if (s_.fd(name) >= 0) Leave(name);
        break;
      case 8:
        s_.SoError(name);
        break;
      case 9:
        s_.Mod(name, RandomInterest() | EPOLLET, "edge");
        break;
      case 10:
        s_.Mod(name, RandomInterest(), "level");
        break;
      case 11:
        s_.PeerName(name);
        break;
      case 12:
        if (s_.fd(name) >= 0) s_.Connect(name, "l");
        break;
      default:
        Look();
    }
  }

  SyscallScript& s_;
  Random random_;
};

class SimKernelRandomDifferentialTest : public testing::TestWithParam<SocketFamily> {};

TEST_P(SimKernelRandomDifferentialTest, DoesAsTheKernelDoes) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    ExpectSameOnBoth(GetParam(), [seed](SyscallScript& s) { Player(s, seed).Play(); });
    if (HasFailure()) break;  // One long log is enough.
  }
}

INSTANTIATE_TEST_SUITE_P(Families, SimKernelRandomDifferentialTest,
                         testing::Values(SocketFamily::kInet, SocketFamily::kInet6,
                                         SocketFamily::kUnix),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace spindle
