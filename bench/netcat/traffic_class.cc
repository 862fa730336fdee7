#include "bench/netcat/traffic_class.h"

#include <charconv>

#include "absl/status/status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

struct Keyword {
  std::string_view name;
  int value;
};

// RFC 1349 and RFC 791, as <netinet/ip.h> has them.
constexpr Keyword kKeywords[] = {
    {"critical", 0xa0}, {"ef", 0xb8},         {"inetcontrol", 0xc0}, {"lowcost", 0x02},
    {"lowdelay", 0x10}, {"netcontrol", 0xe0}, {"reliability", 0x04}, {"throughput", 0x08},
};

bool IsDigit(char c, char low, char high) { return c >= low && c <= high; }

}  // namespace

absl::StatusOr<int> ParseTrafficClass(std::string_view text) {
  for (const Keyword& keyword : kKeywords) {
    if (text == keyword.name) return keyword.value;
  }
  if (text.size() == 3 && text.starts_with("cs") && IsDigit(text[2], '0', '7')) {
    return (text[2] - '0') << 5;
  }
  if (text.size() == 4 && text.starts_with("af") && IsDigit(text[2], '1', '4') &&
      IsDigit(text[3], '1', '3')) {
    return ((text[2] - '0') << 5) | ((text[3] - '0') << 3);
  }
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  int value = -1;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0 || value > 255) {
    return absl::InvalidArgumentError(ToAbsl(Concat("illegal tos value ", text)));
  }
  return value;
}

}  // namespace spindle::bench
