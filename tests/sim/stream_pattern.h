#ifndef SPINDLE_TESTS_SIM_STREAM_PATTERN_H_
#define SPINDLE_TESTS_SIM_STREAM_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace spindle {

// The bytes that a connection sends in one direction: known from a key and the position, so that
// whoever receives them can check each one. Immutable.
class StreamPattern {
 public:
  enum class Kind : uint8_t {
    kByPosition,  // Detects what is lost, repeated, or out of order.
    kConstant,    // For writers that do not know the position; detects what is another stream's.
  };

  explicit StreamPattern(Kind kind) : kind_(kind) {}

  Kind kind() const { return kind_; }

  char At(uint32_t key, uint64_t position) const {
    if (kind_ == Kind::kConstant) return static_cast<char>(key % 251);
    return Table()[(key * 7919 + position) % kPeriod];
  }

  std::string Make(uint32_t key, uint64_t position, size_t size) const {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = At(key, position + i);
    return bytes;
  }

  bool Matches(uint32_t key, uint64_t position, std::string_view bytes) const {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != At(key, position + i)) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kPeriod = 65521;

  static const std::vector<char>& Table() {
    static const std::vector<char> table = [] {
      std::vector<char> bytes(kPeriod);
      Random random(7);
      for (char& byte : bytes) byte = static_cast<char>(random.Next());
      return bytes;
    }();
    return table;
  }

  Kind kind_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_STREAM_PATTERN_H_
