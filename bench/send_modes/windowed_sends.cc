#include "bench/send_modes/windowed_sends.h"

#include <utility>

namespace spindle::bench {

WindowedSends::WindowedSends(SenderPool& pool, size_t window, uint64_t messages_per_connection)
    : pool_(pool), window_(window), left_(pool.size(), messages_per_connection) {
  if (messages_per_connection == 0) return;
  for (size_t i = 0; i < left_.size(); ++i) waiting_.push_back(i);
}

WindowedSends::~WindowedSends() { pool_.SetListener(nullptr); }

void WindowedSends::Start() {
  pool_.SetListener(this);
  started_ = true;
  start_ = last_reply_ = pool_.loop().Now();
  Fill();
}

void WindowedSends::OnReply(size_t connection, Duration latency) {
  --in_flight_;
  ++answered_;
  latency_.Record(latency);
  if (left_[connection] > 0) waiting_.push_back(connection);
  Fill();
  if (in_flight_ == 0) last_reply_ = pool_.loop().Now();
}

void WindowedSends::OnLost(size_t connection) {
  --in_flight_;
  ++lost_;
  GiveUp(connection);
  Fill();
  if (in_flight_ == 0) last_reply_ = pool_.loop().Now();
}

void WindowedSends::Fill() {
  while (in_flight_ < window_ && !waiting_.empty()) {
    const size_t connection = waiting_.front();
    waiting_.pop_front();
    if (pool_.Send(connection)) {
      --left_[connection];
      ++in_flight_;
    } else {
      GiveUp(connection);
    }
  }
}

void WindowedSends::GiveUp(size_t connection) { lost_ += std::exchange(left_[connection], 0); }

}  // namespace spindle::bench
