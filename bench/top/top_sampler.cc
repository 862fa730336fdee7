#include "bench/top/top_sampler.h"

#include <utility>

#include "base/check.h"
#include "base/strings.h"

namespace spindle::bench {

void TopSampler::Take(std::string_view sort, Callback callback) {
  SPINDLE_CHECK(!callback_);
  callback_ = std::move(callback);
  sample_ = TopSample();
  client_.Get("/loops?format=json",
              [this, sort = std::string(sort)](absl::StatusOr<std::string> body) {
                OnLoops(sort, std::move(body));
              });
}

void TopSampler::OnLoops(const std::string& sort, absl::StatusOr<std::string> body) {
  if (!body.ok()) return std::exchange(callback_, nullptr)(body.status());
  absl::StatusOr<std::vector<LoopSample>> loops = ParseLoops(*body);
  if (!loops.ok()) return std::exchange(callback_, nullptr)(loops.status());
  sample_.loops = *std::move(loops);
  sample_.loops_at = loop_.Now();
  client_.Get(Concat("/conns?format=json&limit=", limit_, "&sort=", sort),
              [this](absl::StatusOr<std::string> page) { OnConnections(std::move(page)); });
}

void TopSampler::OnConnections(absl::StatusOr<std::string> body) {
  absl::Status status = body.ok() ? ParseConnections(*body, sample_) : body.status();
  sample_.connections_at = loop_.Now();
  if (!status.ok()) return std::exchange(callback_, nullptr)(status);
  std::exchange(callback_, nullptr)(std::move(sample_));
}

}  // namespace spindle::bench
