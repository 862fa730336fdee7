#ifndef SPINDLE_BASE_STRINGS_H_
#define SPINDLE_BASE_STRINGS_H_

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace spindle {

// Some distributions build Abseil with a string_view of its own, which does not convert to or from
// std::string_view, and absl::StrCat then does not take the latter. The library speaks
// std::string_view; these cross over, and compile in both kinds of build. Any thread; nothing is
// copied or kept.
constexpr absl::string_view ToAbsl(std::string_view text) noexcept {
  return absl::string_view(text.data(), text.size());
}
constexpr std::string_view FromAbsl(absl::string_view text) noexcept {
  return std::string_view(text.data(), text.size());
}

namespace internal_strings {

template <class Part>
void AppendPart(std::string& out, const Part& part) {
  if constexpr (std::is_same_v<Part, char>) {
    out += part;
  } else if constexpr (std::is_same_v<Part, absl::string_view>) {
    out += FromAbsl(part);
  } else if constexpr (std::is_convertible_v<const Part&, std::string_view>) {
    out += std::string_view(part);
  } else {
    static_assert(std::integral<Part> && !std::is_same_v<Part, bool>,
                  "Concat takes texts, characters and integers");
    char digits[24];
    char* const end = std::to_chars(digits, digits + sizeof(digits), part).ptr;
    out.append(digits, static_cast<size_t>(end - digits));
  }
}

}  // namespace internal_strings

// Appends texts, characters and integers (in decimal) to `out`. Any thread; keeps nothing.
template <class... Parts>
void Append(std::string& out, const Parts&... parts) {
  (internal_strings::AppendPart(out, parts), ...);
}

// The same as a new string: Concat("accept ", address, ": ", count).
template <class... Parts>
std::string Concat(const Parts&... parts) {
  std::string out;
  Append(out, parts...);
  return out;
}

}  // namespace spindle

#endif  // SPINDLE_BASE_STRINGS_H_
