// many_sends: sends lines over several connections to an echo server, first one after the other,
// then on all connections at once, and says how long each took.
//
//   many_sends [--connections=N] [--messages=M] HOST PORT
//
// Teaches: SendPlan; opening its connections ahead; one run that begins when another is done; what
// to do with connections that failed.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/loop/event_loop.h"
#include "net/send/send_plan.h"

namespace {

using spindle::SendMode;
using spindle::SendResult;

class Comparison {
 public:
  Comparison(spindle::EventLoop& loop, spindle::SendPlan& plan, uint64_t messages)
      : loop_(loop), plan_(plan), messages_(messages) {}

  void Start() {
    Check(plan_.Open([this](const spindle::OpenResult& opened) {
      if (opened.open == 0) {
        examples::Die(examples::kExitCannotConnect, opened.failures.front().error);
      }
      Send("sequential", SendMode::Sequential(),
           [this] { Send("parallel", SendMode::Parallel(), [this] { loop_.Quit(); }); });
    }));
  }
  int exit_code() const { return exit_code_; }

 private:
  template <class Next>
  void Send(const char* name, SendMode mode, Next next) {
    // The reply is the message, unless a run says otherwise.
    Check(plan_.Run({.messages = messages_,
                     .mode = mode,
                     .message = "Where there is no wind, row.\n",
                     .deadline = std::chrono::minutes(1),
                     .reply_timeout = std::chrono::seconds(10)},
                    [this, name, next](const SendResult& result) {
                      std::printf("%s: %s\n", name, result.ToString().c_str());
                      if (!result.ok()) exit_code_ = examples::kExitFailed;
                      next();
                    }));
  }
  // A run is only refused for what a program has got wrong.
  static void Check(const absl::Status& status) {
    if (!status.ok()) examples::DieOf(status, examples::kExitFailed);
  }

  spindle::EventLoop& loop_;
  spindle::SendPlan& plan_;
  const uint64_t messages_;
  int exit_code_ = examples::kExitOk;
};

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--connections=N] [--messages=M] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const size_t connections = line.Number("--connections", 8);
  if (connections == 0) line.DieOfMisuse("no connections");
  const auto loop = examples::OrDie(spindle::EventLoop::Create());

  spindle::SendPlan plan(*loop, address, {.connections = connections});
  Comparison comparison(*loop, plan, line.Number("--messages", 100));
  comparison.Start();
  if (const absl::Status status = loop->Run(); !status.ok()) examples::DieOf(status);
  return comparison.exit_code();
}
