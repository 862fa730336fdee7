#ifndef SPINDLE_NET_ADMIN_INTERNAL_GATHER_H_
#define SPINDLE_NET_ADMIN_INTERNAL_GATHER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/loop/loop_ref.h"
#include "net/loop/timer.h"

namespace spindle {

// Asks each of `loops` for a T, on its own thread, and hands all answers to `done` in one task of
// `home`, when the last has come or `deadline` has passed; a loop that did not answer by then, or
// is gone, has none. No loop waits for another, and nobody for a loop that hangs. On `home`'s
// thread; if `home` is destroyed before, `done` is not called.
template <typename T>
void Gather(EventLoop& home, const std::vector<LoopRef>& loops, Duration deadline,
            std::function<T(size_t)> ask,
            absl::AnyInvocable<void(std::vector<std::optional<T>>)> done) {
  // Touched on the home loop's thread only.
  struct State {
    EventLoop& home;
    std::vector<std::optional<T>> answers;
    size_t missing;
    absl::AnyInvocable<void(std::vector<std::optional<T>>)> done;  // Null once it was called.
    TimerId timer = {};
    void Finish() {
      home.Cancel(timer);
      std::exchange(done, nullptr)(std::move(answers));
    }
  };
  const auto state = std::make_shared<State>(
      State{home, std::vector<std::optional<T>>(loops.size()), loops.size(), std::move(done)});
  for (size_t i = 0; i < loops.size(); ++i) {
    const bool asked = loops[i].Post([state, i, ask, back = home.ref()] {
      back.Post([state, i, answer = ask(i)]() mutable {
        if (state->done == nullptr) return;  // Too late.
        state->answers[i] = std::move(answer);
        if (--state->missing == 0) state->Finish();
      });
    });
    if (!asked) --state->missing;
  }
  const Duration patience = state->missing == 0 ? Duration::zero() : deadline;
  state->timer = home.RunAfter(patience, [state] { state->Finish(); });
}

}  // namespace spindle

#endif  // SPINDLE_NET_ADMIN_INTERNAL_GATHER_H_
