// What a datagram costs in memory: nothing, once queue and buffers have their size. Counted by an
// operator new of this program's own.

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "gtest/gtest.h"
#include "net/datagram/udp_socket.h"
#include "tests/net/datagram/datagram_world.h"

namespace {

std::atomic<uint64_t> allocations{0};

void* Allocate(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t /*size*/) noexcept { std::free(memory); }

namespace spindle {
namespace {

class AllocationTest : public DatagramTest {};

TEST_F(AllocationTest, NoDatagramAllocates) {
  uint64_t answers = 0;
  const auto server = Bind({.on_datagram =
                                [](UdpSocket& socket, const Datagram& datagram) {
                                  EXPECT_FALSE(datagram.peer().is_unspecified());
                                  EXPECT_FALSE(datagram.destination().is_unspecified());
                                  socket.Reply(datagram, datagram.data());
                                }},
                           {}, SocketAddress::AnyV4(0));
  const auto client = Connect(SocketAddress::LoopbackV4(server->local_address().port()),
                              {.on_datagram = [&](UdpSocket&, const Datagram&) { ++answers; }});
  const std::string data(1000, 'x');
  const auto round = [&] {
    const uint64_t expected = answers + 40;
    for (int i = 0; i < 40; ++i) EXPECT_TRUE(client->Send(data).ok());
    while (answers < expected) EXPECT_TRUE(loop_->RunOnce(WaitMode::kPoll).ok());
  };
  for (int i = 0; i < 10; ++i) round();
  const uint64_t before = allocations.load();
  for (int i = 0; i < 100; ++i) round();
  EXPECT_EQ(allocations.load(), before);
  EXPECT_EQ(answers, 4400u);
}

}  // namespace
}  // namespace spindle
