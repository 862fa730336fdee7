#include "bench/load/listener_pids.h"

#include <unistd.h>

#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_server.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

TEST(ListenerPidsTest, NamesTheProcessThatListens) {
  const auto loop = EventLoop::Create();
  ASSERT_TRUE(loop.ok()) << loop.status();
  auto server = StreamServer::Listen(**loop, SocketAddress::LoopbackV4(0), ConnectionCallbacks());
  ASSERT_TRUE(server.ok()) << server.status();
  const SocketAddress address = (*server)->address();
  EXPECT_EQ(ListenerPids(address), std::vector<pid_t>{getpid()});
  server->reset();
  EXPECT_EQ(ListenerPids(address), std::vector<pid_t>());
}

TEST(ListenerPidsTest, SaysNothingOfOtherKindsAndMachines) {
  const auto elsewhere = SocketAddress::FromIp("192.0.2.1", 80);
  ASSERT_TRUE(elsewhere.ok()) << elsewhere.status();
  EXPECT_TRUE(ListenerPids(*elsewhere).empty());
}

}  // namespace
}  // namespace spindle::bench
