#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_BYTE_QUEUE_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_BYTE_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "base/check.h"

namespace spindle {

// Bytes in, bytes out, in order; some may be dropped. Amortised one copy per byte taken.
// One thread at a time.
class SimByteQueue {
 public:
  size_t size() const { return bytes_.size() - head_; }

  void Append(const char* data, size_t length) { bytes_.insert(bytes_.end(), data, data + length); }

  // `into` may be null: the bytes are dropped.
  void TakeFront(char* into, size_t length) {
    SPINDLE_CHECK(length <= size());
    if (into != nullptr && length > 0) std::memcpy(into, bytes_.data() + head_, length);
    head_ += length;
    if (head_ == bytes_.size()) {
      Reset();
    } else if (head_ > kCompactAt && head_ > bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
  }

  // Drops `length` bytes behind the first `offset`.
  void DropAt(size_t offset, size_t length) {
    SPINDLE_CHECK(offset + length <= size());
    const auto from = bytes_.begin() + static_cast<ptrdiff_t>(head_ + offset);
    bytes_.erase(from, from + static_cast<ptrdiff_t>(length));
    if (size() == 0) Reset();
  }

  void DropBack(size_t length) {
    SPINDLE_CHECK(length <= size());
    bytes_.resize(bytes_.size() - length);
    if (size() == 0) Reset();
  }

 private:
  static constexpr size_t kCompactAt = 4096;

  void Reset() {
    bytes_.clear();
    head_ = 0;
  }

  std::vector<char> bytes_;
  size_t head_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_BYTE_QUEUE_H_
