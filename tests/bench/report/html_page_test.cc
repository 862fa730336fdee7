#include "bench/report/html_page.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bench/report/read_run.h"
#include "bench/report/run_json.h"
#include "gtest/gtest.h"
#include "tests/bench/report/sample_record.h"

namespace spindle::bench {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The page without its style, its script and its data.
std::string Markup(std::string page) {
  for (const std::string name : {"style", "script"}) {
    for (size_t at = 0; (at = page.find("<" + name, at)) != std::string::npos;) {
      const size_t begin = page.find('>', at) + 1;
      const size_t end = page.find("</" + name + ">", begin);
      EXPECT_NE(end, std::string::npos);
      page.erase(begin, end - begin);
      at = begin;
    }
  }
  return page;
}

std::string DataOf(const std::string& page, const std::string& id) {
  const std::string start = "<script type=\"application/json\" id=\"" + id + "\">";
  const size_t at = page.find(start);
  EXPECT_NE(at, std::string::npos);
  const size_t end = page.find("</script>", at);
  return page.substr(at + start.size(), end - at - start.size());
}

// Elements that are closed in the order in which they were opened; what is wrong otherwise.
std::string CheckNesting(const std::string& markup) {
  const std::set<std::string> kVoid = {"meta", "link", "!doctype"};
  std::vector<std::string> open;
  for (size_t at = 0; (at = markup.find('<', at)) != std::string::npos;) {
    const size_t end = markup.find('>', at);
    if (end == std::string::npos) return "a tag without an end";
    const std::string tag = markup.substr(at + 1, end - at - 1);
    at = end;
    if (tag.ends_with('/')) continue;
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (name.starts_with('/')) {
      if (open.empty() || "/" + open.back() != name) {
        return name + " closes " + (open.empty() ? "nothing" : open.back());
      }
      open.pop_back();
    } else if (!kVoid.contains(name)) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : open.back() + " stays open";
}

std::vector<std::string> Attributes(const std::string& markup, const std::string& name) {
  std::vector<std::string> values;
  const std::string start = " " + name + "=\"";
  for (size_t at = 0; (at = markup.find(start, at)) != std::string::npos;) {
    at += start.size();
    values.push_back(markup.substr(at, markup.find('"', at) - at));
  }
  return values;
}

const std::map<std::string, std::string>& Pages() {
  static const auto* const pages = new std::map<std::string, std::string>{
      {"seqpar", HtmlReport(SampleSeqpar())},
      {"bench", HtmlReport(SampleBench())},
      {"interrupted", HtmlReport(SampleInterrupted())},
      {"hostile", HtmlReport(SampleHostile())},
      {"large", HtmlReport(SampleLarge())},
      {"empty", HtmlReport(RunRecord())},
      {"two", HtmlReport(SampleSeqpar(), "a", SampleBench(), "b")},
      {"two hostile", HtmlReport(SampleHostile(), "<a>\"", SampleHostile(), "'&")},
      {"two large", HtmlReport(SampleLarge(), "a", SampleLarge(), "b")}};
  return *pages;
}

TEST(HtmlPage, IsWellFormed) {
  for (const auto& [name, page] : Pages()) {
    SCOPED_TRACE(name);
    const std::string markup = Markup(page);
    EXPECT_EQ(CheckNesting(markup), "");
    std::set<std::string> ids;
    for (const std::string& id : Attributes(markup, "id")) {
      EXPECT_TRUE(ids.insert(id).second) << id << " is there twice";
    }
    for (const std::string& both : Attributes(markup, "aria-labelledby")) {
      const size_t blank = both.find(' ');
      EXPECT_TRUE(ids.contains(both.substr(0, blank))) << both;
      EXPECT_TRUE(ids.contains(both.substr(blank + 1))) << both;
    }
    for (const char* wrong : {"=\"nan", "=\"-nan", "=\"inf", "nan%", "inf%", ">nan", ">inf"}) {
      EXPECT_FALSE(Contains(markup, wrong)) << wrong;
    }
  }
}

TEST(HtmlPage, IsSmallAndAsksForNothing) {
  for (const auto& [name, page] : Pages()) {
    SCOPED_TRACE(name);
    EXPECT_LT(page.size(), 400'000u);
    for (const char* address : {"http://", "https://", "url(h", "url(/", "@import", " src=\"h"}) {
      EXPECT_FALSE(Contains(page, address)) << address;
    }
    EXPECT_TRUE(Contains(page, "default-src 'none'"));
  }
}

TEST(HtmlPage, TextOfTheRecordIsNeverMarkup) {
  const std::string page = HtmlReport(SampleHostile());
  EXPECT_FALSE(Contains(page, "<script>alert"));
  EXPECT_FALSE(Contains(page, "<img"));
  EXPECT_FALSE(Contains(page, "<!--"));
  EXPECT_FALSE(Contains(page, "\x1b"));
  EXPECT_FALSE(Contains(Markup(page), "\xe2\x80\xae")) << "right-to-left override";
  EXPECT_TRUE(Contains(page, "&lt;/script&gt;&lt;script&gt;alert(1)"));
}

TEST(HtmlPage, HoldsTheWholeRun) {
  const RunRecord record = SampleSeqpar();
  const std::string data = DataOf(HtmlReport(record), "run-json");
  const absl::StatusOr<RunRecord> read = RunFromJson(data);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), ToJson(record));
  const absl::StatusOr<RunRecord> hostile =
      RunFromJson(DataOf(HtmlReport(SampleHostile()), "run-json"));
  ASSERT_TRUE(hostile.ok()) << hostile.status();
  EXPECT_EQ(ToJson(*hostile), ToJson(SampleHostile()));
}

TEST(HtmlPage, SaysWhatIsLeftOutOfALargeRun) {
  const std::string page = HtmlReport(SampleLarge());
  EXPECT_TRUE(Contains(page, "The data in this page is without"));
  EXPECT_TRUE(RunFromJson(DataOf(page, "run-json")).ok());
  EXPECT_TRUE(Contains(page, "Shown are 64 of 1024 connections"));
}

TEST(HtmlPage, SaysWhatWasFound) {
  const std::string page = HtmlReport(SampleSeqpar());
  EXPECT_TRUE(Contains(page, "Parallel was 15.5× as fast as sequential"));
  EXPECT_TRUE(Contains(page, "for 16 connections of 1 KiB at 10 ms RTT; the model said 15.5×."));
  EXPECT_TRUE(Contains(page, "<p class=\"chip good\">faster</p>"));
  EXPECT_TRUE(Contains(page, "[0.98, 1.02]")) << "noise floor";
  for (const char* part : {"Speed-up", "Time of a round", "Timeline of one block",
                           "Latency by percentile", "Throughput over time", "Wilcoxon signed-rank",
                           "How this was measured", "spindle seqpar -n 1..16 --rtt 10ms",
                           "RTT measured 10.2 ms", "noise floor (A/A)", "N times, the bound"}) {
    EXPECT_TRUE(Contains(page, part)) << part;
  }
}

TEST(HtmlPage, ALoadTestHasNoSpeedup) {
  const std::string page = HtmlReport(SampleBench());
  EXPECT_FALSE(Contains(page, "Speed-up"));
  EXPECT_TRUE(Contains(page, "Echo over 64 connections of 64 B: 5000 messages per second"));
  EXPECT_TRUE(Contains(page, "Latency by percentile"));
  EXPECT_TRUE(Contains(page, "Throughput over time"));
  EXPECT_TRUE(Contains(page, "Error: no answer at the end (2 times)"));
}

TEST(HtmlPage, AnInterruptedRunSaysSo) {
  const std::string page = HtmlReport(SampleInterrupted());
  EXPECT_TRUE(Contains(page, "Interrupted: this is what there was until then."));
  EXPECT_TRUE(Contains(page, "There is no complete block to report."));
}

TEST(HtmlPage, TwoRunsShareOneSpeedupChart) {
  const std::string page = HtmlReport(SampleSeqpar(), "loopback", SampleSeqpar(), "10 ms");
  EXPECT_TRUE(Contains(page, "loopback: parallel 15.5× as fast as sequential; 10 ms: parallel"));
  EXPECT_TRUE(Contains(page, "id=\"both-speedup-t\""));
  EXPECT_TRUE(RunFromJson(DataOf(page, "a-json")).ok());
  EXPECT_TRUE(RunFromJson(DataOf(page, "b-json")).ok());
}

TEST(HtmlPage, AFullDiskIsAnError) { EXPECT_FALSE(WriteHtml(SampleBench(), "/dev/full").ok()); }

}  // namespace
}  // namespace spindle::bench
