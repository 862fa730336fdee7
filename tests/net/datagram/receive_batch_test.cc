#include "net/datagram/internal/receive_batch.h"

#include <errno.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/asan.h"
#include "base/syscalls.h"
#include "gtest/gtest.h"
#include "tests/net/datagram/datagram_world.h"

namespace spindle {
namespace {

using Strings = std::vector<std::string>;

Strings TakeAll(ReceiveBatch& batch, size_t max_size = 65535) {
  Strings all;
  while (!batch.empty()) {
    const ReceiveBatch::Part part = batch.Next(max_size);
    all.emplace_back(part.data);
    ReceiveBatch::Drop(part);
  }
  return all;
}

TEST(ReceiveBatchTest, TakesUpToItsCountInOrder) {
  RawUdp receiver, sender;
  Strings sent;
  for (int i = 0; i < 10; ++i) {
    sent.push_back(std::string(static_cast<size_t>(i), 'x') + std::to_string(i));
    ASSERT_TRUE(sender.SendTo(sent.back(), receiver.address()));
  }
  auto batch = ReceiveBatch::Take(8, 100);
  EXPECT_TRUE(batch->empty());
  ASSERT_EQ(batch->Fill(Syscalls::Real(), receiver.fd()), 8);
  EXPECT_EQ(TakeAll(*batch), Strings(sent.begin(), sent.begin() + 8));
  // Fewer than before: what the others held is not seen again.
  ASSERT_EQ(batch->Fill(Syscalls::Real(), receiver.fd()), 2);
  EXPECT_EQ(TakeAll(*batch), Strings(sent.begin() + 8, sent.end()));
  EXPECT_EQ(batch->Fill(Syscalls::Real(), receiver.fd()), -EAGAIN);
  EXPECT_TRUE(batch->empty());
  ReceiveBatch::GiveBack(std::move(batch));
}

// The address that the kernel has not filled in must not be that of an earlier datagram.
TEST(ReceiveBatchTest, NamesAreOfTheirOwnDatagrams) {
  RawUdp receiver;
  auto batch = ReceiveBatch::Take(4, 100);
  for (int round = 0; round < 3; ++round) {
    RawUdp a, b;
    ASSERT_TRUE(a.SendTo("a", receiver.address()));
    ASSERT_TRUE(b.SendTo("b", receiver.address()));
    ASSERT_EQ(batch->Fill(Syscalls::Real(), receiver.fd()), 2);
    for (const RawUdp* peer : {&a, &b}) {
      const ReceiveBatch::Part part = batch->Next(100);
      EXPECT_EQ(SocketAddress::FromSockaddr(part.name, part.name_length), peer->address());
    }
  }
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
  ASSERT_EQ(send(pair[0], "c", 1, 0), 1);
  ASSERT_EQ(batch->Fill(Syscalls::Real(), pair[1]), 1);
  EXPECT_EQ(batch->Next(100).name_length, 0u);
  close(pair[0]);
  close(pair[1]);
}

TEST(ReceiveBatchTest, SparesAreUsedAgainByTheirShape) {
  auto first = ReceiveBatch::Take(4, 1000);
  const ReceiveBatch* const address = first.get();
  ReceiveBatch::GiveBack(std::move(first));
  const auto other = ReceiveBatch::Take(4, 999);
  EXPECT_NE(other.get(), address);
  EXPECT_EQ(ReceiveBatch::Take(4, 1000).get(), address);
}

#ifdef SPINDLE_HAS_ASAN
// A view that outlives its callback.
TEST(ReceiveBatchDeathTest, LateLookIsReported) {
  RawUdp receiver, sender;
  ASSERT_TRUE(sender.SendTo("secret", receiver.address()));
  auto batch = ReceiveBatch::Take(4, 100);
  ASSERT_EQ(batch->Fill(Syscalls::Real(), receiver.fd()), 1);
  const ReceiveBatch::Part part = batch->Next(100);
  ReceiveBatch::Drop(part);
  EXPECT_DEATH(std::printf("%c", part.data[0]), "use-after-poison");
}
#endif

}  // namespace
}  // namespace spindle
