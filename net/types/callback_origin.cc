#include "net/types/callback_origin.h"

#include "base/strings.h"

namespace spindle {

std::string CallbackOrigin::ToString() const {
  std::string text = kind;
  if (connection != ConnectionId()) Append(text, " ", connection.ToString());
  if (where.line() != 0) Append(text, ", registered at ", where.file_name(), ":", where.line());
  return text;
}

}  // namespace spindle
