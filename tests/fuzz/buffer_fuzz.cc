// Buffer against std::string, the operations chosen by the input. Run by libFuzzer, or by
// replay_main.cc as a test.

#include <cstddef>
#include <cstdint>

#include "tests/net/types/buffer_model.h"

namespace {

// Numbers from the bytes of the input: as few bytes for each as its limit needs.
class Numbers {
 public:
  Numbers(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  uint64_t Choose(uint64_t limit) {
    uint64_t number = 0;
    for (uint64_t range = limit - 1; range > 0 && at_ != end_; range >>= 8) {
      number = number << 8 | *at_++;
    }
    return number % limit;
  }

  bool ended() const { return at_ == end_; }

 private:
  const uint8_t* at_;
  const uint8_t* const end_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Numbers numbers(data, size);
  spindle::testing::BufferModel model([&](uint64_t limit) { return numbers.Choose(limit); },
                                      [&] { return numbers.ended(); });
  model.Run(1000);
  return 0;
}
