#include "bench/top/top_view.h"

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bench/top/top_sample.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace spindle::bench {
namespace {

LoopSample Loop(const std::string& name, double busy, double wait, uint64_t connections) {
  return {.name = name,
          .answered = true,
          .turns = 100,
          .busy_seconds = busy,
          .wait_seconds = wait,
          .connections = connections};
}

TopSample At(int seconds) {
  const TimePoint when = TimePoint() + std::chrono::seconds(seconds);
  return {.loops_at = when, .connections_at = when};
}

TEST(TopViewTest, RatesAreOfTheTimeBetween) {
  TopSample before = At(10);
  before.loops = {Loop("main", 1, 9, 0), Loop("worker", 2, 8, 3)};
  before.connections = {{.id = "1.2.3", .received = 100, .sent = 1000}};
  TopSample now = At(12);
  now.loops = {Loop("main", 1, 11, 0), Loop("worker", 3.5, 8.5, 4)};
  now.loops[1].read_bytes = 4096;
  now.loops[1].turns = 300;
  now.connections = {{.id = "1.2.3", .received = 300, .sent = 1000}, {.id = "1.4.9", .sent = 7}};
  const TopView view = CompareSamples(&before, now, TopSort::kRate, false);
  EXPECT_DOUBLE_EQ(view.interval_seconds.value(), 2);
  EXPECT_DOUBLE_EQ(view.loops[0].busy.value(), 0);
  EXPECT_DOUBLE_EQ(view.loops[1].busy.value(), 0.75);
  EXPECT_DOUBLE_EQ(view.loops[1].read_bytes.value(), 2048);
  EXPECT_DOUBLE_EQ(view.loops[1].turns.value(), 100);
  ASSERT_EQ(view.connections.size(), 2u);
  EXPECT_EQ(view.connections[0].now.id, "1.2.3");
  EXPECT_DOUBLE_EQ(view.connections[0].received.value(), 100);
  EXPECT_DOUBLE_EQ(view.connections[0].sent.value(), 0);
  EXPECT_FALSE(view.connections[1].received.has_value()) << "it is new";
}

TEST(TopViewTest, AServerThatWasStartedAgainHasNoRates) {
  TopSample before = At(10);
  before.loops = {Loop("main", 5, 5, 0)};
  before.connections = {{.id = "0.1.1", .received = 100}};
  TopSample now = At(11);
  now.loops = {Loop("main", 1, 1, 0)};
  now.loops[0].turns = 3;
  now.connections = {{.id = "0.1.1", .received = 1}};
  const TopView view = CompareSamples(&before, now, TopSort::kRate, false);
  EXPECT_FALSE(view.loops[0].busy.has_value());
  EXPECT_FALSE(view.loops[0].turns.has_value());
  EXPECT_FALSE(view.connections[0].received.has_value());
  EXPECT_FALSE(CompareSamples(nullptr, now, TopSort::kRate, false).loops[0].turns.has_value());
}

TEST(TopViewTest, ImbalanceIsTheMostByTheMeanOfTheLoopsThatServe) {
  TopSample before = At(1);
  before.loops = {Loop("main", 0, 0, 0), Loop("a", 0, 0, 0), Loop("b", 0, 0, 0)};
  TopSample now = At(2);
  now.loops = {Loop("main", 0.9, 0.1, 50), Loop("a", 0.6, 0.4, 30), Loop("b", 0.2, 0.8, 10)};
  Imbalance imbalance = CompareSamples(&before, now, TopSort::kId, false).imbalance;
  EXPECT_DOUBLE_EQ(imbalance.connections.value(), 1.5);
  EXPECT_DOUBLE_EQ(imbalance.busy.value(), 1.5);
  // One that hangs has no say; nor has one alone.
  now.loops[2].answered = false;
  imbalance = CompareSamples(&before, now, TopSort::kId, false).imbalance;
  EXPECT_FALSE(imbalance.connections.has_value());
  now.loops.resize(1);
  EXPECT_FALSE(CompareSamples(&before, now, TopSort::kId, false).imbalance.busy.has_value());
  // Nothing anywhere is no imbalance.
  now.loops = {Loop("main", 0, 1, 9), Loop("a", 0, 1, 0), Loop("b", 0, 1, 0)};
  EXPECT_FALSE(CompareSamples(&before, now, TopSort::kId, false).imbalance.connections.has_value());
}

TEST(TopViewTest, EachSortPutsTheMostFirst) {
  TopSample before = At(1);
  before.connections = {{.id = "0.2.1"}, {.id = "0.1.2"}, {.id = "0.9.10"}};
  TopSample now = At(2);
  now.connections = {
      {.id = "0.2.1", .received = 10, .sent = 0, .queued = 5, .unread = 0, .age_seconds = 30},
      {.id = "0.1.2", .received = 5, .sent = 50, .queued = 0, .unread = 9, .age_seconds = 20},
      {.id = "0.9.10", .received = 20, .sent = 1, .queued = 1, .unread = 3, .age_seconds = 10}};
  const auto first = [&](TopSort sort, bool reversed = false) {
    return CompareSamples(&before, now, sort, reversed).connections.front().now.id;
  };
  EXPECT_EQ(first(TopSort::kRate), "0.1.2");
  EXPECT_EQ(first(TopSort::kBytes), "0.1.2");
  EXPECT_EQ(first(TopSort::kRead), "0.9.10");
  EXPECT_EQ(first(TopSort::kWrite), "0.1.2");
  EXPECT_EQ(first(TopSort::kQueued), "0.2.1");
  EXPECT_EQ(first(TopSort::kUnread), "0.1.2");
  EXPECT_EQ(first(TopSort::kAge), "0.2.1");
  EXPECT_EQ(first(TopSort::kId), "0.2.1") << "by number, in the order of their beginning";
  EXPECT_EQ(first(TopSort::kId, true), "0.9.10");
}

TEST(TopViewTest, JsonHasNullForWhatIsNotKnown) {
  TopSample now = At(2);
  now.loops = {Loop("main", 0, 1, 3)};
  now.connections = {{.id = "0.1.1", .peer = "\xff"}};
  const auto json =
      nlohmann::json::parse(TopJson(CompareSamples(nullptr, now, TopSort::kId, false)));
  EXPECT_EQ(json["schema"], "spindle.top/1");
  EXPECT_TRUE(json["interval_s"].is_null());
  EXPECT_TRUE(json["loops"][0]["busy"].is_null());
  EXPECT_EQ(json["loops"][0]["connections"], 3);
  EXPECT_EQ(json["connections"][0]["id"], "0.1.1");
}

TEST(TopSampleTest, PagesAreReadAndWhatIsMissingIsZero) {
  const auto loops = ParseLoops(
      R"({"loops":[{"name":"a","answered":true,"turns_total":7,"busy_seconds_total":0.5,)"
      R"("connections":2},{"name":"b","answered":false},{"turns_total":-1,"name":3}]})");
  ASSERT_TRUE(loops.ok()) << loops.status();
  ASSERT_EQ(loops->size(), 3u);
  EXPECT_EQ((*loops)[0].turns, 7u);
  EXPECT_EQ((*loops)[0].busy_seconds, 0.5);
  EXPECT_FALSE((*loops)[1].answered);
  EXPECT_EQ((*loops)[2].turns, 0u);
  EXPECT_EQ((*loops)[2].name, "");
  TopSample sample;
  ASSERT_TRUE(ParseConnections(R"({"total":9,"silent_loops":1,"connections":[{"id":"1.2.3",)"
                               R"("paused":true,"age_seconds":4,"received":5}]})",
                               sample)
                  .ok());
  EXPECT_EQ(sample.connections_total, 9u);
  EXPECT_EQ(sample.silent_loops, 1u);
  EXPECT_TRUE(sample.connections[0].paused);
  EXPECT_EQ(sample.connections[0].received, 5u);
}

TEST(TopSampleTest, OtherPagesAreRefused) {
  TopSample sample;
  for (const char* body : {"", "x", "{}", "[]", "{\"loops\":3}", "{\"loops\":[1]}", "null",
                           "{\"connections\":{}}", "{\"connections\":[[]]}"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseLoops(body).status())) << body;
    EXPECT_TRUE(absl::IsInvalidArgument(ParseConnections(body, sample))) << body;
  }
}

}  // namespace
}  // namespace spindle::bench
