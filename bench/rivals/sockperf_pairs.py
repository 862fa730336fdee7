#!/usr/bin/env python3
"""The round trip that `spindle bench` and sockperf measure on the same server, in turn.

  bazel run -c opt //bench/rivals:sockperf_pairs [-- ROUNDS]

The server is `spindle serve --mode sockperf` with one loop. Each round measures one connection with
messages of 64 bytes by both, in an order left to chance; the server is pinned to one processor and
the clients to another. sockperf tells half of a round trip; this doubles it. Prints the median of the
p50s of each, and of the ratio bench / sockperf with its 95 % interval. Needs sockperf.
"""

import functools
import json
import re
import statistics
import subprocess

import ratios
from servers import Process

SPINDLE = "bench/cli/spindle"
SERVER = ["taskset", "-c", "1", SPINDLE, "serve", "--mode", "sockperf", "--loops", "1", "127.0.0.1", "0"]
SECONDS = 2


def bench(port):
    """Microseconds."""
    run = subprocess.run(
        ["taskset", "-c", "0", SPINDLE, "bench", "-c", "1", "-s", "64", "-d", f"{SECONDS}s", "--quiet",
         "--json", "127.0.0.1", port], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout)["arms"][0]["latency"]["p50"]


def sockperf(port):
    """Microseconds."""
    run = subprocess.run(
        ["taskset", "-c", "0", "sockperf", "ping-pong", "--tcp", "-i", "127.0.0.1", "-p", port, "-m", "64",
         "-t", str(SECONDS)], check=True, stdout=subprocess.PIPE, text=True)
    return 2 * float(re.search(r"percentile 50\.000 = +([0-9.]+)", run.stdout).group(1))


def main():
    rounds = ratios.rounds(15)
    with Process("sockperf_pairs", SERVER) as server:
        measured = ratios.interleave(
            rounds, {"bench": functools.partial(bench, server.port),
                     "sockperf": functools.partial(sockperf, server.port)})
    for client, values in measured.items():
        print(f"{client:<10} p50 {min(values):.1f} to {max(values):.1f}, "
              f"median {statistics.median(values):.1f} us")
    print(f"bench / sockperf: {ratios.estimate(measured['bench'], measured['sockperf'])} of {rounds} rounds")


if __name__ == "__main__":
    main()
