#ifndef SPINDLE_EXAMPLES_SUM_PROTOCOL_H_
#define SPINDLE_EXAMPLES_SUM_PROTOCOL_H_

#include "net/codec/length_codec.h"

namespace examples {

// Each frame has two bytes of length before it. A request is any number of 64-bit integers,
// big-endian; the answer is one, their sum modulo 2^64. Answers come in the order of the requests.
inline constexpr spindle::LengthCodecOptions kSumFrames{.prefix = spindle::PrefixSize::k2,
                                                        .max_frame = 8 * 1000};

}  // namespace examples

#endif  // SPINDLE_EXAMPLES_SUM_PROTOCOL_H_
