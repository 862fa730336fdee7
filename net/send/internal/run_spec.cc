#include "net/send/internal/run_spec.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace spindle {
namespace {

// From so many bytes on sharing a chunk costs less than copying.
constexpr size_t kShareFrom = 16 * 1024;

template <class Function, class Variant>
bool HoldsNull(const Variant& variant) {
  const Function* const function = std::get_if<Function>(&variant);
  return function != nullptr && *function == nullptr;
}

template <class Variant>
bool HoldsEmptyText(const Variant& variant) {
  const std::string* const text = std::get_if<std::string>(&variant);
  return text != nullptr && text->empty();
}

}  // namespace

RunSpec::RunSpec(SendRun run)
    : run_(std::move(run)),
      pipeline_(static_cast<size_t>(std::min<uint64_t>(run_.mode.pipeline, run_.messages))) {
  const std::string* const fixed = std::get_if<std::string>(&run_.message);
  if (fixed == nullptr || fixed->size() < kShareFrom) return;
  shared_ = Chunk::CopyOf(*fixed);  // Null above 1 GiB: then it is copied each time.
}

absl::Status RunSpec::Check(const SendRun& run, size_t loops) {
  if (HoldsEmptyText(run.message) || HoldsNull<MessageFunction>(run.message)) {
    return absl::InvalidArgumentError("a run needs a message");
  }
  if (HoldsEmptyText(run.reply) || HoldsNull<MessageFunction>(run.reply) ||
      HoldsNull<ReplyFunction>(run.reply)) {
    return absl::InvalidArgumentError("a run needs a reply to wait for");
  }
  if (run.mode.window == 0 || run.mode.pipeline == 0) {
    return absl::InvalidArgumentError("a window or pipeline of zero sends nothing");
  }
  if (run.mode.window < loops) {
    return absl::InvalidArgumentError(
        ToAbsl(Concat("a window of ", run.mode.window, " over ", loops, " loops")));
  }
  return absl::OkStatus();
}

}  // namespace spindle
