#include "bench/netcat/flow.h"

#include <errno.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

// A source and a sink that do as they are told, call by call.
struct Ends {
  // What each read brings; "": the end, or an empty packet. After them: -EAGAIN.
  std::deque<std::string> reads = {};
  // The results of writes: how many bytes are taken at most, or a negated errno. After them: all.
  std::deque<ssize_t> writes = {};
  std::vector<std::string> written = {};
  int read_calls = 0;

  Flow Make(FlowOptions options = {}, Flow::Move move = nullptr) {
    return Flow(
        options, [this](std::span<char> block) { return Read(block); },
        [this](std::string_view text) { return Write(text); }, std::move(move));
  }

  std::string all() const {
    std::string text;
    for (const std::string& part : written) text += part;
    return text;
  }

 private:
  ssize_t Read(std::span<char> block) {
    ++read_calls;
    if (reads.empty()) return -EAGAIN;
    std::string& front = reads.front();
    const size_t count = std::min(front.size(), block.size());
    std::memcpy(block.data(), front.data(), count);
    front.erase(0, count);
    if (front.empty()) reads.pop_front();
    return static_cast<ssize_t>(count);
  }

  ssize_t Write(std::string_view text) {
    ssize_t limit = static_cast<ssize_t>(text.size());
    if (!writes.empty()) {
      limit = std::min(limit, writes.front());
      writes.pop_front();
    }
    if (limit < 0) return limit;
    written.emplace_back(text.substr(0, static_cast<size_t>(limit)));
    return limit;
  }
};

TEST(FlowTest, CarriesAllAndEnds) {
  Ends ends{.reads = {"abc", "def", ""}};
  Flow flow = ends.Make();
  EXPECT_EQ(flow.Step(), Flow::State::kEnded);
  EXPECT_EQ(ends.all(), "abcdef");
  EXPECT_EQ(flow.bytes_read(), 6u);
  EXPECT_EQ(flow.bytes_written(), 6u);
}

TEST(FlowTest, ASlowSinkStopsReading) {
  Ends ends{.reads = {"abcdef", "more"}, .writes = {2, -EAGAIN}};
  Flow flow = ends.Make();
  EXPECT_EQ(flow.Step(), Flow::State::kWriting);
  EXPECT_EQ(ends.read_calls, 1);
  EXPECT_EQ(flow.pending(), 4u);
  ends.writes = {-EAGAIN};
  EXPECT_EQ(flow.Step(), Flow::State::kWriting);
  EXPECT_EQ(ends.read_calls, 1);
  EXPECT_EQ(flow.Step(), Flow::State::kReading);
  EXPECT_EQ(ends.all(), "abcdefmore");
}

TEST(FlowTest, HoldsNoMoreThanABlock) {
  Ends ends{.reads = {std::string(1000, 'x')}, .writes = {-EAGAIN}};
  Flow flow = ends.Make({.block = 100});
  flow.Step();
  EXPECT_EQ(flow.pending(), 100u);
}

TEST(FlowTest, OneStepIsBoundedSoThatTheOtherDirectionHasItsTurn) {
  Ends ends{.reads = {std::string(100000, 'x')}};
  Flow flow = ends.Make({.block = 10});
  EXPECT_EQ(flow.Step(), Flow::State::kReading);
  EXPECT_LT(ends.written.size(), 100u);
}

TEST(FlowTest, FailuresSayWhichSide) {
  Ends ends{.reads = {"abc"}, .writes = {1, -EPIPE}};
  Flow flow = ends.Make();
  EXPECT_EQ(flow.Step(), Flow::State::kWriteFailed);
  EXPECT_EQ(flow.error(), EPIPE);
  EXPECT_EQ(flow.pending(), 2u);
  Flow other(
      {}, [](std::span<char>) -> ssize_t { return -EISDIR; },
      [](std::string_view) -> ssize_t { return 0; });
  EXPECT_EQ(other.Step(), Flow::State::kReadFailed);
  EXPECT_EQ(other.error(), EISDIR);
}

