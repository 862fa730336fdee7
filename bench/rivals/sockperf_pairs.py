#!/usr/bin/env python3
"""The round trip that `spindle bench` and sockperf measure on the same server, in turn.

  bazel run -c opt //bench/rivals:sockperf_pairs [-- ROUNDS]

The server is `spindle serve --mode sockperf` with one loop. Each round measures one connection with
messages of 64 bytes by both, in an order left to chance; the server is pinned to one processor and
the clients to another. sockperf tells half of a round trip; this doubles it. Prints the median of the
p50s of each, and of the ratio bench / sockperf with its 95 % interval. Needs sockperf.
"""

import json
import random
import re
import signal
import statistics
import subprocess
import sys

import ratios

SPINDLE = "bench/cli/spindle"
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
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    if rounds < ratios.MIN_BLOCKS:
        raise SystemExit(f"sockperf_pairs: fewer than {ratios.MIN_BLOCKS} rounds give no interval")
    server = subprocess.Popen(
        ["taskset", "-c", "1", SPINDLE, "serve", "--mode", "sockperf", "--loops", "1", "127.0.0.1", "0"],
        stderr=subprocess.PIPE, text=True)
    port = re.search(r":(\d+)$", server.stderr.readline()).group(1)
    measured = {bench: [], sockperf: []}
    for _ in range(rounds):
        for client in random.sample(list(measured), len(measured)):
            measured[client].append(client(port))
    server.send_signal(signal.SIGTERM)
    if server.wait() != 0:
        raise SystemExit(f"sockperf_pairs: the server ended with {server.returncode}")
    for client, values in measured.items():
        print(f"{client.__name__:<10} p50 {min(values):.1f} to {max(values):.1f}, "
              f"median {statistics.median(values):.1f} us")
    print(f"bench / sockperf: {ratios.estimate(measured[bench], measured[sockperf])} of {rounds} rounds")


if __name__ == "__main__":
    main()
