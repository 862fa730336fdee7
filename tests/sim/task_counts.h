#ifndef SPINDLE_TESTS_SIM_TASK_COUNTS_H_
#define SPINDLE_TESTS_SIM_TASK_COUNTS_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace spindle {

// Callbacks given away and what became of them: in the end each was destroyed once. One thread.
struct TaskCounts {
  uint64_t made = 0;
  uint64_t run = 0;
  uint64_t run_twice = 0;
  uint64_t destroyed = 0;
  uint64_t destroyed_unrun = 0;

  enum class Times : uint8_t { kOnce, kMany };

  // `function`, counted. This object must outlive the result.
  absl::AnyInvocable<void()> Count(absl::AnyInvocable<void()> function,
                                   Times times = Times::kOnce) {
    ++made;
    return
        [token = std::make_unique<Token>(*this), function = std::move(function), times]() mutable {
          token->Run(times);
          function();
        };
  }

 private:
  class Token {
   public:
    explicit Token(TaskCounts& counts) : counts_(counts) {}
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;
    ~Token() {
      ++counts_.destroyed;
      if (!run_) ++counts_.destroyed_unrun;
    }
    void Run(Times times) {
      if (run_ && times == Times::kOnce) ++counts_.run_twice;
      if (!run_) ++counts_.run;
      run_ = true;
    }

   private:
    TaskCounts& counts_;
    bool run_ = false;
  };
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_TASK_COUNTS_H_
