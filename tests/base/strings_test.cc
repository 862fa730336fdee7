#include "base/strings.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(Strings, ViewsCrossOverWithEmbeddedZeros) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(ToAbsl(text).size(), 3u);
  EXPECT_EQ(FromAbsl(ToAbsl(text)), text);
  EXPECT_EQ(FromAbsl(ToAbsl(text)).data(), text.data());
}

TEST(Strings, ConcatTakesTextsCharactersAndIntegers) {
  const std::string owned = "three";
  EXPECT_EQ(Concat("one ", std::string_view("two "), owned, ' ', absl::string_view("four ")),
            "one two three four ");
  EXPECT_EQ(Concat(INT64_MIN, '/', UINT64_MAX, '/', uint16_t{80}, '/', int8_t{-5}),
            "-9223372036854775808/18446744073709551615/80/-5");
  EXPECT_EQ(Concat(), "");
}

TEST(Strings, AppendKeepsWhatIsThere) {
  std::string text = "port ";
  Append(text, 80, '.');
  EXPECT_EQ(text, "port 80.");
}

}  // namespace
}  // namespace spindle
