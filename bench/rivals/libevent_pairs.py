#!/usr/bin/env python3
"""One program on libevent and on the drop-in, in pairs: processor time per message, and rate.

  bazel run -c opt //bench/rivals:libevent_pairs -- [--pairs N] [--seconds S] [--connections C]

Both servers, which are the same binary, run all the time; in each pair `spindle bench` loads one and
then the other, in random order. A ratio is ours / libevent's: below 1 is less processor time, above
1 is a higher rate. The interval is a bootstrap of the median over the pairs. The last rows are the
same server twice, on libevent: the noise.
"""

import argparse
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile

ECHO = "bench/rivals/libevent_echo"
SPINDLE = "bench/cli/spindle"
SONAME = "libevent_core-2.1.so.7"
LIBRARY = "net/compat/libevent/libevent-2.1.so.7.0.1"


class Server:
    def __init__(self, way, folder):
        env = dict(os.environ)
        if folder is not None:
            env["LD_LIBRARY_PATH"] = folder
        self.process = subprocess.Popen([ECHO, way, "0"], stderr=subprocess.PIPE, text=True, env=env)
        self.port = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n",
                                 self.process.stderr.readline()).group(1)
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        if (os.path.realpath(LIBRARY) in maps) != (folder is not None):
            raise SystemExit("libevent_pairs: the loader has taken the wrong library")

    def load(self, options):
        """(processor seconds per message, messages per second)."""
        run = json.loads(subprocess.run(
            [SPINDLE, "bench", *options, "--json", "--quiet", "127.0.0.1", self.port],
            check=True, stdout=subprocess.PIPE, text=True).stdout)
        block = run["arms"][0]["blocks"][0]
        if block["errors"]:
            raise SystemExit(f"libevent_pairs: {block['errors']}")
        cpu = block["server_cpu"]["user_s"] + block["server_cpu"]["sys_s"]
        return cpu / block["msgs"], block["msgs"] / block["wall_s"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait() != 0:
            raise SystemExit(f"libevent_pairs: the server ended with {self.process.returncode}")


def interval(ratios, seed=1, resamples=5000):
    """Median and a 95 % percentile bootstrap of it."""
    dice = random.Random(seed)
    medians = sorted(statistics.median(dice.choices(ratios, k=len(ratios)))
                     for _ in range(resamples))
    return statistics.median(ratios), medians[resamples // 40], medians[-resamples // 40]


def compare(label, a, b, options, pairs):
    """Prints the ratios of `b` to `a`."""
    cpu, rate, costs = [], [], []
    for index in range(pairs + 1):
        order = [a, b] if random.random() < 0.5 else [b, a]
        found = {server: server.load(options) for server in order}
        if index == 0:
            continue  # Warms up.
        cpu.append(found[b][0] / found[a][0])
        rate.append(found[b][1] / found[a][1])
        costs.append(found[a][0])
    print("{:<30} {:6.2f} us  {:5.3f} [{:.3f}, {:.3f}]  {:5.3f} [{:.3f}, {:.3f}]".format(
        label, 1e6 * statistics.median(costs), *interval(cpu), *interval(rate)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=64)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spindle-libevent-") as folder:
        os.symlink(os.path.realpath(LIBRARY), os.path.join(folder, SONAME))
        measure(folder, flags)


def measure(folder, flags):
    print(f"{'':<30} {'libevent':>9}  {'cpu/message, ours : libevent':<22}  {'rate':<22}")
    for way in ("bufferevent", "event"):
        theirs, again, ours = Server(way, None), Server(way, None), Server(way, folder)
        for size in ("64", "16K"):
            options = ["-c", str(flags.connections), "-s", size, "-d", f"{flags.seconds}s",
                       "--warmup", "100ms"]
            compare(f"{way} {size}", theirs, ours, options, flags.pairs)
            compare(f"{way} {size}, libevent twice", theirs, again, options, flags.pairs)
        for server in (theirs, again, ours):
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
