#!/usr/bin/env python3
"""`spindle report` as its user sees it: files, exit codes, one line for each error."""

import csv
import io
import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import report_testing as testing  # noqa: E402


class ReportCommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seqpar = testing.write("seqpar.json", testing.sample("seqpar"))
        cls.bench = testing.write("bench.json", testing.sample("bench"))
        cls.hostile = testing.write("hostile.json", testing.sample("hostile"))

    def assert_one_line(self, result, code, *parts):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, b"")
        self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith(b"spindle report: "), result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)

    def test_text_is_the_default(self):
        result = testing.spindle("report", self.seqpar)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr, b"")
        text = result.stdout.decode()
        self.assertTrue(text.startswith("Parallel was 15.5× as fast as sequential"), text)
        self.assertIn("note: the server is in this process", text)
        self.assertEqual(testing.spindle("report", "--text", self.seqpar).stdout, result.stdout)
        with open(self.seqpar, "rb") as run:
            self.assertEqual(testing.spindle("report", "-", stdin=run.read()).stdout, result.stdout)

    def test_text_holds_nothing_for_the_terminal(self):
        out = testing.spindle("report", self.hostile).stdout
        self.assertNotIn(b"\x1b", out)

    def test_page_and_table_into_files(self):
        page, table = testing.scratch("page.html"), testing.scratch("table.csv")
        result = testing.spindle("report", self.seqpar, "--html", page, "--csv", table)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))
        with open(page, encoding="utf-8") as text:
            self.assertTrue(text.read().startswith("<!doctype html>"))
        with open(table, encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        self.assertEqual(len(rows), 200)
        self.assertEqual(rows[0]["arm"], "sequential")
        self.assertEqual(rows[0]["message_bytes"], "1024")

    def test_quoted_cells_come_back(self):
        result = testing.spindle("report", self.hostile, "--csv", "-")
        rows = list(csv.reader(io.StringIO(result.stdout.decode())))
        self.assertTrue(any("\n=1+1" in row[0] for row in rows))
        self.assertEqual({len(row) for row in rows}, {24})

    def test_two_runs_on_one_page(self):
        page = testing.scratch("two.html")
        result = testing.spindle("report", self.seqpar, self.bench, "--html", page)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(page, encoding="utf-8") as text:
            content = text.read()
        self.assertIn('id="a-json"', content)
        self.assertIn('id="b-json"', content)
        self.assertLess(os.path.getsize(page), 400_000)

    def test_what_is_no_run_is_one_line_and_exit_code_2(self):
        for name, text, part in (
                ("broken", '{"schema": "spindle.run/1",', b"broken.json: parse error at line 1"),
                ("other", '{"schema": "other/1"}', b"schema: \"other/1\" is not spindle.run/1"),
                ("empty", "", b"empty.json"),
                ("cut", testing.sample("seqpar")[:5000], b"parse error"),
                ("wrong", testing.sample("seqpar").replace('"wall_s":', '"wall":', 1),
                 b"arms[0].blocks[0].wall_s: a number is missing"),
                ("escape", '{"schema": "\\u001b[31m"}', b"schema: ")):
            with self.subTest(name):
                path = testing.write(name + ".json", text)
                result = testing.spindle("report", path, "--html", testing.scratch("no.html"))
                self.assert_one_line(result, 2, part)
                self.assertNotIn(b"\x1b", result.stderr)
                self.assertFalse(os.path.exists(testing.scratch("no.html")))

    def test_wrong_command_lines_are_one_line_and_exit_code_2(self):
        for words in ((), (self.seqpar, self.bench, self.seqpar), (self.seqpar, "--bogus"),
                      (self.seqpar, self.bench, "--csv", testing.scratch("x.csv")),
                      (self.seqpar, "--html", "-", "--csv", "-"),
                      (self.seqpar, "--html", "-", "--text")):
            self.assert_one_line(testing.spindle("report", *words), 2)

    def test_files_that_cannot_be_read_or_written_are_exit_code_3(self):
        self.assert_one_line(testing.spindle("report", "/nowhere/run.json"), 3,
                             b"/nowhere/run.json: No such file or directory")
        self.assert_one_line(testing.spindle("report", "/"), 3, b"EISDIR")
        for option in ("--html", "--csv"):
            self.assert_one_line(testing.spindle("report", self.seqpar, option, "/dev/full"), 3,
                                 b"write /dev/full: No space left on device")


if __name__ == "__main__":
    testing.main()
