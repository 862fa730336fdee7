#ifndef SPINDLE_BENCH_REPORT_PAGE_STYLE_H_
#define SPINDLE_BENCH_REPORT_PAGE_STYLE_H_

#include <string_view>

namespace spindle::bench {

// The style sheet and the script of a report's page: page.css and page.js, which the build embeds.
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_PAGE_STYLE_H_
