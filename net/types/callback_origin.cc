#include "net/types/callback_origin.h"

#include "base/strings.h"

namespace spindle {

std::string CallbackOrigin::connection() const {
  return generation == 0 ? std::string() : Concat(loop, ".", slot, ".", generation);
}

std::string CallbackOrigin::ToString() const {
  std::string text = kind;
  if (generation != 0) Append(text, " ", connection());
  if (where.line() != 0) Append(text, ", registered at ", where.file_name(), ":", where.line());
  return text;
}

}  // namespace spindle
