#include "net/send/byte_matcher.h"

#include <string>

#include "gtest/gtest.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"

namespace spindle {
namespace {

using Outcome = MatchOutcome;

TEST(ByteMatcher, MatchesPiecesAcrossReadsAndLeavesWhatFollows) {
  ByteMatcher matcher;
  matcher.Expect("head", "body");
  Buffer input("hea");
  EXPECT_EQ(matcher.Feed(input), Outcome::kMore);
  EXPECT_TRUE(input.empty());
  input.Append("dbo");
  EXPECT_EQ(matcher.Feed(input), Outcome::kMore);
  input.Append("dynext");
  EXPECT_EQ(matcher.Feed(input), Outcome::kDone);
  EXPECT_TRUE(input == "next");
}

TEST(ByteMatcher, EveryWrongByteIsSeen) {
  const std::string expected = "0123456789";
  for (size_t i = 0; i < expected.size(); ++i) {
    std::string wrong = expected;
    wrong[i] ^= 1;
    ByteMatcher matcher;
    matcher.Expect(std::string_view(expected).substr(0, 4), std::string_view(expected).substr(4));
    // In two chunks, so that both the border and the pieces are passed.
    Buffer input;
    for (const std::string& part : {wrong.substr(0, 6), wrong.substr(6)}) {
      input.Append(Chunk::CopyOf(part), 0, part.size());
    }
    EXPECT_EQ(matcher.Feed(input), Outcome::kWrong) << "byte " << i;
  }
}

}  // namespace
}  // namespace spindle
