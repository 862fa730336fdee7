#!/usr/bin/env python3
"""UDP echo servers on Spindle and on libuv: messages per second of the server's processor time.

  bazel run -c opt //bench/rivals:udp_pairs [-- ROUNDS [SECONDS]]

The servers run all the time: Spindle's twice (examples/udp_echo, one loop), libuv's in two ways
(libuv_udp_echo plain and recvmmsg). Each round loads all of them by udp_load, in an order left to
chance; then comes the next shape. Prints the median ratio to each of libuv's with its 95 % interval,
the same of Spindle against itself (the noise), and the rates. A server that has used no processor
time, or answered nothing, is an error.
"""

import random
import re
import signal
import statistics
import subprocess
import sys
import time

import ratios

SPINDLE = "examples/udp_echo/udp_echo"
LIBUV = "bench/rivals/libuv_udp_echo"
LOAD = "bench/rivals/udp_load"
# Sockets, datagrams under way on each, bytes. "40-100" is what questions to a name server are like:
# no two in a row have the same size.
SHAPES = ((1, 1, 64), (64, 1, 64), (64, 16, 64), (4, 64, 64), (4, 64, "40-100"), (64, 1, 1200),
          (8, 32, 1200))


class Server:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n",
                                 self.process.stderr.readline()).group(1)

    def cpu(self):
        """Processor time so far, in seconds; clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def load(self, shape, seconds):
        """Answers per second of its processor time, per second, and the part that was lost."""
        before = self.cpu()
        run = subprocess.run([LOAD, self.port, *map(str, shape), str(seconds)], check=True,
                             stdout=subprocess.PIPE, text=True)
        used = self.cpu() - before
        answers, lost = map(int, run.stdout.split())
        if used <= 0 or answers == 0:
            raise SystemExit(f"udp_pairs: {answers} answers in {used} s of processor time")
        return answers / used, answers / seconds, lost / answers

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait() != 0:
            raise SystemExit(f"udp_pairs: a server ended with {self.process.returncode}")


def ratio(results, name, other):
    return str(ratios.estimate([run[0] for run in results[name]], [run[0] for run in results[other]]))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
    if rounds < 6:
        raise SystemExit("udp_pairs: fewer than 6 rounds give no interval")
    servers = {"spindle": Server(SPINDLE, "127.0.0.1", "0"),
               "again": Server(SPINDLE, "127.0.0.1", "0"),
               "plain": Server(LIBUV, "plain", "0"),
               "recvmmsg": Server(LIBUV, "recvmmsg", "0")}
    print("messages per second of server CPU, spindle's to libuv's")
    print(f"{'sockets x window x bytes':<26}{'/ plain':<22}{'/ recvmmsg':<22}{'/ itself':<22}"
          "us/msg spindle, plain, recvmmsg; lost")
    for shape in SHAPES:
        results = {name: [] for name in servers}
        for server in servers.values():
            server.load(shape, 0.1)  # To warm up.
        for _ in range(rounds):
            for name in random.sample(list(servers), len(servers)):
                results[name].append(servers[name].load(shape, seconds))
        cost = [1e6 / statistics.median(r[0] for r in results[name])
                for name in ("spindle", "plain", "recvmmsg")]
        lost = max(r[2] for name in results for r in results[name])
        print(f"{'x'.join(map(str, shape)):<26}"
              f"{ratio(results, 'spindle', 'plain'):<22}{ratio(results, 'spindle', 'recvmmsg'):<22}"
              f"{ratio(results, 'again', 'spindle'):<22}"
              f"{cost[0]:.2f}, {cost[1]:.2f}, {cost[2]:.2f}; {100 * lost:.1f} %", flush=True)
    for server in servers.values():
        server.stop()


if __name__ == "__main__":
    main()
