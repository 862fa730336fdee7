#!/usr/bin/env python3
"""What tools/rivals says of made-up measurements: ratios, verdicts, table and page."""

import html.parser
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.getcwd(), "bench/rivals"))
import findings  # noqa: E402
import page  # noqa: E402
import ratios  # noqa: E402

DRIFT = (1.0, 1.4, 0.8, 1.2, 0.9, 1.1, 1.3)  # What the neighbours do to a block.


def samples(cpu_ns, wobble=0.0):
    signs = (1, -1, 1, -1, 1, -1, 1)
    return {"samples": [{"cpu_ns": cpu_ns * drift * (1 + sign * wobble), "rate": 1e9 / cpu_ns / drift,
                         "p50_us": cpu_ns * drift / 100, "others": 0.5, "steal": 0.0}
                        for drift, sign in zip(DRIFT, signs)], "peak_rss_kib": 3000}


def row(**servers):
    return {"shape": "pp64", "what": "<64> connections", "unit": "message", "workers": 1,
            "fixed_rate": False,
            "servers": {name.replace("_", " "): server for name, server in servers.items()}}


def usual(ours):
    return row(raw=samples(1000), raw_again=samples(1000, 0.01), spindle=samples(ours, 0.01),
               libev=samples(1000, 0.01), libuv=samples(1100, 0.01))


class Tags(html.parser.HTMLParser):
    """Counts elements that were opened, and complains of what does not nest."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.data = [], {}, []

    def handle_starttag(self, tag, attrs):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen[tag] = self.seen.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.data.append(data)


class RatiosTest(unittest.TestCase):
    def test_drift_is_no_matter(self):
        found = findings.ratio(usual(1200), "spindle", "raw", "cpu")
        self.assertAlmostEqual(found.ratio, 1.2, delta=0.013)
        self.assertTrue(1.18 < found.low <= found.ratio <= found.high < 1.22)

    def test_the_same_file_gives_the_same_interval(self):
        a, b = (ratios.estimate([1, 2, 3, 5, 8, 9, 4], [2, 2, 3, 4, 9, 7, 4]) for _ in range(2))
        self.assertEqual((a.low, a.high), (b.low, b.high))

    def test_few_blocks_have_no_interval_and_no_verdict(self):
        found = ratios.estimate([1, 1, 1], [2, 2, 2])
        self.assertEqual(found.ratio, 0.5)
        self.assertEqual(ratios.judge(found, None), "cannot tell")
        self.assertIsNone(ratios.estimate([None], [1]))

    def test_verdicts(self):
        def estimate(low, high):
            return ratios.Estimate((low + high) / 2, low, high, 9)

        quiet = estimate(0.98, 1.02)
        self.assertEqual(ratios.judge(estimate(0.8, 0.9), quiet), "better")
        self.assertEqual(ratios.judge(estimate(1.1, 1.2), quiet), "worse")
        self.assertEqual(ratios.judge(estimate(0.97, 1.04), quiet), "same")
        self.assertEqual(ratios.judge(estimate(0.8, 1.2), quiet), "cannot tell")
        self.assertEqual(ratios.judge(estimate(1.1, 1.2), quiet, less_is_better=False), "better")

    def test_a_base_that_differs_from_itself_moves_the_limit(self):
        odd = ratios.Estimate(1.1, 1.05, 1.15, 9)
        self.assertEqual(ratios.judge(ratios.Estimate(1.12, 1.1, 1.14, 9), odd), "cannot tell")
        self.assertEqual(ratios.judge(ratios.Estimate(1.3, 1.2, 1.4, 9), odd), "worse")
        self.assertEqual(ratios.judge(ratios.Estimate(0.8, 0.7, 0.9, 9), odd), "cannot tell")
        self.assertEqual(ratios.judge(ratios.Estimate(0.7, 0.6, 0.8, 9), odd), "better")


class FindingsTest(unittest.TestCase):
    def test_ours_is_held_against_the_best_library(self):
        self.assertEqual(findings.best_library(usual(1000), "cpu"), "libev")
        self.assertEqual(findings.tally([usual(700)])["better"], ["pp64"])
        self.assertEqual(findings.tally([usual(1000)])["same"], ["pp64"])
        self.assertEqual(findings.tally([usual(1300)])["worse"], ["pp64"])

    def test_failed_runs_are_told_and_leave_gaps(self):
        failed = usual(1000)
        failed["servers"]["spindle"]["samples"] = [{"error": "ended <early>"}] * 7
        text = findings.text([failed])
        self.assertIn("failed: pp64, spindle: ended <early>", text)
        self.assertEqual(findings.verdict(failed, "cpu", "raw"), "cannot tell")
        self.assertIn("ended &lt;early&gt;", page.page(results([failed])))

    def test_the_table_has_all_servers(self):
        text = findings.text([usual(1000)])
        for name in ("raw again", "spindle", "libev", "libuv"):
            self.assertIn(name, text)


def results(rows):
    return {"schema": "spindle.rivals/1", "cmd": ["rivals", "</script>"], "commit": "abc", "seed": 1,
            "host": {"kernel": "6", "cpus": 2, "cpu_model": "a & b"}, "blocks": 7, "seconds": 1,
            "warmup": 0, "started": "2020-01-01", "rows": rows}


class PageTest(unittest.TestCase):
    def test_it_nests_and_asks_for_nothing(self):
        text = page.page(results([usual(1300), usual(700)]))
        tags = Tags()
        tags.feed(text)
        self.assertEqual(tags.open, [])
        self.assertEqual(tags.seen["figure"], 2)
        self.assertNotIn("http:", text)
        self.assertNotIn("https:", text)
        self.assertNotIn(" src=", text)
        self.assertEqual(text.count("</script>"), 2)
        self.assertIn("prefers-color-scheme: dark", text)

    def test_points_stay_on_the_axis(self):
        axis = page.Axis([ratios.Estimate(40, 0.0, float("inf"), 3), ratios.Estimate(0.5, 0.4, 0.6, 9)])
        for value in (0, 0.0001, 0.5, 1, 40, 1e9):
            self.assertTrue(0 <= axis.at(value) <= 100)
        self.assertIn(1, axis.ticks())


if __name__ == "__main__":
    unittest.main(verbosity=2)
