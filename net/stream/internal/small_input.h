#ifndef SPINDLE_NET_STREAM_INTERNAL_SMALL_INPUT_H_
#define SPINDLE_NET_STREAM_INTERNAL_SMALL_INPUT_H_

#include <cstddef>

namespace spindle {

// At most so much of a read block is copied, where it would otherwise keep the whole block.
inline constexpr size_t kSmallInput = 8 * 1024;

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_SMALL_INPUT_H_
