#include "net/backend/slot_token.h"

#include <atomic>

namespace spindle {

SlotToken SlotToken::Next(int fd) {
  static std::atomic<uint64_t> next_generation{1};
  return SlotToken(fd, next_generation.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace spindle
