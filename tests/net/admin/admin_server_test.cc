// The pages of a running server, read over real sockets by plain requests.

#include "net/admin/admin_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/owned_fd.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

OwnedFd Connect(const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  OwnedFd fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length), 0);
  return fd;
}

// Sends `request` as it is and returns all that comes until the end.
std::string Ask(const SocketAddress& address, const std::string& request) {
  const OwnedFd fd = Connect(address);
  EXPECT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char data[4096];
  ssize_t size;
  while ((size = read(fd.get(), data, sizeof data)) > 0) {
    answer.append(data, static_cast<size_t>(size));
  }
  EXPECT_EQ(size, 0) << "no orderly end";
  return answer;
}

// Two workers, an echo server on them, and its admin endpoint.
class AdminServerTest : public testing::Test {
 protected:
  void SetUp() override { Start(2, {}); }
  void TearDown() override {
    Stop();
    leaks_.ExpectUnchanged();
  }

  void Start(size_t workers, const AdminOptions& options, Duration slow_callback = {}) {
    main_ = *EventLoop::Create({.name = "main"});
    EventLoopThreadPoolOptions pool_options;
    pool_options.workers = workers;
    pool_options.loop.slow_callback = slow_callback;
    pool_ = *EventLoopThreadPool::Start(*main_, pool_options);
    server_ = *StreamServer::Listen(
        *pool_, SocketAddress::LoopbackV4(0),
        {.on_bytes = [](Connection& c, Buffer& in) { c.Write(std::move(in)); }});
    admin_ = *AdminServer::Listen(*pool_, SocketAddress::LoopbackV4(0), options);
    admin_->Watch("echo", server_->probe());
    thread_ = std::thread([this] { EXPECT_TRUE(main_->Run().ok()); });
  }
  void Stop() {
    if (main_ == nullptr) return;
    main_->Quit();
    thread_.join();
    admin_.reset();
    server_.reset();
    pool_.reset();
    main_.reset();
  }
  // A connection to the echo server that has had an answer.
  OwnedFd Client(const std::string& message) {
    OwnedFd fd = Connect(server_->address());
    EXPECT_EQ(write(fd.get(), message.data(), message.size()),
              static_cast<ssize_t>(message.size()));
    std::string echo(message.size(), '\0');
    EXPECT_EQ(recv(fd.get(), echo.data(), echo.size(), MSG_WAITALL),
              static_cast<ssize_t>(message.size()));
    return fd;
  }
  std::string Get(const std::string& target) {
    return Ask(admin_->address(), "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  const LeakCheck leaks_;
  Watchdog watchdog_{seconds(120)};
  std::unique_ptr<EventLoop> main_;
  std::unique_ptr<EventLoopThreadPool> pool_;
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<AdminServer> admin_;
  std::thread thread_;
};

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(AdminServerTest, MetricsCountLoopsAndServers) {
  const OwnedFd one = Client("hello");
  const OwnedFd two = Client("world!");
  const std::string page = Get("/metrics");
  EXPECT_TRUE(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
  for (const char* sample : {"\nspindle_server_accepted_total{server=\"echo\"} 2\n",
                             "\nspindle_loop_answered{loop=\"main\"} 1\n",
                             "\nspindle_loop_connections{loop=\"worker-0\"} 1\n",
                             "\nspindle_loop_connections{loop=\"worker-1\"} 1\n",
                             "\nspindle_loop_read_bytes_total{loop=\"worker-0\"} 5\n",
                             "\nspindle_loop_written_bytes_total{loop=\"worker-1\"} 6\n",
                             "\nprocess_resident_memory_bytes "}) {
    EXPECT_TRUE(Has(page, sample)) << sample << page;
  }
}

TEST_F(AdminServerTest, TheProgramsOwnMetricsFollow) {
  main_->ref().CallAndWait([&] {
    admin_->AddMetrics([](MetricsText& text) {
      text.Begin("app_orders_total", MetricKind::kCounter, "Orders.");
      text.Sample({}, 7);
    });
  });
  EXPECT_TRUE(Get("/metrics").ends_with("# TYPE app_orders_total counter\napp_orders_total 7\n"));
}

TEST_F(AdminServerTest, LoopsAreLinesOrJson) {
  const std::string page = Get("/loops");
  EXPECT_TRUE(Has(page, "\r\n\r\nLOOP")) << page;
  EXPECT_TRUE(Has(page, "\nworker-1 "));
  const std::string json = Get("/loops?format=json");
  EXPECT_TRUE(Has(json, "Content-Type: application/json\r\n"));
  EXPECT_TRUE(Has(json, "{\"name\":\"worker-0\",\"answered\":true,\"turns_total\":")) << json;
}

TEST_F(AdminServerTest, SlowCallbacksAreNamed) {
  Stop();
  // Every callback takes longer.
  Start(2, {}, std::chrono::nanoseconds(1));
  const OwnedFd client = Client("hello");
  const std::string page = Get("/slow");
  EXPECT_TRUE(Has(page, "\r\n\r\nLOOP ")) << page;
  EXPECT_TRUE(Has(page, "\nworker-0 ")) << page;
  // By where the server was made.
  EXPECT_TRUE(Has(page, " connection ")) << page;
  EXPECT_TRUE(Has(page, ", registered at ")) << page;
  EXPECT_TRUE(Has(page, "admin_server_test.cc:")) << page;
  EXPECT_TRUE(Has(page, "\nmain: callbacks are not measured\n")) << page;
  const std::string json = Get("/slow?format=json");
  EXPECT_TRUE(Has(json, "\"kind\":\"connection\",\"connection\":\"")) << json;
  const std::string metrics = Get("/metrics");
  EXPECT_FALSE(Has(metrics, "\nspindle_loop_slow_callbacks_total{loop=\"worker-0\"} 0\n"));
  EXPECT_TRUE(Has(metrics, "\nspindle_loop_slow_callbacks_total{loop=\"main\"} 0\n"));
  EXPECT_TRUE(
      Has(metrics, "\nspindle_loop_callback_seconds_bucket{loop=\"worker-0\",le=\"+Inf\"} "));
}

TEST_F(AdminServerTest, ConnectionsAreSortedAndLimited) {
  std::vector<OwnedFd> clients;
  for (size_t i = 1; i <= 5; ++i) clients.push_back(Client(std::string(i * 1000, 'x')));
  const std::string json = Get("/conns?format=json&sort=bytes&limit=2");
  EXPECT_TRUE(Has(json, "{\"total\":5,\"silent_loops\":0,")) << json;
  const size_t first = json.find("\"received\":5000,\"sent\":5000,");
  const size_t second = json.find("\"received\":4000,\"sent\":4000,");
  EXPECT_LT(first, second);
  EXPECT_NE(second, std::string::npos);
  EXPECT_FALSE(Has(json, "\"received\":3000"));
  EXPECT_TRUE(Has(Get("/conns"), "5 of 5 connections\nID "));
  EXPECT_TRUE(Get("/conns?limit=0").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(Get("/conns?sort=color").starts_with("HTTP/1.1 400 "));
}

TEST_F(AdminServerTest, OneConnectionIsToldInFull) {
  const OwnedFd client = Client("hello");
  const std::string json = Get("/conns?format=json");
  const std::string mark = "\"id\":\"";
  const size_t begin = json.find(mark) + mark.size();
  const std::string id = json.substr(begin, json.find('"', begin) - begin);
  const std::string page = Get("/conns/" + id);
  for (const char* line : {"\nserver echo\n", "\nstate open\n", "\nage ", "\nidle ",
                           "\nreceived 5\n", "\nqueued 0\n", "\ntcp_rtt_us "}) {
    EXPECT_TRUE(Has(page, line)) << line << page;
  }
  EXPECT_TRUE(Get("/conns/99.9.9").starts_with("HTTP/1.1 404 "));
}

// Two that are paused: one by its user, one by its output, which the peer does not read.
TEST_F(AdminServerTest, PausesAreTold) {
  std::unique_ptr<StreamServer> server;
  main_->ref().CallAndWait([&] {
    server =
        *StreamServer::Listen(*pool_, SocketAddress::LoopbackV4(0),
                              {.on_bytes =
                                   [](Connection& c, Buffer& in) {
                                     const bool fill = in.ToString() == "fill";
                                     in.Clear();
                                     c.Write("x");
                                     if (!fill) return c.PauseReading();
                                     while (c.output_queued() < 32'000'000)
                                       c.Write(std::string(1'000'000, 'x'));
                                   }},
                              {.connection = {.high_water_mark = 2000, .low_water_mark = 1000}});
    admin_->Watch("paused", server->probe());
  });
  const OwnedFd quiet = Connect(server->address());
  const OwnedFd full = Connect(server->address());
  char byte;
  for (const auto& [fd, text] : {std::pair(quiet.get(), "stop"), std::pair(full.get(), "fill")}) {
    ASSERT_EQ(write(fd, text, 4), 4);
    ASSERT_EQ(recv(fd, &byte, 1, 0), 1);
  }
  const std::string page = Get("/conns");
  EXPECT_TRUE(Has(page, "open, paused: user\n")) << page;
  EXPECT_TRUE(Has(page, "open, paused: high water\n")) << page;
  const std::string json = Get("/conns?format=json&sort=queued&limit=1");
  EXPECT_TRUE(Has(json, "\"paused\":true,\"paused_by\":\"high water\"")) << json;
  EXPECT_TRUE(Has(json, "\"high_water_hits\":1")) << json;
  const std::string mark = "\"id\":\"";
  const size_t begin = json.find(mark) + mark.size();
  const std::string one = Get("/conns/" + json.substr(begin, json.find('"', begin) - begin));
  for (const char* line :
       {"\nstate open, reading paused by: high water\n", "\nhigh_water_hits 1\n", "\nidle "}) {
    EXPECT_TRUE(Has(one, line)) << line << one;
  }
  EXPECT_FALSE(Has(one, "messages_")) << "no session";
  main_->ref().CallAndWait([&] { server.reset(); });
}

// A session's line has its messages and what its heartbeat has measured.
TEST_F(AdminServerTest, SessionsTellMessagesAndRoundTrips) {
  std::unique_ptr<StreamServer> server;
  std::unique_ptr<StreamClient> client;
  std::atomic<bool> answered = false;
  std::atomic<bool> measured = false;
  std::string page;
  ConnectionHandle peer;
  main_->ref().CallAndWait([&] {
    server = *StreamServer::Listen(
        *pool_, SocketAddress::LoopbackV4(0),
        AcceptorSessions(
            {.on_open = [&](Session& session) { peer = session.connection().handle(); },
             .on_message =
                 [](Session& session, Buffer& message) {
                   session.Send(message.ToString());
                   session.Send("more");
                 }},
            {.heartbeat_interval = milliseconds(5), .heartbeat_misses = 1'000'000}));
    admin_->Watch("sessions", server->probe());
    client = std::make_unique<StreamClient>(
        *main_, server->address(),
        InitiatorSessions({.on_open = [](Session& session) { session.Send("hello"); },
                           .on_message =
                               [&](Session&, Buffer& message) {
                                 if (message.ToString() == "more") answered = true;
                                 answered.notify_one();
                               }},
                          {.heartbeat_interval = seconds(0)}));
    client->Connect();
  });
  answered.wait(false);
  while (!measured) {
    peer.loop().CallAndWait([&] {
      const Session* const session = peer.Get()->data<Session>();
      measured = session->stats().last_rtt >= Duration::zero();
    });
  }
  page = Get("/conns");
  EXPECT_TRUE(Has(page, " 1/2 ")) << page;
  const std::string one = Get("/conns/" + peer.id().ToString());
  EXPECT_TRUE(Has(one, "\nmessages_received 1\nmessages_sent 2\nheartbeat_rtt ")) << one;
  EXPECT_FALSE(Has(one, "\nheartbeat_rtt -\n")) << one;
  EXPECT_TRUE(Has(Get("/conns?format=json"), "\"heartbeat_rtt_seconds\":"));
  main_->ref().CallAndWait([&] {
    client.reset();
    server.reset();
  });
}

TEST_F(AdminServerTest, HealthIsTheProgramsToSay) {
  EXPECT_TRUE(Get("/healthz").ends_with("\r\n\r\nok\n"));
  main_->ref().CallAndWait(
      [&] { admin_->SetHealth([] { return absl::UnavailableError("no database"); }); });
  const std::string page = Get("/healthz");
  EXPECT_TRUE(page.starts_with("HTTP/1.1 503 ")) << page;
  EXPECT_TRUE(page.ends_with("\r\n\r\nno database\n"));
}

TEST_F(AdminServerTest, ALoopThatHangsIsNamedAndHoldsNobodyUp) {
  Stop();
  Start(2, {.answer_deadline = milliseconds(50)});
  std::binary_semaphore hanging(0);
  std::binary_semaphore go_on(0);
  pool_->loops()[1]->Post([&] {
    hanging.release();
    go_on.acquire();
  });
  hanging.acquire();
  const std::string metrics = Get("/metrics");
  EXPECT_TRUE(Has(metrics, "\nspindle_loop_answered{loop=\"worker-1\"} 0\n")) << metrics;
  EXPECT_TRUE(Has(metrics, "\nspindle_loop_answered{loop=\"worker-0\"} 1\n"));
  EXPECT_TRUE(Has(Get("/loops"), "\nworker-1  no answer"));
  EXPECT_TRUE(Has(Get("/conns"), "; 1 loops did not answer\n"));
  EXPECT_TRUE(Get("/conns/1.2.3").starts_with("HTTP/1.1 504 "));
  EXPECT_TRUE(Get("/healthz").starts_with("HTTP/1.1 200 "));
  go_on.release();
  Stop();  // Before the semaphores go.
}

TEST_F(AdminServerTest, AServerThatIsGoneHasNoConnections) {
  const OwnedFd client = Client("hello");
  main_->ref().CallAndWait([&] { server_.reset(); });
  EXPECT_TRUE(Has(Get("/conns"), "0 of 0 connections\n"));
  EXPECT_TRUE(Has(Get("/metrics"), "\nspindle_server_accepted_total{server=\"echo\"} 1\n"));
}

TEST_F(AdminServerTest, WrongRequestsAreRefused) {
  const SocketAddress& address = admin_->address();
  EXPECT_TRUE(Get("/nothing").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(
      Ask(address, "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(Ask(address, "hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(Ask(address, std::string(9000, 'x')).starts_with("HTTP/1.1 431 "));
  // A page of a stranger's, by a name that leads here.
  EXPECT_TRUE(Ask(address, "GET /conns HTTP/1.1\r\nHost: evil.example\r\n\r\n")
                  .starts_with("HTTP/1.1 403 "));
}

TEST_F(AdminServerTest, PiecesOfARequestAreOneRequest) {
  const OwnedFd fd = Connect(admin_->address());
  for (const char c : std::string("GET /healthz HTTP/1.0\r\n\r\n")) {
    ASSERT_EQ(send(fd.get(), &c, 1, MSG_NOSIGNAL), 1);
  }
  char data[1024];
  std::string answer;
  ssize_t size;
  while ((size = read(fd.get(), data, sizeof data)) > 0) {
    answer.append(data, static_cast<size_t>(size));
  }
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok\n")) << answer;
}

TEST_F(AdminServerTest, HeadHasNoBody) {
  const std::string answer = Ask(admin_->address(), "HEAD /healthz HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(Has(answer, "Content-Length: 3\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(AdminServerTest, OnlyAtLocalAddresses) {
  main_->ref().CallAndWait([&] {
    for (const char* address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:0"}) {
      const auto admin = AdminServer::Listen(*pool_, *SocketAddress::Parse(address));
      EXPECT_EQ(admin.status().code(), absl::StatusCode::kInvalidArgument) << address;
    }
    EXPECT_TRUE(
        AdminServer::Listen(*pool_, *SocketAddress::Parse("unix:@spindle-admin-test")).ok());
  });
}

}  // namespace
}  // namespace spindle
