#include "bench/top/admin_client.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "bench/load/run_until.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "net/types/socket_address.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

TEST(HttpReplyBodyTest, TheBodyIsWhatTheHeaderSays) {
  EXPECT_EQ(HttpReplyBody("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").value(), "ok");
  EXPECT_EQ(HttpReplyBody("HTTP/1.1 200 OK\r\ncontent-length:  2 \r\n\r\nokay").value(), "ok");
  EXPECT_EQ(HttpReplyBody("HTTP/1.0 200 OK\n\nall of it").value(), "all of it");
}

TEST(HttpReplyBodyTest, WhatIsNotWholeOrNoHttpIsAnError) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(HttpReplyBody(whole.substr(0, size)).ok()) << size;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(HttpReplyBody("SSH-2.0-OpenSSH\r\n").status()));
  const absl::Status missing = HttpReplyBody("HTTP/1.1 404 Not Found\r\n\r\n").status();
  EXPECT_TRUE(absl::IsUnavailable(missing));
  EXPECT_NE(std::string(missing.message()).find("404 Not Found"), std::string::npos);
  EXPECT_FALSE(HttpReplyBody("HTTP/1.1\r\n\r\n").ok());
}

class AdminClientTest : public LeakCheckTest {
 protected:
  void SetUp() override { loop_ = *EventLoop::Create(); }
  void TearDown() override {
    client_.reset();
    server_.reset();
    loop_.reset();
    LeakCheckTest::TearDown();
  }
  // A server that answers each request with `reply`, and ends; with nothing: stays silent.
  void Serve(const std::string& reply) {
    server_ = *StreamServer::Listen(*loop_, SocketAddress::LoopbackV4(0),
                                    {.on_bytes = [reply](Connection& c, Buffer& input) {
                                      input.Clear();
                                      if (reply.empty()) return;
                                      static_cast<void>(c.Write(reply));
                                      c.Close();
                                    }});
    address_ = server_->address();
  }
  absl::StatusOr<std::string> Get(Duration timeout = std::chrono::minutes(1)) {
    if (client_ == nullptr) client_ = std::make_unique<AdminClient>(*loop_, address_, timeout);
    std::optional<absl::StatusOr<std::string>> body;
    client_->Get("/loops", [&](absl::StatusOr<std::string> page) { body = std::move(page); });
    EXPECT_FALSE(body.has_value()) << "never inside Get";
    EXPECT_TRUE(RunUntil(*loop_, [&] { return body.has_value(); }).ok());
    return *body;
  }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<StreamServer> server_;
  SocketAddress address_;
  std::unique_ptr<AdminClient> client_;
};

TEST_F(AdminClientTest, GetsOnePageAfterTheOther) {
  Serve("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Get().value(), "page");
}

TEST_F(AdminClientTest, AServerThatGoesAndComesBackIsAskedAgain) {
  Serve("HTTP/1.1 200 OK\r\n\r\npage");
  EXPECT_EQ(Get().value(), "page");
  server_.reset();
  const absl::Status gone = Get().status();
  EXPECT_TRUE(absl::IsUnavailable(gone)) << gone;
  EXPECT_NE(std::string(gone.message()).find("ECONNREFUSED"), std::string::npos) << gone;
  server_ = *StreamServer::Listen(*loop_, address_, {.on_bytes = [](Connection& c, Buffer&) {
    static_cast<void>(c.Write("HTTP/1.1 200 OK\r\n\r\nnew"));
    c.Close();
  }});
  EXPECT_EQ(Get().value(), "new");
}

TEST_F(AdminClientTest, ALongReplyIsAnErrorAlsoWithoutItsLength) {
  const std::string header = "HTTP/1.1 200 OK\r\n\r\n";
  const std::string page(100, 'x');
  Serve(header + page);
  const size_t size = header.size() + page.size();
  client_ = std::make_unique<AdminClient>(*loop_, address_, std::chrono::minutes(1), size);
  EXPECT_EQ(Get().value(), page);
  client_ = std::make_unique<AdminClient>(*loop_, address_, std::chrono::minutes(1), size - 1);
  const absl::Status status = Get().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_NE(std::string(status.message()).find("too long"), std::string::npos) << status;
}

TEST_F(AdminClientTest, SilenceEndsAtTheDeadlineAndTheNextPageIsANewTry) {
  Serve("");
  EXPECT_FALSE(Get(std::chrono::milliseconds(20)).ok());
  EXPECT_FALSE(Get().ok());
}

TEST_F(AdminClientTest, DestroyedWhileItWaitsItCallsNobody) {
  bool asked = false;
  server_ = *StreamServer::Listen(*loop_, SocketAddress::LoopbackV4(0),
                                  {.on_bytes = [&](Connection&, Buffer& input) {
                                    input.Clear();
                                    asked = true;
                                  }});
  address_ = server_->address();
  client_ = std::make_unique<AdminClient>(*loop_, address_, std::chrono::minutes(1));
  bool called = false;
  client_->Get("/", [&](absl::StatusOr<std::string>) { called = true; });
  ASSERT_TRUE(RunUntil(*loop_, [&] { return asked; }).ok());
  client_.reset();
  EXPECT_FALSE(called);
}

TEST_F(AdminClientTest, MayBeDestroyedInItsCallback) {
  Serve("HTTP/1.1 200 OK\r\n\r\npage");
  client_ = std::make_unique<AdminClient>(*loop_, address_, std::chrono::minutes(1));
  bool called = false;
  client_->Get("/", [&](absl::StatusOr<std::string> page) {
    EXPECT_EQ(page.value(), "page");
    client_.reset();
    called = true;
  });
  ASSERT_TRUE(RunUntil(*loop_, [&] { return called; }).ok());
}

}  // namespace
}  // namespace spindle::bench
