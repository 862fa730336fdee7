#!/usr/bin/env python3
"""examples/echo, built with -c opt, makes no more system calls and takes no more instructions than
bench/baseline.json has, but for 2 %. Times are no matter. And tools/counts itself, on made-up counts.

Needs strace and valgrind (tools/setup --dev); the first case is skipped, and said so, without them.
"""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
ROOT = os.getcwd()
COUNTS = os.path.join(ROOT, "tools/counts")
ECHO = os.path.join(ROOT, "tests/counts/echo")

loader = importlib.machinery.SourceFileLoader("counts", COUNTS)
counts = importlib.util.module_from_spec(importlib.util.spec_from_loader("counts", loader))
loader.exec_module(counts)

PROFILE = """fn=(1) main
cfn=(2) close
calls=3 0
1 10
cfn=(3) closedir
calls=7 0
1 10
fn=(4) other
cfn=(2)
calls=2 0
1 10
"""


class MadeUp:
    """Has counted everything `factor` times what the baseline has."""

    server = "made up"

    def __init__(self, baseline, factor):
        self.baseline, self.factor = baseline, factor

    def count(self, case, wanted):
        return {what: self.baseline[case.name][what] * self.factor for what in wanted}


class CountsTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("strace") and shutil.which("valgrind"), "no strace or valgrind")
    def test_the_echo_server_costs_no_more_than_it_did(self):
        run = subprocess.run([COUNTS, "--check", "--programs", ROOT, "--echo", ECHO],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        print(run.stdout)
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_two_percent_more_is_the_limit(self):
        baseline = {case.name: {what: 100.0 for what in case.checked}
                    for case in counts.CASES.values() if case.checked}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "baseline.json")
            path.write_text(json.dumps({"counts": baseline}), encoding="utf-8")
            with mock.patch.object(counts, "BASELINE", path):
                self.assertTrue(counts.check(MadeUp(baseline, 0.5)))
                self.assertTrue(counts.check(MadeUp(baseline, 1.019)))
                self.assertFalse(counts.check(MadeUp(baseline, 1.021)))

    def test_a_baseline_of_other_cases_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "baseline.json")
            path.write_text(json.dumps({"counts": {"message": {"calls": 2}}}), encoding="utf-8")
            with mock.patch.object(counts, "BASELINE", path), self.assertRaises(SystemExit):
                counts.check(MadeUp({}, 1))

    def test_a_file_that_nobody_builds_is_refused(self):
        run = subprocess.run([COUNTS, "--echo", ECHO], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(run.returncode, 2)
        self.assertIn("--programs", run.stderr)

    def test_calls_of_a_function_are_added_up(self):
        self.assertEqual(counts.calls_of("close", PROFILE), 5)
        self.assertEqual(counts.calls_of("open", PROFILE), 0)

    def test_a_cost_is_what_the_longer_run_has_more(self):
        longer = counts.Cost(300, {"recv": 310, "epoll_ctl": 7})
        self.assertEqual(longer.per_unit(counts.Cost(100, {"recv": 110, "epoll_ctl": 7})),
                         {"recv": 1.0, "epoll_ctl": 0.0})


if __name__ == "__main__":
    unittest.main(verbosity=2)
