#include "bench/report/markup.h"

#include <limits>

#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TEST(Markup, EscapeLeavesNoMarkup) {
  EXPECT_EQ(Escape("a < b && c > \"d\" 'e'"),
            "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
  EXPECT_EQ(Escape("x\ty\nz µ × 漢 \xf0\x9f\x98\x80"), "x\ty\nz µ × 漢 \xf0\x9f\x98\x80");
}

TEST(Markup, EscapeReplacesWhatIsNoText) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(Escape("a\x1b[1m"), "a" + r + "[1m");
  EXPECT_EQ(Escape(std::string_view("\0", 1)), r);
  EXPECT_EQ(Escape("\x7f"), r);
  EXPECT_EQ(Escape("\xff"), r);
  EXPECT_EQ(Escape("\xc3"), r) << "cut off";
  EXPECT_EQ(Escape("\xc3<"), r + "&lt;") << "what follows is not swallowed";
  EXPECT_EQ(Escape("\xc0\xbc"), r + r) << "< in too many bytes";
  EXPECT_EQ(Escape("\xe0\x80\xbc"), r + r + r);
  EXPECT_EQ(Escape("\xed\xa0\x80"), r + r + r) << "surrogate";
  EXPECT_EQ(Escape("\xf4\x90\x80\x80"), r + r + r + r) << "beyond Unicode";
  EXPECT_EQ(Escape("\xc2\x85"), r) << "C1 control";
  EXPECT_EQ(Escape("a\xe2\x80\xae"
                   "b\xe2\x81\xa6"),
            "a" + r + "b" + r)
      << "direction";
}

TEST(Markup, EscapeJsonEndsNoScript) {
  EXPECT_EQ(EscapeJson("{\"a\":\"</script><!--\"}"), "{\"a\":\"\\u003c/script>\\u003c!--\"}");
}

TEST(Markup, PlainTextHasNoControls) { EXPECT_EQ(PlainText("a\x1b[31m\nb\x7f"), "a [31m b "); }

TEST(Markup, DecimalsEndInNoZeros) {
  EXPECT_EQ(Decimal(1.5, 3), "1.5");
  EXPECT_EQ(Decimal(100, 2), "100");
  EXPECT_EQ(Decimal(0.126, 2), "0.13");
  EXPECT_EQ(Decimal(-0.001, 2), "0");
  EXPECT_EQ(Decimal(std::numeric_limits<double>::infinity(), 2), "0");
  EXPECT_EQ(Share(0.12345), "12.35%");
  EXPECT_EQ(Share(1), "100%");
}

}  // namespace
}  // namespace spindle::bench
