#ifndef SPINDLE_NET_LOOP_INTERNAL_OWNED_CALLBACK_H_
#define SPINDLE_NET_LOOP_INTERNAL_OWNED_CALLBACK_H_

#include <utility>

#include "absl/functional/any_invocable.h"

namespace spindle {

// A callback that may destroy its owner, and this object with it, while it runs. What the callback
// captured lives until it returns. One thread at a time.
template <typename... Args>
class OwnedCallback {
 public:
  explicit OwnedCallback(absl::AnyInvocable<void(Args...)> function)
      : function_(std::move(function)) {}
  OwnedCallback(const OwnedCallback&) = delete;
  OwnedCallback& operator=(const OwnedCallback&) = delete;
  ~OwnedCallback() {
    if (destroyed_ != nullptr) *destroyed_ = true;
  }

  // False if this object is gone. Must not be called from inside the callback.
  [[nodiscard]] bool Run(Args... args) {
    bool destroyed = false;
    destroyed_ = &destroyed;
    absl::AnyInvocable<void(Args...)> function = std::move(function_);
    function(std::forward<Args>(args)...);
    if (destroyed) return false;
    destroyed_ = nullptr;
    function_ = std::move(function);
    return true;
  }

 private:
  absl::AnyInvocable<void(Args...)> function_;
  bool* destroyed_ = nullptr;  // Set while it runs.
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_OWNED_CALLBACK_H_
