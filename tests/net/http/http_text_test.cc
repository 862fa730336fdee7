#include "net/http/http_text.h"

#include <string_view>

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(HttpTextTest, FindsTheEndOfTheHeader) {
  EXPECT_EQ(HttpHeaderSize(""), 0u);
  EXPECT_EQ(HttpHeaderSize("GET / HTTP/1.1\r\nHost: x\r\n"), 0u);
  EXPECT_EQ(HttpHeaderSize("GET / HTTP/1.1\r\n\r\nmore"), 18u);
  EXPECT_EQ(HttpHeaderSize("GET / HTTP/1.1\n\nmore"), 16u);
  EXPECT_EQ(HttpHeaderSize("a\r\nb\n\r\n"), 7u);
}

TEST(HttpTextTest, TakesLinesOfEitherEnd) {
  std::string_view text = "one\r\ntwo\n\r\nrest";
  std::string_view line;
  for (const std::string_view expected : {"one", "two", ""}) {
    ASSERT_TRUE(TakeHttpLine(text, &line));
    EXPECT_EQ(line, expected);
  }
  EXPECT_FALSE(TakeHttpLine(text, &line));
  EXPECT_EQ(text, "rest");
}

TEST(HttpTextTest, TrimsBlanksAndTabsOnly) {
  EXPECT_EQ(TrimHttpBlanks(" \ta b\t "), "a b");
  EXPECT_EQ(TrimHttpBlanks("\v"), "\v");
  EXPECT_EQ(TrimHttpBlanks(" \t"), "");
}

TEST(HttpTextTest, NamesHaveNoCase) {
  EXPECT_TRUE(EqualHttpNames("Content-Length", "content-LENGTH"));
  EXPECT_FALSE(EqualHttpNames("a", "ab"));
  EXPECT_FALSE(EqualHttpNames("[", "{"));
}

}  // namespace
}  // namespace spindle
