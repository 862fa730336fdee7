// Handles: from other threads, in order, and harmless afterwards.

#include <errno.h>

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/served_test.h"

namespace spindle {
namespace {

class HandleTest : public ServedTest {
 protected:
  // A server that remembers the handle of its first connection, and a connected client.
  void Start(ConnectionCallbacks client) {
    ConnectionCallbacks server;
    server.on_open = [this](Connection& c) {
      const ConnectionHandle handle = c.handle();
      EXPECT_EQ(handle.id(), c.id());
      EXPECT_EQ(handle.Get(), &c);
      if (known_) return;  // Later ones come on other threads.
      handle_ = handle;
      known_ = true;
    };
    server.on_bytes = [](Connection&, Buffer& in) { in.Clear(); };
    Listen(std::move(server));
    client_ = &Connect(std::move(client));
    ASSERT_TRUE(env_->RunUntil([&] { return known_ && client_audit_.opened() == 1; }));
  }
  void TearDown() override {
    handle_ = ConnectionHandle();
    ServedTest::TearDown();
  }

  StreamClient* client_ = nullptr;  // Of clients_.
  ConnectionHandle handle_;
  std::atomic<bool> known_{false};
};

TEST_P(HandleTest, WriteBeforeCloseIsSent_D4) {
  RecordReader reader;
  Start({.on_bytes = [&](Connection&, Buffer& in) {
    reader.Feed(in.ToString());
    in.Clear();
  }});
  RecordWriter writer;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(handle_.Write(writer.Next(50'000)));
  Buffer last(writer.Next(10));
  EXPECT_TRUE(handle_.Write(std::move(last)));
  EXPECT_TRUE(handle_.Close());
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.records(), 101u);
}

TEST_P(HandleTest, WriteAfterTheEndReportsEpipe_D4) {
  Start({});
  int epipe = 0;
  EXPECT_TRUE(handle_.Abort());
  EXPECT_TRUE(handle_.Write("late", [&](IoError error) { epipe += error.code() == EPIPE; }));
  ASSERT_TRUE(RunUntilClosed());
  ASSERT_TRUE(env_->RunUntil([&] {
    int seen = 0;
    handle_.loop().CallAndWait([&] { seen = epipe; });
    return seen == 1;
  }));
  EXPECT_EQ(server_audit_.sent(), 0u);
}

TEST_P(HandleTest, CallsAreOrderedWithPost) {
  Start({});
  std::vector<int> order;
  std::atomic<bool> done{false};
  const LoopRef& loop = handle_.loop();
  for (int i = 0; i < 50; i += 2) {
    EXPECT_TRUE(loop.Post([&, i] { order.push_back(i); }));
    EXPECT_TRUE(handle_.Run([&, i](Connection&) { order.push_back(i + 1); }));
  }
  EXPECT_TRUE(loop.Post([&] { done = true; }));
  ASSERT_TRUE(env_->RunUntil([&] { return done.load(); }));
  ASSERT_EQ(order.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_P(HandleTest, HandleOutlivesConnectionServerAndLoop_D1) {
  Start({});
  const ConnectionHandle copy = handle_;
  EXPECT_EQ(copy, handle_);
  server_.reset();
  bool ran = false;
  copy.Run([&](Connection&) { ran = true; });
  env_->Settle();
  clients_.clear();
  env_->DestroyLoops();
  EXPECT_FALSE(copy.Run([&](Connection&) { ran = true; }));
  EXPECT_FALSE(copy.Write("x"));
  EXPECT_FALSE(copy.Close());
  EXPECT_FALSE(copy.Abort());
  EXPECT_EQ(copy.Get(), nullptr);
  EXPECT_FALSE(ran);
}

TEST_P(HandleTest, DefaultMadeHandleDoesNothing) {
  const ConnectionHandle none;
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.Write("x"));
  EXPECT_FALSE(none.Close());
  EXPECT_EQ(none.Get(), nullptr);
}

// Inside a function given to Run, the connection stays valid though its server is destroyed.
TEST_P(HandleTest, ConnectionOutlivesItsServerInsideRun_D1) {
  Start({});
  std::atomic<bool> ran{false};
  handle_.Run([&](Connection& c) {
    server_.reset();
    EXPECT_TRUE(c.closed());
    EXPECT_EQ(c.Write("x").code(), EPIPE);
    EXPECT_EQ(c.ledger().sent, 0u);
    ran = true;
  });
  ASSERT_TRUE(env_->RunUntil([&] { return ran.load(); }));
  ASSERT_TRUE(RunUntilClosed());
}

TEST_P(HandleTest, WritesInsideRunAreSent) {
  std::string received;
  Start({.on_bytes = [&](Connection&, Buffer& in) {
    received += in.ToString();
    in.Clear();
  }});
  handle_.Run([](Connection& c) {
    c.Write("abc");
    c.ShutdownWrite();
  });
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, "abc");
}

TEST_P(HandleTest, ClosedFromFourThreadsOnce_D3) {
  if (env_->simulated()) GTEST_SKIP() << "one thread only";
  Start({});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        handle_.Write("x");
        if (i % 4 == t) handle_.Close();
        if (i == 150) handle_.Abort();
        handle_.PauseReading();
        handle_.ResumeReading();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(RunUntilClosed());
}

// Four threads write numbered records to one connection: each thread's come in its order, whole.
TEST_P(HandleTest, RecordsOfFourThreadsStayWhole_R1) {
  if (env_->simulated()) GTEST_SKIP() << "one thread only";
  Buffer received;
  Start({.on_bytes = [&](Connection&, Buffer& in) { received.Append(std::move(in)); }});
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      RecordWriter writer(t);
      for (size_t i = 0; i < 200; ++i) EXPECT_TRUE(handle_.Write(writer.Next(i * 13 % 5000)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  handle_.Close();
  ASSERT_TRUE(RunUntilClosed());
  std::vector<std::unique_ptr<RecordReader>> readers;
  for (uint32_t t = 0; t < 4; ++t) readers.push_back(std::make_unique<RecordReader>(t));
  while (!received.empty()) {
    const uint32_t stream = *received.PeekBig32();
    const size_t size = RecordHeader::kSize + *received.PeekBig32(8);
    ASSERT_LT(stream, 4u);
    ASSERT_LE(size, received.size());
    ASSERT_TRUE(readers[stream]->Feed(received.Peek(size)));
    received.Consume(size);
  }
  for (const auto& reader : readers) EXPECT_EQ(reader->records(), 200u);
}

TEST_P(HandleTest, IdsAreNeverGivenTwice) {
  Start({});
  std::set<std::string> ids = {handle_.id().ToString()};
  for (int i = 0; i < 50; ++i) {
    const uint64_t before = server_audit_.opened();
    StreamAudit audit;
    StreamClient next(env_->client_loop(), server_->address(), audit.Watch({}));
    next.Connect();
    ASSERT_TRUE(env_->RunUntil(
        [&] { return audit.opened() == 1 && server_audit_.opened() == before + 1; }));
    EXPECT_TRUE(ids.insert(next.connection()->id().ToString()).second);
    next.connection()->Abort();
    ASSERT_TRUE(env_->RunUntil([&] { return audit.closed() == 1; }));
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, HandleTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
