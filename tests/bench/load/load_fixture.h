#ifndef SPINDLE_TESTS_BENCH_LOAD_LOAD_FIXTURE_H_
#define SPINDLE_TESTS_BENCH_LOAD_LOAD_FIXTURE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "bench/load/load.h"
#include "bench/load/run_until.h"
#include "gtest/gtest.h"
#include "net/loop/event_loop.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {

// Loads on a loop that the test's thread turns. Derived fixtures reset what lives on it in their
// TearDown, before this one's.
class LoadFixture : public LeakCheckTest {
 protected:
  void SetUp() override {
    auto loop = EventLoop::Create({.name = "load"});
    ASSERT_TRUE(loop.ok()) << loop.status();
    loop_ = *std::move(loop);
  }
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  void Until(absl::FunctionRef<bool()> done) { ASSERT_TRUE(RunUntil(*loop_, done).ok()); }

  // True if nothing is to be waited for any more, although `load` is not at its end.
  virtual bool GivenUp(const Load&) const { return false; }

  // Runs `load` until it has counted `messages`, then to its end.
  void RunFor(Load& load, uint64_t messages) {
    load.Connect();
    Until([&] { return load.connected(); });
    load.Start(loop_->Now());
    Until([&] { return load.counts().messages >= messages || load.dead() || GivenUp(load); });
    load.Stop();
    Until([&] { return load.idle() || GivenUp(load); });
  }

  Watchdog watchdog_{std::chrono::seconds(120)};
  std::unique_ptr<EventLoop> loop_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_TESTS_BENCH_LOAD_LOAD_FIXTURE_H_
