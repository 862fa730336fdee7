#include "gtest/gtest.h"
#include "tests/base/probe_unused.h"

namespace {

// That this program links is the test: as with -c opt, its linker is told to drop what is not used.
TEST(Probe, InAFunctionThatNobodyCalls) { EXPECT_EQ(UsedWithProbe(3), 3); }

}  // namespace
