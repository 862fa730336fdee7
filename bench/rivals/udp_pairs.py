#!/usr/bin/env python3
"""UDP echo servers on Spindle and on libuv: messages per second of the server's processor time.

  bazel run -c opt //bench/rivals:udp_pairs [-- ROUNDS [SECONDS]]

The servers run all the time: Spindle's twice (examples/udp_echo, one loop), libuv's in two ways
(libuv_udp_echo plain and recvmmsg). Each round loads all of them by udp_load, in an order left to
chance; then comes the next shape. Prints the median ratio to each of libuv's with its 95 % interval,
the same of Spindle against itself (the noise), and the rates. A server that has used no processor
time, or answered nothing, is an error.
"""

import contextlib
import functools
import statistics
import subprocess
import sys

import ratios
from servers import Process

SPINDLE = "examples/udp_echo/udp_echo"
LIBUV = "bench/rivals/libuv_udp_echo"
LOAD = "bench/rivals/udp_load"
SERVERS = {"spindle": (SPINDLE, "127.0.0.1", "0"), "again": (SPINDLE, "127.0.0.1", "0"),
           "plain": (LIBUV, "plain", "0"), "recvmmsg": (LIBUV, "recvmmsg", "0")}
# Sockets, datagrams under way on each, bytes. "40-100" is what questions to a name server are like:
# no two in a row have the same size.
SHAPES = ((1, 1, 64), (64, 1, 64), (64, 16, 64), (4, 64, 64), (4, 64, "40-100"), (64, 1, 1200),
          (8, 32, 1200))


class Server(Process):
    def __init__(self, *command):
        super().__init__("udp_pairs", command)

    def load(self, shape, seconds):
        """Answers per second of its processor time, per second, and the part that was lost."""
        before = self.cpu_ns()
        run = subprocess.run([LOAD, self.port, *map(str, shape), str(seconds)], check=True,
                             stdout=subprocess.PIPE, text=True)
        used = (self.cpu_ns() - before) / 1e9
        answers, lost = map(int, run.stdout.split())
        if used <= 0 or answers == 0:
            raise SystemExit(f"udp_pairs: {answers} answers in {used} s of processor time")
        return answers / used, answers / seconds, lost / answers


def ratio(results, name, other):
    return str(ratios.estimate([run[0] for run in results[name]], [run[0] for run in results[other]]))


def measure(servers, rounds, seconds):
    """Prints a line for each shape."""
    print("messages per second of server CPU, spindle's to libuv's")
    print(f"{'sockets x window x bytes':<26}{'/ plain':<22}{'/ recvmmsg':<22}{'/ itself':<22}"
          "us/msg spindle, plain, recvmmsg; lost")
    for shape in SHAPES:
        for server in servers.values():
            server.load(shape, 0.1)  # To warm up.
        results = ratios.interleave(
            rounds, {name: functools.partial(server.load, shape, seconds)
                     for name, server in servers.items()})
        cost = [1e6 / statistics.median(r[0] for r in results[name])
                for name in ("spindle", "plain", "recvmmsg")]
        lost = max(r[2] for name in results for r in results[name])
        print(f"{'x'.join(map(str, shape)):<26}"
              f"{ratio(results, 'spindle', 'plain'):<22}{ratio(results, 'spindle', 'recvmmsg'):<22}"
              f"{ratio(results, 'again', 'spindle'):<22}"
              f"{cost[0]:.2f}, {cost[1]:.2f}, {cost[2]:.2f}; {100 * lost:.1f} %", flush=True)


def main():
    rounds = ratios.rounds(15)
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Server(*command)) for name, command in SERVERS.items()}
        measure(servers, rounds, seconds)


if __name__ == "__main__":
    main()
