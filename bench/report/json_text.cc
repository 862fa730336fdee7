#include "bench/report/json_text.h"

namespace spindle::bench {
namespace {

std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string OneLine(const Json& json) { return Dump(json, -1); }
std::string IndentedLines(const Json& json) { return Dump(json, 2) + "\n"; }

}  // namespace spindle::bench
