#!/usr/bin/env python3
"""Writes the list of headers that have to be installed.

  header_closure.py OUT HEADER...    the headers, and those of the project that they include

Paths are relative to the project's root, which is the current folder. An absl/ header is written,
too: the list then says which of Abseil's libraries users need.
"""

import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def closure(headers):
    """The headers and all that they include, sorted; of Abseil's only the names."""
    found, waiting = set(), list(headers)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if path.startswith("absl/"):
            continue
        with open(path, encoding="utf-8") as text:
            for included in INCLUDE.findall(text.read()):
                if not included.startswith("absl/") and not os.path.exists(included):
                    raise SystemExit(f"{path} includes {included}, which is not there")
                waiting.append(included)
    return sorted(found)


def main(arguments):
    out, *headers = arguments
    with open(out, "w", encoding="utf-8") as lines:
        lines.writelines(path + "\n" for path in closure(headers))


if __name__ == "__main__":
    main(sys.argv[1:])
