#!/usr/bin/env python3
"""The rules of count_results.py on made-up build events."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import count_results  # noqa: E402

GTEST = """<testsuites tests="4"><testsuite name="A">
<testcase name="Good" status="run" result="completed"/>
<testcase name="Bad" status="run" result="completed"><failure message="x"/></testcase>
<testcase name="DISABLED_Off" status="notrun" result="suppressed"/>
<testcase name="Skips" status="run" result="skipped"><skipped message="no ipv6"/></testcase>
</testsuite></testsuites>"""
ALL_GOOD = '<testsuites><testsuite><testcase name="Good"/></testsuite></testsuites>'


class CountResultsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.results = count_results.Results()

    def tearDown(self):
        self.folder.cleanup()

    def add_test(self, label, status, xml=None, shard=1):
        outputs = []
        if xml is not None:
            path = pathlib.Path(self.folder.name, f"{label.strip('/')}-{shard} x.xml")
            path.write_text(xml)
            outputs = [{"name": "test.xml", "uri": path.as_uri()}]
        self.results.read({
            "id": {"testResult": {"label": label, "run": 1, "shard": shard}},
            "testResult": {"status": status, "testActionOutput": outputs},
        })

    def test_cases_are_counted_but_not_skipped_or_disabled_ones(self):
        self.add_test("//a", "FAILED", GTEST)
        self.assertEqual(self.results.counts(), (1, 1))

    def test_shards_add_up(self):
        self.add_test("//a", "PASSED", ALL_GOOD, shard=1)
        self.add_test("//a", "PASSED", ALL_GOOD, shard=2)
        self.assertEqual(self.results.counts(), (2, 0))

    def test_the_last_attempt_counts(self):
        self.add_test("//a", "FAILED", GTEST)
        self.add_test("//a", "PASSED", ALL_GOOD)
        self.assertEqual(self.results.counts(), (1, 0))

    def test_a_leak_found_at_exit_is_a_failure(self):
        self.add_test("//a", "FAILED", ALL_GOOD)
        self.assertEqual(self.results.counts(), (1, 1))

    def test_a_timeout_without_xml_is_a_failure(self):
        self.add_test("//a", "TIMEOUT")
        self.assertEqual(self.results.counts(), (0, 1))

    def test_a_target_that_does_not_build_is_a_failure(self):
        self.results.read({"id": {"targetCompleted": {"label": "//a"}}, "completed": {}})
        self.results.read({"id": {"targetCompleted": {"label": "//b"}}, "completed": {"success": True}})
        self.assertEqual(self.results.counts(), (0, 1))


if __name__ == "__main__":
    unittest.main()
