#ifndef SPINDLE_TESTS_NET_TYPES_BUFFER_MODEL_H_
#define SPINDLE_TESTS_NET_TYPES_BUFFER_MODEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "net/types/buffer.h"

namespace spindle::testing {

// Three buffers, each next to the std::string that it should equal, and operations on them that a
// stream of numbers chooses: random ones in the model test, the input of the fuzzer there.
//
// One thread. Whatever the numbers, a difference ends the process by a CHECK that names it.
class BufferModel {
 public:
  // `choose(limit)` returns a number below `limit` (which is not 0); `ended()` tells that there are
  // no more, after which choose returns 0.
  BufferModel(std::function<uint64_t(uint64_t limit)> choose, std::function<bool()> ended)
      : choose_(std::move(choose)), ended_(std::move(ended)) {}

  // Runs up to `operations` operations.
  void Run(size_t operations);

 private:
  struct Pair {
    Buffer buffer;
    std::string model;
  };

  void Step();
  void Add(Pair& pair, Pair& other);
  void AddChunk(Pair& pair);
  void AddReserved(Pair& pair);
  void AddAndReadIntegers(Pair& pair);
  void Remove(Pair& pair, Pair& other);
  void Look(Pair& pair);
  void LookForText(const Pair& pair);
  void LookAtIovecs(const Pair& pair);
  void Compare(const Pair& pair, bool whole) const;

  size_t Size();
  size_t AnySize(const Pair& pair);
  std::string Text(size_t size);

  const std::function<uint64_t(uint64_t)> choose_;
  const std::function<bool()> ended_;
  std::array<Pair, 3> pairs_;
  std::string external_ = std::string(5000, 'e');  // what wrapped chunks refer to
  uint64_t step_ = 0;
};

}  // namespace spindle::testing

#endif  // SPINDLE_TESTS_NET_TYPES_BUFFER_MODEL_H_
