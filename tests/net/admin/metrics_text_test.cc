#include "net/admin/metrics_text.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace spindle {
namespace {

TEST(MetricsTextTest, WritesMetricsAndSamples) {
  MetricsText text;
  text.Begin("a_total", MetricKind::kCounter, "Things.");
  text.Sample({}, 1);
  text.Sample({{"loop", "0"}, {"kind", "x"}}, uint64_t{18446744073709551615u});
  text.Begin("b", MetricKind::kGauge, "Others.");
  text.Sample({}, 0.5);
  text.Sample({}, -3);
  EXPECT_EQ(text.text(),
            "# HELP a_total Things.\n"
            "# TYPE a_total counter\n"
            "a_total 1\n"
            "a_total{loop=\"0\",kind=\"x\"} 18446744073709551615\n"
            "# HELP b Others.\n"
            "# TYPE b gauge\n"
            "b 0.5\n"
            "b -3\n");
}

TEST(MetricsTextTest, HistogramsAddUp) {
  MetricsText text;
  text.Begin("t_seconds", MetricKind::kHistogram, "Times.");
  text.SampleHistogram({{"loop", "a"}}, std::vector<double>{0.001, 0.5},
                       std::vector<uint64_t>{3, 0, 2}, 1.25);
  text.SampleHistogram({}, {}, std::vector<uint64_t>{0}, 0);
  EXPECT_EQ(text.text(),
            "# HELP t_seconds Times.\n"
            "# TYPE t_seconds histogram\n"
            "t_seconds_bucket{loop=\"a\",le=\"0.001\"} 3\n"
            "t_seconds_bucket{loop=\"a\",le=\"0.5\"} 3\n"
            "t_seconds_bucket{loop=\"a\",le=\"+Inf\"} 5\n"
            "t_seconds_sum{loop=\"a\"} 1.25\n"
            "t_seconds_count{loop=\"a\"} 5\n"
            "t_seconds_bucket{le=\"+Inf\"} 0\n"
            "t_seconds_sum 0\n"
            "t_seconds_count 0\n");
}

TEST(MetricsTextTest, EscapesWhatTheFormatWants) {
  MetricsText text;
  text.Begin("a", MetricKind::kGauge, "one\\two\n\"three\"");
  text.Sample({{"name", "q\"b\\l\nend"}}, 1);
  EXPECT_EQ(text.text(),
            "# HELP a one\\\\two\\n\"three\"\n"
            "# TYPE a gauge\n"
            "a{name=\"q\\\"b\\\\l\\nend\"} 1\n");
}

TEST(MetricsTextTest, NamesWhatIsNoNumber) {
  MetricsText text;
  text.Begin("a", MetricKind::kGauge, "");
  text.Sample({}, std::nan(""));
  text.Sample({}, std::numeric_limits<double>::infinity());
  text.Sample({}, -std::numeric_limits<double>::infinity());
  text.Sample({}, 1e300);
  EXPECT_TRUE(text.text().ends_with("a NaN\na +Inf\na -Inf\na 1e+300\n"));
}

}  // namespace
}  // namespace spindle
