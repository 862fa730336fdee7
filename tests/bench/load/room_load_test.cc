// The load of a room against small servers in this process. Nothing here depends on how fast
// anything is.

#include "bench/load/room_load.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/load/load.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "net/types/close_reason.h"
#include "net/types/socket_address.h"
#include "tests/bench/load/load_fixture.h"

namespace spindle::bench {
namespace {

class RoomLoadTest : public LoadFixture {
 protected:
  void TearDown() override {
    server_.reset();
    LoadFixture::TearDown();
  }

  // `say` gives what came to the members.
  using Say = void (*)(const std::vector<Connection*>& members, std::string_view text);
  void StartRoom(Say say) {
    ConnectionCallbacks callbacks;
    callbacks.on_open = [this](Connection& connection) { members_.push_back(&connection); };
    callbacks.on_bytes = [this, say](Connection&, Buffer& input) {
      say(members_, input.Linearize());
      input.Clear();
    };
    callbacks.on_close = [this](Connection& connection, const CloseReason&) {
      std::erase(members_, &connection);
    };
    server_ = *StreamServer::Listen(*loop_, SocketAddress::LoopbackV4(0), std::move(callbacks));
  }
  // What a server that is wrong has spoilt does not come.
  bool GivenUp(const Load& load) const override { return !load.errors().empty(); }

  std::unique_ptr<StreamServer> server_;
  std::vector<Connection*> members_;
};

void ToAll(const std::vector<Connection*>& members, std::string_view text) {
  for (Connection* const member : members) member->Write(text);
}

TEST_F(RoomLoadTest, AMessageCountsWhenAllHaveIt) {
  StartRoom(ToAll);
  RoomLoad load(*loop_, server_->address(), {.connections = 20, .message_bytes = 100});
  RunFor(load, 50);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  EXPECT_GE(load.counts().messages, 50u);
  EXPECT_EQ(load.counts().bytes, load.counts().messages * 100);
  EXPECT_EQ(load.counts().latency.count(), load.counts().messages);
  EXPECT_EQ(load.opened(), 20u);
}

TEST_F(RoomLoadTest, AllTalkAtOnce) {
  StartRoom(ToAll);
  RoomLoad load(*loop_, server_->address(),
                {.connections = 7, .senders = 7, .message_bytes = kRoomHeaderBytes});
  RunFor(load, 200);
  EXPECT_TRUE(load.errors().empty()) << load.errors().begin()->first;
  EXPECT_TRUE(load.idle());
}

TEST_F(RoomLoadTest, AMessageThatComesTwiceIsAnError) {
  StartRoom([](const std::vector<Connection*>& members, std::string_view text) {
    ToAll(members, text);
    members.back()->Write(text);
  });
  RoomLoad load(*loop_, server_->address(), {.connections = 3});
  RunFor(load, 5);
  EXPECT_TRUE(load.errors().contains("a message twice, or not in its order"));
}

TEST_F(RoomLoadTest, AWrongByteIsAnError) {
  StartRoom([](const std::vector<Connection*>& members, std::string_view text) {
    std::string changed(text);
    changed.back() = static_cast<char>(changed.back() ^ 1);
    ToAll(members, changed);
  });
  RoomLoad load(*loop_, server_->address(), {.connections = 3});
  RunFor(load, 5);
  EXPECT_EQ(load.counts().messages, 0u);
  EXPECT_TRUE(load.errors().contains("wrong bytes"));
}

TEST_F(RoomLoadTest, ConnectionsThatEndAreErrors) {
  StartRoom(ToAll);
  RoomLoad load(*loop_, server_->address(), {.connections = 4});
  RunFor(load, 5);
  server_.reset();
  Until([&] { return load.open() == 0; });
  EXPECT_TRUE(load.dead());
  EXPECT_TRUE(load.idle());
  EXPECT_EQ(TotalErrors(load.errors()), 4u);
}

}  // namespace
}  // namespace spindle::bench
