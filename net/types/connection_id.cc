#include "net/types/connection_id.h"

#include "base/strings.h"

namespace spindle {

std::string ConnectionId::ToString() const { return Concat(loop, ".", slot, ".", generation); }

}  // namespace spindle