TEST(FlowTest, InterruptedCallsAreMadeAgain) {
  Ends ends{.reads = {"abc", ""}, .writes = {-EINTR, 1, -EINTR}};
  Flow flow = ends.Make();
  EXPECT_EQ(flow.Step(), Flow::State::kEnded);
  EXPECT_EQ(ends.all(), "abc");
}

TEST(FlowTest, AnEmptyPacketIsNotTheEnd_U2) {
  Ends ends{.reads = {"a", "", "b"}};
  Flow flow = ends.Make({.packets = true});
  EXPECT_EQ(flow.Step(), Flow::State::kReading);
  EXPECT_EQ(ends.all(), "ab");
}

TEST(FlowTest, TheLimitOfReadsCountsEmptyPackets) {
  Ends ends{.reads = {"a", "", "b", "c"}};
  Flow flow = ends.Make({.packets = true, .read_limit = 3});
  EXPECT_EQ(flow.Step(), Flow::State::kEnded);
  EXPECT_TRUE(flow.limit_reached());
  EXPECT_EQ(ends.all(), "ab");
}

TEST(FlowTest, LineByLine) {
  Ends ends{.reads = {"one\ntw", "o\n\nrest", ""}};
  Flow flow = ends.Make({.by_line = true});
  for (const char* expected : {"one\n", "one\ntwo\n", "one\ntwo\n\n"}) {
    EXPECT_EQ(flow.Step(), Flow::State::kPaused);
    EXPECT_EQ(flow.Step(), Flow::State::kPaused);
    EXPECT_EQ(ends.all(), expected);
    flow.Resume();
  }
  EXPECT_EQ(flow.Step(), Flow::State::kEnded);
  EXPECT_EQ(ends.all(), "one\ntwo\n\nrest");
}

TEST(FlowTest, CrLfAcrossBlocks) {
  Ends ends{.reads = {"a\nb\r", "\nc\r\n\n", "\r", "x\n", ""}};
  Flow flow = ends.Make({.crlf = true});
  while (!flow.is_over()) flow.Step();
  EXPECT_EQ(ends.all(), "a\r\nb\r\nc\r\n\r\n\rx\r\n");
}

TEST(FlowTest, WhatCameEarlyGoesFirst) {
  Ends ends{.reads = {"later", ""}};
  Flow flow = ends.Make();
  flow.Prepend("early ");
  EXPECT_EQ(flow.state(), Flow::State::kWriting);
  EXPECT_EQ(flow.Step(), Flow::State::kEnded);
  EXPECT_EQ(ends.all(), "early later");
}

TEST(FlowTest, MovesByTheKernelUntilThatIsNotPossible) {
  Ends ends{.reads = {"rest", ""}};
  std::deque<Flow::MoveResult> results = {{.count = 10},
                                          {.count = -EAGAIN, .sink_is_full = true},
                                          {.count = -EAGAIN},
                                          {.count = -EINVAL}};
  Flow flow = ends.Make({}, [&results] {
    const Flow::MoveResult result = results.front();
    results.pop_front();
    return result;
  });
  EXPECT_EQ(flow.Step(), Flow::State::kWriting);
  EXPECT_EQ(flow.bytes_written(), 10u);
  EXPECT_EQ(flow.Step(), Flow::State::kReading);
  EXPECT_EQ(flow.Step(), Flow::State::kEnded);
  EXPECT_EQ(ends.all(), "rest");
}

TEST(FlowTest, AMoveThatFailsOrEnds) {
  Ends ends;
  Flow failed = ends.Make({}, [] { return Flow::MoveResult{.count = -EPIPE}; });
  EXPECT_EQ(failed.Step(), Flow::State::kWriteFailed);
  Flow source =
      ends.Make({}, [] { return Flow::MoveResult{.count = -ECONNRESET, .source_failed = true}; });
  EXPECT_EQ(source.Step(), Flow::State::kReadFailed);
  EXPECT_EQ(source.error(), ECONNRESET);
  Flow ended = ends.Make({}, [] { return Flow::MoveResult{}; });
  EXPECT_EQ(ended.Step(), Flow::State::kEnded);
  EXPECT_TRUE(ended.source_ended());
}

}  // namespace
}  // namespace spindle::bench
