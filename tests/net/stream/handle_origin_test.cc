// Who calls through a handle is named when his callback is slow: by his own line, on a clock that
// only a callback moves.

#include <chrono>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "base/logging.h"
#include "gtest/gtest.h"
#include "net/datagram/udp_handle.h"
#include "net/datagram/udp_socket.h"
#include "net/loop/event_loop.h"
#include "net/loop/slow_callback.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/manual_time_syscalls.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;

class HandleOriginTest : public LeakCheckTest {
 protected:
  HandleOriginTest() { SetMinLogLevel(LogLevel::kError); }
  void TearDown() override {
    SetMinLogLevel(LogLevel::kInfo);
    session_ = SessionHandle();
    connection_ = ConnectionHandle();
    client_.reset();
    server_.reset();
    loop_.reset();
    LeakCheckTest::TearDown();
  }
  void Start() {
    server_ = *StreamServer::Listen(*loop_, SocketAddress::LoopbackV4(0), AcceptorSessions({}));
    client_ = std::make_unique<StreamClient>(
        *loop_, server_->address(), InitiatorSessions({.on_open = [this](Session& session) {
          session_ = session.handle();
          connection_ = session.connection().handle();
        }}));
    client_->Connect();
    while (!session_) ASSERT_TRUE(loop_->RunOnce().ok());
  }
  void Pass() { time_.clock().Advance(milliseconds(60)); }
  // The line of this file that the next slow callback is put down to.
  uint32_t NextSlowLine() {
    const size_t before = loop_->SlowCallbacks().size();
    while (loop_->SlowCallbacks().size() == before) {
      if (!loop_->RunOnce().ok()) return 0;
    }
    const CallbackOrigin origin = loop_->SlowCallbacks().back().origin;
    EXPECT_EQ(std::string_view(origin.kind), "task");
    EXPECT_TRUE(std::string_view(origin.where.file_name()).ends_with("handle_origin_test.cc"))
        << origin.ToString();
    return origin.where.line();
  }

  ManualTimeSyscalls time_;
  std::unique_ptr<EventLoop> loop_ =
      *EventLoop::Create({.slow_callback = milliseconds(50), .syscalls = &time_});
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<StreamClient> client_;
  ConnectionHandle connection_;
  SessionHandle session_;
};

TEST_F(HandleOriginTest, OfAConnection) {
  Start();
  EXPECT_TRUE(connection_.Run([&](Connection&) { Pass(); }));
  EXPECT_EQ(NextSlowLine(), std::source_location::current().line() - 1);
  const auto done = [&](IoError) { Pass(); };
  EXPECT_TRUE(connection_.Write("text", done));
  EXPECT_EQ(NextSlowLine(), std::source_location::current().line() - 1);
}

TEST_F(HandleOriginTest, OfADatagramSocket) {
  const auto socket = *UdpSocket::Bind(*loop_, SocketAddress::LoopbackV4(0), {});
  const UdpHandle handle = socket->handle();
  EXPECT_TRUE(handle.Run([&](UdpSocket&) { Pass(); }));
  EXPECT_EQ(NextSlowLine(), std::source_location::current().line() - 1);
  const auto done = [&](IoError) { Pass(); };
  EXPECT_TRUE(handle.SendTo("text", socket->local_address(), {}, done));
  EXPECT_EQ(NextSlowLine(), std::source_location::current().line() - 1);
}

TEST_F(HandleOriginTest, OfASession) {
  Start();
  EXPECT_TRUE(session_.Run([&](Session&) { Pass(); }));
  EXPECT_EQ(NextSlowLine(), std::source_location::current().line() - 1);
  const auto done = [&](IoError) { Pass(); };
  EXPECT_TRUE(session_.Send("message", done));
  EXPECT_EQ(NextSlowLine(), std::source_location::current().line() - 1);
}

}  // namespace
}  // namespace spindle
