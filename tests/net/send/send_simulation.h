#ifndef SPINDLE_TESTS_NET_SEND_SEND_SIMULATION_H_
#define SPINDLE_TESTS_NET_SEND_SEND_SIMULATION_H_

#include <memory>
#include <optional>
#include <utility>

#include "gtest/gtest.h"
#include "net/loop/simulation.h"
#include "net/send/send_plan.h"
#include "tests/net/send/line_server.h"
#include "tests/testing/leak_check.h"

namespace spindle {

// A plan and a line server on one simulated machine with virtual time.
class SendSimulation : public LeakCheckTest {
 protected:
  static constexpr Duration kMs = std::chrono::milliseconds(1);

  // Each chunk travels for `delay`.
  void Build(Duration think, Duration delay = Duration::zero()) {
    sim_ = std::make_unique<Simulation>(
        SimOptions{.faults = {}, .delay_min = delay, .delay_max = delay});
    EventLoop& server_loop = sim_->AddLoop("server");
    home_ = &sim_->AddLoop("home");
    server_ = std::make_unique<LineServer>(server_loop, think);
  }
  void MakePlan(SendPlanOptions options) {
    plan_ = std::make_unique<SendPlan>(*home_, server_->address(), std::move(options));
  }
  void TearDown() override {
    plan_.reset();
    server_.reset();
    sim_.reset();
    LeakCheckTest::TearDown();
  }

  // The lines "C.I", which come back.
  static SendRun Numbered(uint64_t messages, SendMode mode) {
    auto lines = std::make_shared<NumberedLines>(64, messages);
    return {
        .messages = messages, .mode = mode, .message = [lines](size_t connection, uint64_t index) {
          return MessageBytes{lines->Line(connection, index)};
        }};
  }

  SendResult Run(SendRun run) {
    result_.reset();
    const absl::Status status = plan_->Run(std::move(run), [this](const SendResult& result) {
      EXPECT_FALSE(result_.has_value()) << "done twice";
      result_ = result;
    });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_TRUE(sim_->RunUntil([&] { return result_.has_value(); }, std::chrono::hours(1)));
    return result_.value_or(SendResult());
  }

  OpenResult Open() {
    std::optional<OpenResult> opened;
    EXPECT_TRUE(plan_->Open([&](const OpenResult& result) { opened = result; }).ok());
    EXPECT_TRUE(sim_->RunUntil([&] { return opened.has_value(); }, std::chrono::hours(1)));
    return opened.value_or(OpenResult());
  }

  std::unique_ptr<Simulation> sim_;
  EventLoop* home_ = nullptr;
  std::unique_ptr<LineServer> server_;
  std::unique_ptr<SendPlan> plan_;
  std::optional<SendResult> result_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_NET_SEND_SEND_SIMULATION_H_
