#include "bench/load/payload.h"

#include "base/random.h"

namespace spindle::bench {

Payload::Payload(uint64_t seed, size_t message_bytes)
    : message_bytes_(message_bytes), block_(message_bytes + kWindows, '\0') {
  Random random(seed);
  for (char& byte : block_) byte = static_cast<char>(random.Next() >> 56);
}

}  // namespace spindle::bench
