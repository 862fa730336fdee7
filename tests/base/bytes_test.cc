#include "base/bytes.h"

#include <array>

#include "gtest/gtest.h"

namespace spindle {
namespace {

constexpr std::array<unsigned char, 9> kBytes = {0xff, 0x01, 0x82, 0x03, 0x84,
                                                 0x05, 0x86, 0x07, 0x88};

TEST(Bytes, LoadsMostSignificantFirstAtAnyAlignment) {
  const unsigned char* odd = kBytes.data() + 1;
  EXPECT_EQ(LoadBig16(odd), 0x0182u);
  EXPECT_EQ(LoadBig32(odd), 0x01820384u);
  EXPECT_EQ(LoadBig64(odd), 0x0182038405860788u);
}

TEST(Bytes, StoresWhatLoadReadsAndNothingBeyond) {
  std::array<unsigned char, 10> out{};
  StoreBig16(out.data() + 1, 0x0182);
  EXPECT_EQ(out, (std::array<unsigned char, 10>{0, 0x01, 0x82}));
  StoreBig32(out.data() + 1, 0x01820384);
  EXPECT_EQ(out, (std::array<unsigned char, 10>{0, 0x01, 0x82, 0x03, 0x84}));
  StoreBig64(out.data() + 1, 0x0182038405860788);
  EXPECT_EQ(out,
            (std::array<unsigned char, 10>{0, 0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88, 0}));
}

}  // namespace
}  // namespace spindle
