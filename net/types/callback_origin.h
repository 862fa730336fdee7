#ifndef SPINDLE_NET_TYPES_CALLBACK_ORIGIN_H_
#define SPINDLE_NET_TYPES_CALLBACK_ORIGIN_H_

#include <cstdint>
#include <source_location>
#include <string>

namespace spindle {

// Whose callback a loop runs, and where the program has registered it. Plain data.
struct CallbackOrigin {
  const char* kind = "";            // "connection", "timer", "task" and so on; a literal.
  std::source_location where = {};  // Line 0 where nobody has said.
  // The parts of the connection's id; generation 0: none.
  uint32_t loop = 0;
  uint32_t slot = 0;
  uint64_t generation = 0;

  // "3.17.204", or nothing.
  std::string connection() const;
  // "connection 3.17.204, registered at server/main.cc:30"
  std::string ToString() const;
};

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_CALLBACK_ORIGIN_H_
