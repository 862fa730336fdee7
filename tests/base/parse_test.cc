#include "base/parse.h"

#include <limits>

#include "base/strings.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Numbers = std::vector<uint64_t>;

// The error quotes the input, so that a user finds it on the command line.
template <class Result>
void ExpectRefused(const Result& result, std::string_view text) {
  ASSERT_FALSE(result.ok()) << text;
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(FromAbsl(result.status().message()).find(Concat('"', text, '"')),
            std::string_view::npos)
      << result.status();
}

TEST(ParseDuration, TakesEveryUnit) {
  EXPECT_EQ(ParseDuration("250ns").value(), Duration(250));
  EXPECT_EQ(ParseDuration("10us").value(), microseconds(10));
  EXPECT_EQ(ParseDuration("5ms").value(), milliseconds(5));
  EXPECT_EQ(ParseDuration("2s").value(), seconds(2));
  EXPECT_EQ(ParseDuration("2m").value(), minutes(2));
  EXPECT_EQ(ParseDuration("1h").value(), hours(1));
  EXPECT_EQ(ParseDuration("0").value(), Duration::zero());
  EXPECT_EQ(ParseDuration("0ms").value(), Duration::zero());
}

TEST(ParseDuration, FractionsAreExact) {
  EXPECT_EQ(ParseDuration("1.5s").value(), milliseconds(1500));
  EXPECT_EQ(ParseDuration("0.1s").value(), milliseconds(100));
  EXPECT_EQ(ParseDuration("0.000000001s").value(), Duration(1));
  EXPECT_EQ(ParseDuration("1.9ns").value(), Duration(1));
  EXPECT_EQ(ParseDuration("0.30000000000000000000000001s").value(), milliseconds(300));
  EXPECT_EQ(ParseDuration("0.999999999999999999999h").value(), hours(1) - Duration(1));
}

TEST(ParseDuration, RefusesWhatIsNotADuration) {
  for (const char* text : {"", "5", "0.5", "ms", "-5ms", "+5ms", "5 ms", " 5ms", "5ms ", "5MS",
                           "5msx", "1.s", ".5s", "1..5s", "1e3ms", "inf", "nan", "0x10ms"}) {
    ExpectRefused(ParseDuration(text), text);
  }
}

TEST(ParseDuration, RefusesOverflow) {
  EXPECT_EQ(ParseDuration("9223372036854775807ns").value(), Duration::max());
  for (const char* text : {"9223372036854775808ns", "99999999999999999999999s", "2562048h",
                           "9223372036.854775808s", "18446744073709551615ns"}) {
    ExpectRefused(ParseDuration(text), text);
  }
  EXPECT_EQ(ParseDuration("9223372036.854775807s").value(), Duration::max());
}

TEST(ParseSize, TakesPowersOf1024) {
  EXPECT_EQ(ParseSize("123").value(), 123u);
  EXPECT_EQ(ParseSize("0").value(), 0u);
  EXPECT_EQ(ParseSize("7B").value(), 7u);
  EXPECT_EQ(ParseSize("64K").value(), 65536u);
  EXPECT_EQ(ParseSize("64k").value(), 65536u);
  EXPECT_EQ(ParseSize("1M").value(), 1048576u);
  EXPECT_EQ(ParseSize("2GiB").value(), uint64_t{2} << 30);
  EXPECT_EQ(ParseSize("3TiB").value(), uint64_t{3} << 40);
  EXPECT_EQ(ParseSize("18446744073709551615").value(), std::numeric_limits<uint64_t>::max());
}

TEST(ParseSize, RefusesTheRest) {
  for (const char* text : {"", "K", "-1", "+1", "1.5M", "64KB", "64Ki", "1 K", "1K ", "1P", "0x10",
                           "18446744073709551616", "16777216T", "\xc3\xa9"}) {
    ExpectRefused(ParseSize(text), text);
  }
}

TEST(ParseNumberList, TakesListsAndDoublingRanges) {
  EXPECT_EQ(ParseNumberList("1,2,4..32").value(), (Numbers{1, 2, 4, 8, 16, 32}));
  EXPECT_EQ(ParseNumberList("7").value(), Numbers{7});
  EXPECT_EQ(ParseNumberList("0,0").value(), (Numbers{0, 0}));
  EXPECT_EQ(ParseNumberList("5..5").value(), Numbers{5});
  EXPECT_EQ(ParseNumberList("1..6").value(), (Numbers{1, 2, 4, 6}));
  EXPECT_EQ(ParseNumberList("1K..4K,64").value(), (Numbers{1024, 2048, 4096, 64}));
}

TEST(ParseNumberList, HugeRangesEnd) {
  const Numbers numbers = ParseNumberList("1..18446744073709551615").value();
  EXPECT_EQ(numbers.size(), 65u);
  EXPECT_EQ(numbers[63], uint64_t{1} << 63);
  EXPECT_EQ(numbers.back(), std::numeric_limits<uint64_t>::max());
}

