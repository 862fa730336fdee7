#ifndef SPINDLE_TESTS_NET_CODEC_SPLIT_H_
#define SPINDLE_TESTS_NET_CODEC_SPLIT_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>

#include "base/random.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"

namespace spindle::testing {

// Appends `stream` to `input` in pieces of the sizes that `next_size` gives (at least 1 is taken),
// and calls `decode` after each. Every other piece comes as a chunk of its own, so that the buffer
// becomes a chain.
inline void Feed(Buffer& input, std::string_view stream, std::function<size_t()> next_size,
                 std::function<void()> decode) {
  for (size_t i = 0; !stream.empty(); ++i) {
    const std::string_view piece = stream.substr(0, std::max<size_t>(1, next_size()));
    stream.remove_prefix(piece.size());
    if (i % 2 == 0) {
      input.Append(piece);
    } else {
      input.Append(Chunk::CopyOf(piece), 0, piece.size());
    }
    decode();
  }
}

// Runs `check` on each way to cut `stream`: in one piece, in bytes, and in `random_cuts` random
// ways. `check` gets the sizes of the pieces, as Feed wants them.
inline void ForEachCut(std::string_view stream, int random_cuts,
                       std::function<void(std::function<size_t()>)> check) {
  check([&] { return stream.size(); });
  check([] { return size_t{1}; });
  for (int seed = 1; seed <= random_cuts; ++seed) {
    Random random(static_cast<uint64_t>(seed));
    const uint64_t longest = 1 + random.Uniform(stream.size() + 1);
    check([&] { return static_cast<size_t>(1 + random.Uniform(longest)); });
  }
}

}  // namespace spindle::testing

#endif  // SPINDLE_TESTS_NET_CODEC_SPLIT_H_
