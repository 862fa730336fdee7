#ifndef SPINDLE_BENCH_REPORT_ARM_TABLE_H_
#define SPINDLE_BENCH_REPORT_ARM_TABLE_H_

#include <string>
#include <vector>

#include "bench/report/run_record.h"

namespace spindle::bench {

// What arms did, as cells of plain text under one heading each. Columns that no arm has a value for
// are left out. Any thread.
struct ArmTable {
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows = {};
};

// Whether connections and message size, which the arms of one point share, are columns.
enum class SettingColumns : uint8_t { kNo, kYes };

ArmTable TableOfArms(const std::vector<const ArmRecord*>& arms, SettingColumns columns);

// The table in HTML, in a box that scrolls where it is too wide.
std::string DrawArmTable(const ArmTable& table, const std::string& caption);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_ARM_TABLE_H_
