// Random operations from inside every callback: on the socket itself, on others, on those that are
// being handed their datagrams. A seed replays exactly: HAMMER_SEED=7, and HAMMER_RUNS of them.

#include <errno.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "net/datagram/udp_socket.h"
#include "tests/net/datagram/datagram_world.h"
#include "tests/testing/unique_name.h"

namespace spindle {
namespace {

constexpr size_t kSlots = 8;
constexpr int kOperations = 4000;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class UdpHammerTest : public DatagramTest {
 protected:
  // What the test knows of a socket: what it has been given to send.
  struct Known {
    uint64_t accepted = 0;
  };

  void Run(uint64_t seed);
  UdpOptions RollOptions();
  SocketAddress RollAddress();
  DatagramCallbacks MakeCallbacks();
  void Make(size_t slot);
  void Destroy(size_t slot);
  void CheckLedger(const UdpSocket& socket);
  // From a callback or from a timer; `self` may be null.
  void Act(UdpSocket* self);
  void ActOn(UdpSocket& socket);
  void Send(UdpSocket& socket);
  std::string RollData();

  Random random_{1};
  int operations_ = 0;
  int depth_ = 0;
  uint64_t received_ = 0;
  std::unique_ptr<UdpSocket> sockets_[kSlots];
  std::map<const UdpSocket*, Known> known_;
  std::vector<UdpHandle> handles_;
  std::vector<std::pair<SocketAddress, LocalEnd>> partners_;
};

UdpOptions UdpHammerTest::RollOptions() {
  UdpOptions options;
  if (random_.OneIn(3)) options.max_datagram_size = 1 + random_.Uniform(2000);
  options.batch_size = 1 + random_.Uniform(40);
  options.datagrams_per_turn = 1 + random_.Uniform(40);
  if (random_.OneIn(3)) options.send_limit = random_.Uniform(20'000);
  options.send_offload = !random_.OneIn(4);
  options.receive_offload = !random_.OneIn(4);
  options.network_errors = !random_.OneIn(4);
  options.packet_info = static_cast<PacketInfo>(random_.Uniform(3));
  return options;
}

SocketAddress UdpHammerTest::RollAddress() {
  switch (random_.Uniform(6)) {
    case 0:
      return SocketAddress::AnyV4(0);
    case 1:
      return SocketAddress::AnyV6(0);
    case 2:
      return SocketAddress::LoopbackV6(0);
    case 3:
      return *SocketAddress::UnixAbstract(UniqueName("spindle-hammer-"));
    default:
      return SocketAddress::LoopbackV4(0);
  }
}

DatagramCallbacks UdpHammerTest::MakeCallbacks() {
  return {.on_datagram =
              [this](UdpSocket& socket, const Datagram& datagram) {
                EXPECT_EQ(++depth_, 1) << "callbacks never nest";
                EXPECT_TRUE(socket.receiving());
                ++received_;
                const std::string copy(datagram.data());
                EXPECT_EQ(copy.find_first_not_of("h"), std::string::npos);
                EXPECT_GE(datagram.size(), copy.size());
                if (partners_.size() < 32) {
                  partners_.emplace_back(datagram.peer(), datagram.local());
                } else {
                  partners_[random_.Uniform(32)] = {datagram.peer(), datagram.local()};
                }
                if (random_.OneIn(2)) {
                  const std::string data = RollData();
                  if (socket.Reply(datagram, data).ok()) ++known_[&socket].accepted;
                }
                Act(&socket);
                EXPECT_EQ(datagram.data(), copy) << "the view is valid until the callback returns";
                --depth_;
              },
          .on_error =
              [this](UdpSocket& socket, const DatagramError& error) {
                EXPECT_EQ(++depth_, 1);
                EXPECT_FALSE(error.error.ok());
                Act(&socket);
                EXPECT_FALSE(error.ToString().empty());
                --depth_;
              },
          .on_drained =
              [this](UdpSocket& socket) {
                EXPECT_EQ(++depth_, 1);
                EXPECT_EQ(socket.queued(), 0u);
                Act(&socket);
                --depth_;
              }};
}

std::string UdpHammerTest::RollData() {
  if (random_.OneIn(50)) return std::string(65507, 'h');
  const size_t sizes[] = {0, 1, 100, 100, 100, 1400};
  return std::string(sizes[random_.Uniform(std::size(sizes))], 'h');
}

void UdpHammerTest::Make(size_t slot) {
  Destroy(slot);
  DatagramCallbacks callbacks = MakeCallbacks();
  if (random_.OneIn(5)) callbacks.on_error = nullptr;
  auto made = UdpSocket::Bind(*loop_, RollAddress(), std::move(callbacks), RollOptions());
  ASSERT_TRUE(made.ok()) << made.status();
  sockets_[slot] = *std::move(made);
  known_[sockets_[slot].get()] = Known{};
  handles_.push_back(sockets_[slot]->handle());
}

void UdpHammerTest::CheckLedger(const UdpSocket& socket) {
  const UdpStats stats = socket.stats();
  EXPECT_EQ(stats.datagrams_sent + stats.send_errors + stats.discarded + stats.queued,
            known_[&socket].accepted);
}

void UdpHammerTest::Destroy(size_t slot) {
  if (sockets_[slot] == nullptr) return;
  CheckLedger(*sockets_[slot]);
  known_.erase(sockets_[slot].get());
  sockets_[slot].reset();
}

void UdpHammerTest::Send(UdpSocket& socket) {
  const std::string data = RollData();
  SocketAddress to;
  LocalEnd from;
  UdpSocket* const other = sockets_[random_.Uniform(kSlots)].get();
  if (other != nullptr && random_.OneIn(2)) {
    to = other->local_address();
    if (to.is_ip() && to.ip() == "0.0.0.0") to = SocketAddress::LoopbackV4(to.port());
    if (to.is_ip() && to.ip() == "::") to = SocketAddress::LoopbackV6(to.port());
  } else if (!partners_.empty() && random_.OneIn(2)) {
    std::tie(to, from) = partners_[random_.Uniform(partners_.size())];
  } else if (random_.OneIn(2)) {
    to = SocketAddress::LoopbackV4(static_cast<uint16_t>(1 + random_.Uniform(5)));  // Dead.
  }
  const int burst = random_.OneIn(8) ? 50 : 1;
  for (int i = 0; i < burst; ++i) {
    if (random_.OneIn(10)) {
      const size_t segment = 50 + random_.Uniform(1500);
      if (!socket.SendSegments(data, segment, to, from).ok()) continue;
      known_[&socket].accepted += (data.size() + segment - 1) / segment;
    } else {
      const IoError error = to.is_unspecified() ? socket.Send(data) : socket.SendTo(data, to, from);
      if (error.ok()) ++known_[&socket].accepted;
    }
  }
}

void UdpHammerTest::ActOn(UdpSocket& socket) {
  switch (random_.Uniform(14)) {
    default:
      return Send(socket);
    case 6:
      return socket.Flush();
    case 7:
      if (random_.OneIn(4)) socket.PauseReceiving();
      return;
    case 8:
    case 9:
      return socket.ResumeReceiving();
    case 10:
      if (!partners_.empty() && random_.OneIn(4)) {
        socket.ConnectTo(partners_[random_.Uniform(partners_.size())].first).IgnoreError();
      }
      return;
    case 11:
      socket.Disconnect().IgnoreError();
      return;
    case 12:
      socket.SetTtl(static_cast<uint8_t>(1 + random_.Uniform(200))).IgnoreError();
      return;
    case 13:
      return CheckLedger(socket);
  }
}

void UdpHammerTest::Act(UdpSocket* self) {
  if (++operations_ > kOperations) return;
  // Others first: `self` may be gone afterwards.
  const size_t count = 1 + random_.Uniform(3);
  for (size_t i = 0; i < count && self != nullptr; ++i) ActOn(*self);
  const size_t slot = random_.Uniform(kSlots);
  switch (random_.Uniform(12)) {
    case 0:
      return Destroy(slot);
    case 1:
      return Make(slot);
    case 2:
      loop_->RunAfter(Duration::zero(), [this] { Act(nullptr); });
      return;
    case 3: {
      const UdpHandle handle = handles_[random_.Uniform(handles_.size())];
      handle.Run([this](UdpSocket& socket) { Act(&socket); });
      return;
    }
    case 4:
      faulty_.FailNext(SysCall::kSendMany,
                       std::vector<int>{EAGAIN, ENOBUFS, EPERM, EINTR, EIO}[random_.Uniform(5)],
                       1 + random_.Uniform(3));
      return;
    case 5:
      faulty_.FailNext(SysCall::kRecvMany,
                       std::vector<int>{EAGAIN, EINTR, ECONNREFUSED}[random_.Uniform(3)]);
      return;
    case 6:
      faulty_.SetMaxMessages(1 + random_.Uniform(40));
      return;
    default:
      if (sockets_[slot] != nullptr) ActOn(*sockets_[slot]);
      return;
  }
}

void UdpHammerTest::Run(uint64_t seed) {
  SCOPED_TRACE("HAMMER_SEED=" + std::to_string(seed));
  random_ = Random(seed);
  operations_ = 0;
  partners_.clear();
  for (size_t slot = 0; slot < kSlots; ++slot) Make(slot);
  for (int idle = 0; operations_ < kOperations;) {
    Act(sockets_[random_.Uniform(kSlots)].get());
    idle = *loop_->RunOnce(WaitMode::kPoll) == 0 ? idle + 1 : 0;
    ASSERT_LT(idle, 100'000);
  }
  for (size_t slot = 0; slot < kSlots; ++slot) Destroy(slot);
  handles_.clear();
  faulty_.Clear();
  for (int quiet = 0; quiet < 3;) quiet = *loop_->RunOnce(WaitMode::kPoll) == 0 ? quiet + 1 : 0;
  EXPECT_TRUE(known_.empty());
}

TEST_F(UdpHammerTest, AnyOperationInAnyCallback_D1) {
  const uint64_t first = FromEnvironment("HAMMER_SEED", 1);
  const uint64_t runs = FromEnvironment("HAMMER_RUNS", 6);
  for (uint64_t seed = first; seed < first + runs && !HasFailure(); ++seed) Run(seed);
  EXPECT_GT(received_, runs * 100);
  std::printf("%lu runs of %d operations, %lu datagrams\n", static_cast<unsigned long>(runs),
              kOperations, static_cast<unsigned long>(received_));
}

}  // namespace
}  // namespace spindle
