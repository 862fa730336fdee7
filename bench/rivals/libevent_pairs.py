#!/usr/bin/env python3
"""One program on libevent and on the drop-in: processor time per message, and rate.

  bazel run -c opt //bench/rivals:libevent_pairs -- [OPTIONS OF spindle compare]

Two servers run the same binary, one on each library, and `spindle compare` loads both in turn; the
ratios are ours / libevent's, with its intervals. Below 1 is less processor time, above 1 a higher
rate. Then the same with libevent twice: the noise.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

from servers import Process

ECHO = "bench/rivals/libevent_{}_server"
SPINDLE = "bench/cli/spindle"
WITH_SPINDLE = "tools/with-spindle"
LIBRARY = "net/compat/libevent/libevent-2.1.so.7.0.1"


def start(way, ours=False):
    return Process("libevent_pairs", [*([WITH_SPINDLE] if ours else []), ECHO.format(way), "127.0.0.1", "0"],
                   env={**os.environ, "SPINDLE_LIBEVENT": os.path.abspath(LIBRARY)})


def check_library(server, ours=False):
    maps = pathlib.Path(f"/proc/{server.pid}/maps").read_text(encoding="utf-8")
    libraries = re.findall(r"\S*/libevent\S*", maps)
    if any("/spindle/" in path for path in libraries) != ours:
        raise SystemExit(f"libevent_pairs: the loader has taken {set(libraries)}")


def compare(label, a, b, options):
    """Prints the ratios of `b` to `a`."""
    run = subprocess.run(
        [SPINDLE, "compare", "--quiet", "--json", *options, "127.0.0.1", a.port, "127.0.0.1", b.port],
        check=True, stdout=subprocess.PIPE, text=True)
    found = {row["stat"]: row for row in json.loads(run.stdout)["compare"]}
    cells = ["{:.3f} [{:.3f}, {:.3f}]".format(found[stat]["ratio"], *found[stat]["ci95"])
             for stat in ("server-cpu", "throughput")]
    print(f"{label:<32} {cells[0]:<24} {cells[1]}", flush=True)


def main():
    print(f"{'':<32} {'cpu/message':<24} rate")
    for way in ("buffer", "event"):
        with start(way) as theirs, start(way) as again, start(way, ours=True) as ours:
            check_library(theirs)
            check_library(again)
            check_library(ours, ours=True)
            for size in ("64", "16K"):
                options = ["-c", "64", "-s", size, *sys.argv[1:]]
                compare(f"{way} {size}", theirs, ours, options)
                compare(f"{way} {size}, libevent twice", theirs, again, options)


if __name__ == "__main__":
    main()
