#include "base/text_table.h"

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(TextTable, AlignsColumnsAndEndsNoLineInBlanks) {
  TextTable table({"name", "n", "note"});
  table.AddRow({"a", "1", "x"});
  table.AddRow({"longer", "100"});
  table.AddRow({"µs", "7", "y", "dropped"});
  EXPECT_EQ(table.ToString(),
            "name      n  note\n"
            "a         1     x\n"
            "longer  100\n"
            "µs        7     y\n");
}

}  // namespace
}  // namespace spindle
