// RunFromJson and all that draws a run, on arbitrary bytes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "bench/report/html_page.h"
#include "bench/report/read_run.h"
#include "bench/report/report_text.h"
#include "bench/report/run_csv.h"
#include "bench/report/run_json.h"

using spindle::bench::RunFromJson;
using spindle::bench::RunRecord;

// What is read, and is a run, can be shown in every form, and what is written of it reads as the
// same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<RunRecord> record = RunFromJson(text);
  if (!record.ok()) {
    SPINDLE_CHECK(!record.status().message().empty());
    return 0;
  }
  const std::string written = ToJson(*record);
  const absl::StatusOr<RunRecord> again = RunFromJson(written);
  SPINDLE_CHECK(again.ok());
  SPINDLE_CHECK(ToJson(*again) == written);
  SPINDLE_CHECK(!HtmlReport(*record).empty());
  SPINDLE_CHECK(!HtmlReport(*record, "a", *record, "b").empty());
  SPINDLE_CHECK(!ToCsv(*record).empty());
  SPINDLE_CHECK(!ReportText(*record).empty());
  return 0;
}
