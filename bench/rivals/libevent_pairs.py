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
import signal
import subprocess
import sys

ECHO = "bench/rivals/libevent_{}_server"
SPINDLE = "bench/cli/spindle"
WITH_SPINDLE = "tools/with-spindle"
LIBRARY = "net/compat/libevent/libevent-2.1.so.7.0.1"


class Server:
    def __init__(self, way, ours=False):
        self.process = subprocess.Popen(
            [*([WITH_SPINDLE] if ours else []), ECHO.format(way), "127.0.0.1", "0"],
            stderr=subprocess.PIPE, text=True, env={**os.environ, "SPINDLE_LIBEVENT": os.path.abspath(LIBRARY)})
        self.port = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n",
                                 self.process.stderr.readline()).group(1)
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        libraries = re.findall(r"\S*/libevent\S*", maps)
        if any("/spindle/" in path for path in libraries) != ours:
            raise SystemExit(f"libevent_pairs: the loader has taken {set(libraries)}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait() != 0:
            raise SystemExit(f"libevent_pairs: the server ended with {self.process.returncode}")


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
        theirs, again, ours = Server(way), Server(way), Server(way, ours=True)
        for size in ("64", "16K"):
            options = ["-c", "64", "-s", size, *sys.argv[1:]]
            compare(f"{way} {size}", theirs, ours, options)
            compare(f"{way} {size}, libevent twice", theirs, again, options)
        for server in (theirs, again, ours):
            server.stop()


if __name__ == "__main__":
    main()
