"""What the tests of saved runs and of the report's page share."""

import os
import subprocess
import sys
import unittest
import xml.sax.saxutils

# Many times what anything here takes on a busy machine.
PATIENCE = 120

SPINDLE = "bench/cli/spindle"
SAMPLE_RUN = "tests/bench/report/sample_run"
SCHEMA = "bench/report/spindle.run.1.schema.json"


def scratch(name):
    """The path of a file of that name which the test may write."""
    return os.path.join(os.environ.get("TEST_TMPDIR", "."), name)


def spindle(*arguments, stdin=b""):
    """Runs the program to its end; its exit code and output, as bytes."""
    return subprocess.run([SPINDLE, *arguments], input=stdin, capture_output=True,
                          timeout=PATIENCE, check=False)


def sample(name):
    """The JSON of one of the sample records, as text."""
    return subprocess.run([SAMPLE_RUN, name], capture_output=True, timeout=PATIENCE, check=True,
                          encoding="utf-8").stdout


def write(name, text):
    """Writes a file among the test's own; its path."""
    path = scratch(name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


class _Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self.__dict__.setdefault("cases", []).append(test)


def main():
    """unittest.main, with a report of each case where Bazel wants it."""
    program = unittest.main(exit=False, verbosity=2,
                            testRunner=unittest.TextTestRunner(resultclass=_Result, verbosity=2))
    result = program.result
    failed = {test.id(): text for test, text in result.failures + result.errors}
    path = os.environ.get("XML_OUTPUT_FILE")
    if path:
        with open(path, "w", encoding="utf-8") as out:
            out.write("<testsuites><testsuite name='report'>\n")
            for test in getattr(result, "cases", []):
                out.write(f"<testcase name={xml.sax.saxutils.quoteattr(test.id())}>")
                if test.id() in failed:
                    text = xml.sax.saxutils.escape(failed[test.id()])
                    out.write(f"<failure>{text}</failure>")
                out.write("</testcase>\n")
            out.write("</testsuite></testsuites>\n")
    sys.exit(0 if result.wasSuccessful() else 1)
