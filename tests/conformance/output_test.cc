// Output in all its forms, backpressure and limits, on every machine.

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/record_stream.h"
#include "tests/testing/served_test.h"

namespace spindle {
namespace {

class OutputTest : public ServedTest {
 protected:
  void Start(ConnectionCallbacks server, ConnectionCallbacks client,
             StreamClientOptions client_options = {}) {
    Listen(std::move(server));
    client_ = &Connect(std::move(client), std::move(client_options));
  }

  StreamClient* client_ = nullptr;  // Of clients_.
};

OwnedFd FileOf(std::string_view content) {
  OwnedFd file(memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(write(file.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  return file;
}

// Records by Write, Writev, WriteChunk, Write(Buffer) and SendFile in turn.
void SendInAllWays(Connection& connection, RecordWriter& writer, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const size_t size = static_cast<size_t>(i) * 997 % 70'000;
    EXPECT_TRUE(connection.Write(writer.Next(size)).ok());
    const std::string record = writer.Next(size / 3);
    const std::string_view view = record;
    EXPECT_TRUE(connection.Writev({view.substr(0, 7), view.substr(7, 0), view.substr(7)}).ok());
    const std::string chunk = writer.Next(size / 2);
    EXPECT_TRUE(
        connection.WriteChunk(Chunk::CopyOf(std::string("..") + chunk + "!"), 2, 2 + chunk.size())
            .ok());
    Buffer buffer(writer.Next(10));
    buffer.Append(writer.Next(size));
    EXPECT_TRUE(connection.Write(std::move(buffer)).ok());
    EXPECT_TRUE(buffer.empty());
    const std::string in_file = writer.Next(size + 1);
    EXPECT_TRUE(connection.SendFile(FileOf("head" + in_file + "tail"), 4, in_file.size()).ok());
    if (i % 3 == 0) {
      const std::string second = writer.Next(100);
      EXPECT_TRUE(connection.SendFile(FileOf(second), 0, second.size()).ok());
    }
    EXPECT_TRUE(connection.SendFile(OwnedFd(), 0, 0).ok());
    EXPECT_TRUE(connection.Write("").ok());
  }
}

TEST_P(OutputTest, AllWaysToWriteKeepTheirOrder_R1) {
  RecordReader reader;
  RecordWriter writer;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               in.ForEachSegment([&](std::string_view piece) { reader.Feed(piece); });
               in.Clear();
             }},
        {.on_open =
             [&](Connection& c) {
               SendInAllWays(c, writer, 60);
               c.Close();
             }},
        {.connection = {.send_buffer = 65536}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.records(), 60u * 6 + 20);
}

TEST_P(OutputTest, PausedReaderGetsNothingAndThenAll_R9) {
  RecordReader reader;
  RecordWriter writer;
  ConnectionHandle server_side;
  std::atomic<bool> known{false};
  std::atomic<bool> may_read{false};
  Start({.on_open =
             [&](Connection& c) {
               c.PauseReading();
               EXPECT_TRUE(c.reading_paused());
               server_side = c.handle();
               known = true;
             },
         .on_bytes =
             [&](Connection&, Buffer& in) {
               EXPECT_TRUE(may_read);
               reader.Feed(in.ToString());
               in.Clear();
             }},
        {.on_open = [&](Connection& c) {
          for (int i = 0; i < 40; ++i) c.Write(writer.Next(100'000));
          c.Close();
        }});
  ASSERT_TRUE(env_->RunUntil([&] { return known && client_audit_.opened() == 1; }));
  env_->Settle();
  may_read = true;
  EXPECT_TRUE(server_side.ResumeReading());
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.records(), 40u);
}

// Pauses and resumes at every message, from inside and from a task.
TEST_P(OutputTest, PausingAtEveryMessageLosesNothing_R9) {
  RecordReader reader;
  Start({.on_bytes =
             [&](Connection& c, Buffer& in) {
               reader.Feed(in.ToString());
               in.Clear();
               c.PauseReading();
               c.handle().ResumeReading();
             }},
        {.on_open = [&](Connection& c) {
          RecordWriter writer;
          for (int i = 0; i < 40; ++i) c.Write(writer.Next(100'000));
          c.Close();
        }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.records(), 40u);
}

// Reading pauses at the high mark, and what came meanwhile rings no second time: falling to the low
// mark must look for it.
TEST_P(OutputTest, QuestionThatCameAboveTheHighMarkIsAnswered_R9) {
  size_t received = 0;
  bool asked = false;
  Start({.on_bytes =
             [](Connection& c, Buffer& in) {
               // The second of them finds the first one's answer still on its way.
               for (size_t i = in.size(); i > 0; --i) c.Write(std::string(4'000'000, 'a'));
               in.Clear();
             }},
        {.on_open = [](Connection& c) { c.Write("1"); },
         .on_bytes =
             [&](Connection& c, Buffer& in) {
               received += in.size();
               in.Clear();
               if (!std::exchange(asked, true)) c.Write("2");
               if (received == 8'000'000) c.Close();
             }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, 8'000'000u);
}

TEST_P(OutputTest, WaterMarksPauseAndResumeTheProducer_R8) {
  size_t received = 0;
  size_t highest = 0;
  int pauses = 0;
  int resumes = 0;
  int drained = 0;
  size_t written = 0;
  constexpr size_t kTotal = 20 * 1024 * 1024;
  const auto produce = [&](Connection& c) {
    while (written < kTotal && pauses == resumes && c.output_queued() <= 200'000) {
      c.Write(std::string(50'000, 'x'));
      written += 50'000;
      highest = std::max(highest, c.output_queued());
    }
    if (written >= kTotal) c.Close();
  };
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             }},
        {.on_open = produce,
         .on_pause =
             [&](Connection& c) {
               EXPECT_EQ(++pauses, resumes + 1);
               EXPECT_GT(c.output_queued(), 100'000u);
               EXPECT_TRUE(c.reading_paused());
             },
         .on_resume =
             [&](Connection& c) {
               EXPECT_EQ(++resumes, pauses);
               EXPECT_LE(c.output_queued(), 20'000u);
               EXPECT_FALSE(c.reading_paused());
               produce(c);
             },
         .on_drained =
             [&](Connection& c) {
               ++drained;
               EXPECT_EQ(c.output_queued(), 0u);
               produce(c);
             }},
        {.connection = {.high_water_mark = 100'000, .low_water_mark = 20'000}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, written);
  EXPECT_LE(highest, 250'001u);
  EXPECT_GT(drained, 0);
  EXPECT_GT(pauses, 0);
}

TEST_P(OutputTest, OutputLimitRefuses_R8) {
  size_t received = 0;
  size_t taken = 0;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             }},
        {.on_open =
             [&](Connection& c) {
               while (c.Write(std::string(1000, 'x')).ok()) taken += 1000;
               EXPECT_EQ(c.Writev({"a", std::string(1000, 'y')}).code(), ENOBUFS);
               EXPECT_EQ(c.output_queued(), taken);
               EXPECT_FALSE(c.closed());
               c.Close();
             }},
        {.connection = {.high_water_mark = 1000,
                        .low_water_mark = 0,
                        .output_limit = 100'000,
                        .output_limit_policy = OutputLimitPolicy::kRefuse}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(taken, 100'000u);
  EXPECT_EQ(received, taken);
}

TEST_P(OutputTest, OutputLimitCloses_R8) {
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.on_open =
             [](Connection& c) {
               while (c.Write(std::string(1000, 'x')).ok()) {
               }
               EXPECT_TRUE(c.closed());
               EXPECT_EQ(c.Write("y").code(), EPIPE);
             }},
        {.connection = {.high_water_mark = 1000, .low_water_mark = 0, .output_limit = 100'000}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(client_audit_.closed(CloseKind::kOutputLimit), 1u);
  EXPECT_EQ(client_audit_.discarded(), 100'000u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerReset), 1u);
}

// A file larger than the limit takes no memory: what is written after it is not refused.
TEST_P(OutputTest, FilesDoNotCountAgainstTheOutputLimit_R8) {
  size_t received = 0;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             }},
        {.on_open =
             [](Connection& c) {
               EXPECT_TRUE(c.SendFile(FileOf(std::string(300'000, 'f')), 0, 300'000).ok());
               EXPECT_TRUE(c.Write("trailer").ok());
               c.Close();
             }},
        {.connection = {.high_water_mark = 1000, .low_water_mark = 0, .output_limit = 100'000}});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, 300'007u);
  EXPECT_EQ(client_audit_.closed(CloseKind::kLocalClose), 1u);
}

TEST_P(OutputTest, FileThatIsTooShortEndsTheConnection) {
  Start({.on_bytes = [](Connection&, Buffer& in) { in.Clear(); }},
        {.on_open = [](Connection& c) { EXPECT_TRUE(c.SendFile(FileOf("short"), 0, 100).ok()); }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(client_audit_.last_reason(),
            (CloseReason{CloseKind::kIoError, IoError(EIO, IoOp::kSendFile)}));
  EXPECT_EQ(client_audit_.sent(), 5u);
  EXPECT_EQ(client_audit_.discarded(), 95u);
  EXPECT_EQ(server_audit_.closed(CloseKind::kPeerReset), 1u);
}

// A chunk handed out by a connection is usable after the connection has ended, and is not what the
// next one's bytes are read into.
TEST_P(OutputTest, InputOutlivesItsConnection_D6) {
  Buffer kept;
  const auto say = [](char letter) {
    return ConnectionCallbacks{.on_open = [letter](Connection& c) {
      c.Write(std::string(30'000, letter));
      c.ShutdownWrite();
    }};
  };
  Start({.on_bytes =
             [&](Connection& c, Buffer& in) {
               if (kept.empty()) kept.Append(std::move(in));
               in.Clear();
               c.Close();
             }},
        say('k'));
  ASSERT_TRUE(RunUntilClosed());
  for (uint64_t closed = 2; closed <= 5; ++closed) {
    clients_.clear();
    Connect(say('z'));
    ASSERT_TRUE(RunUntilClosed(closed));
  }
  clients_.clear();
  server_.reset();
  env_.reset();
  const std::string text = kept.ToString();
  EXPECT_FALSE(text.empty());
  EXPECT_EQ(text, std::string(text.size(), 'k'));
}

// One chunk in many queues: shared, and released when the last is done with it.
TEST_P(OutputTest, SharedChunkIsReleasedOnce_D5) {
  auto released = std::make_shared<std::atomic<int>>(0);
  std::string content(200'000, 's');
  ChunkRef chunk = Chunk::Wrap(content, [released] { ++*released; });
  size_t received = 0;
  Start({.on_bytes =
             [&](Connection&, Buffer& in) {
               received += in.size();
               in.Clear();
             }},
        {.on_open = [&](Connection& c) {
          for (int i = 0; i < 5; ++i) EXPECT_TRUE(c.WriteChunk(chunk, 0, content.size()).ok());
          chunk.reset();
          c.Close();
        }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(received, 5 * content.size());
  EXPECT_EQ(*released, 1);
}

INSTANTIATE_TEST_SUITE_P(Machines, OutputTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
