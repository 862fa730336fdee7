"""Counts test cases in the build events of one `bazel test` or `bazel build`.

Prints "PASSED FAILED" on standard output and, for each target that failed, a line with the path of
its log on standard error. Test cases come from each target's test.xml. A target that failed with no
failed case in it (a crash, a timeout, a leak found at exit) adds one failure, and so does a target
that did not build, and a command that failed without saying where. A build counts as one case.
"""

import argparse
import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree


def local_path(uri):
    return pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path))


def count_cases(xml_path):
    """(passed, failed) in one test.xml; skipped and disabled cases are neither."""
    passed = failed = 0
    try:
        root = xml.etree.ElementTree.parse(xml_path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return 0, 0
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is None and case.get("status") != "notrun":
            passed += 1
    return passed, failed


class Results:
    def __init__(self):
        self.attempts = {}  # (label, run, shard) -> the last attempt's testResult event
        self.broken = {}  # label -> why it did not build

    def read(self, event):
        ident = event["id"]
        if "testResult" in ident:
            key = ident["testResult"]
            slot = (key["label"], key.get("run", 1), key.get("shard", 1))
            self.attempts[slot] = event.get("testResult", {"status": "NO_STATUS"})
        elif "targetCompleted" in ident:
            if "aborted" in event or not event.get("completed", {}).get("success", False):
                self.broken[ident["targetCompleted"]["label"]] = "did not build"
        elif "pattern" in ident and "aborted" in event:
            self.broken[" ".join(ident["pattern"]["pattern"])] = "could not be loaded"
        elif "unconfiguredLabel" in ident and "aborted" in event:
            self.broken[ident["unconfiguredLabel"]["label"]] = "could not be analysed"

    def counts(self):
        passed = failed = 0
        for (label, _, _), result in sorted(self.attempts.items()):
            files = {f["name"]: local_path(f["uri"]) for f in result.get("testActionOutput", [])}
            case_passed, case_failed = count_cases(files.get("test.xml", ""))
            good = result["status"] in ("PASSED", "FLAKY")
            if not good and not case_failed:
                case_failed = 1
            if good and not case_passed and not case_failed:
                print(f"no test case in {label}", file=sys.stderr)
            if case_failed:
                log = files.get("test.log", "no log")
                print(f"FAILED {label} ({result['status']}): {log}", file=sys.stderr)
            passed += case_passed
            failed += case_failed
        for label, why in sorted(self.broken.items()):
            print(f"FAILED {label}: {why}", file=sys.stderr)
        return passed, failed + len(self.broken)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", choices=["test", "build"], required=True)
    parser.add_argument("--exit-status", type=int, required=True)
    parser.add_argument("events", type=pathlib.Path)
    args = parser.parse_args()

    results = Results()
    if args.events.exists():
        for line in args.events.read_text().splitlines():
            results.read(json.loads(line))
    passed, failed = results.counts()
    if args.command == "build" and args.exit_status == 0:
        passed += 1
    if args.exit_status != 0 and failed == 0:
        print(f"FAILED: bazel ended with status {args.exit_status}", file=sys.stderr)
        failed = 1
    print(passed, failed)


if __name__ == "__main__":
    main()