TEST(ParseNumberList, RefusesEmptyItemsAndBadRanges) {
  for (const char* text : {"", ",", "1,", ",1", "1,,2", "0..4", "4..2", "1..", "..4", "1...4",
                           "1..2..4", "a", "1, 2"}) {
    ExpectRefused(ParseNumberList(text), text);
  }
}

TEST(ParseBitRate, TakesPowersOf1000) {
  EXPECT_EQ(ParseBitRate("9600bit").value(), 9600u);
  EXPECT_EQ(ParseBitRate("100kbit").value(), 100'000u);
  EXPECT_EQ(ParseBitRate("50Mbit").value(), 50'000'000u);
  EXPECT_EQ(ParseBitRate("50mbit").value(), 50'000'000u);
  EXPECT_EQ(ParseBitRate("1.5Gbit").value(), 1'500'000'000u);
  EXPECT_EQ(ParseBitRate("0.0015kbit").value(), 1u);
  EXPECT_EQ(ParseBitRate("0").value(), 0u);
  EXPECT_EQ(ParseBitRate("0Mbit").value(), 0u);
}

TEST(ParseBitRate, RefusesTheRest) {
  for (const char* text : {"", "50", "50M", "50MB", "50Mbps", "-1Mbit", "Mbit", "1.Mbit", "50 Mbit",
                           "50Mibit", "50Mbit/s", "9999999999999Gbit", "18446744073709551616bit"}) {
    ExpectRefused(ParseBitRate(text), text);
  }
}

TEST(ParsePercent, TakesNothingToAll) {
  EXPECT_EQ(ParsePercent("0").value(), 0.0);
  EXPECT_EQ(ParsePercent("0%").value(), 0.0);
  EXPECT_EQ(ParsePercent("1%").value(), 0.01);
  EXPECT_EQ(ParsePercent("0.25%").value(), 0.0025);
  EXPECT_EQ(ParsePercent("100%").value(), 1.0);
}

TEST(ParsePercent, RefusesTheRest) {
  for (const char* text :
       {"", "%", "1", "0.5", "-1%", "100.01%", "101%", "1 %", "1%%", "99999999999999999999%"}) {
    ExpectRefused(ParsePercent(text), text);
  }
}

TEST(FormatBitRate, ShowsThreeDigits) {
  EXPECT_EQ(FormatBitRate(0), "0 bit/s");
  EXPECT_EQ(FormatBitRate(999), "999 bit/s");
  EXPECT_EQ(FormatBitRate(100'000), "100 kbit/s");
  EXPECT_EQ(FormatBitRate(50'000'000), "50.0 Mbit/s");
  EXPECT_EQ(FormatBitRate(999'600'000), "1.00 Gbit/s");
  EXPECT_EQ(FormatBitRate(100'000'000'000'000), "100000 Gbit/s");
}

TEST(FormatDuration, ShowsThreeDigitsAndRollsOver) {
  EXPECT_EQ(FormatDuration(Duration(0)), "0 ns");
  EXPECT_EQ(FormatDuration(Duration(999)), "999 ns");
  EXPECT_EQ(FormatDuration(Duration(1000)), "1.00 us");
  EXPECT_EQ(FormatDuration(Duration(1234567)), "1.23 ms");
  EXPECT_EQ(FormatDuration(microseconds(1500)), "1.50 ms");
  EXPECT_EQ(FormatDuration(microseconds(15000)), "15.0 ms");
  EXPECT_EQ(FormatDuration(microseconds(999700)), "1.00 s");
  EXPECT_EQ(FormatDuration(Duration(9996)), "10.0 us");
  EXPECT_EQ(FormatDuration(Duration(99960)), "100 us");
  EXPECT_EQ(FormatDuration(seconds(90)), "90.0 s");
  EXPECT_EQ(FormatDuration(minutes(2)), "2.00 min");
  EXPECT_EQ(FormatDuration(minutes(150)), "2.50 h");
  EXPECT_EQ(FormatDuration(milliseconds(-3)), "-3.00 ms");
  EXPECT_EQ(FormatDuration(Duration::min()), "-2562048 h");
}

TEST(FormatSize, ShowsThreeDigitsAndRollsOver) {
  EXPECT_EQ(FormatSize(0), "0 B");
  EXPECT_EQ(FormatSize(1023), "1023 B");
  EXPECT_EQ(FormatSize(1024), "1.00 KiB");
  EXPECT_EQ(FormatSize(64 * 1024), "64.0 KiB");
  EXPECT_EQ(FormatSize(1536 * 1024), "1.50 MiB");
  EXPECT_EQ(FormatSize(1024 * 1024 - 1), "1.00 MiB");
  EXPECT_EQ(FormatSize(std::numeric_limits<uint64_t>::max()), "16.0 EiB");
}

}  // namespace
}  // namespace spindle
