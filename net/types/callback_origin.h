#ifndef SPINDLE_NET_TYPES_CALLBACK_ORIGIN_H_
#define SPINDLE_NET_TYPES_CALLBACK_ORIGIN_H_

#include <source_location>
#include <string>

#include "net/types/connection_id.h"

namespace spindle {

// Whose callback a loop runs, and where the program has registered it. Plain data.
struct CallbackOrigin {
  const char* kind = "";            // "connection", "timer", "task" and so on; a literal.
  std::source_location where = {};  // Line 0 where nobody has said.
  ConnectionId connection = {};     // Of none where there is none.

  // "connection 3.17.204, registered at server/main.cc:30"
  std::string ToString() const;
};

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_CALLBACK_ORIGIN_H_
