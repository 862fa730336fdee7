#!/usr/bin/env python3
"""One gigabyte through `spindle nc` and through Debian's netcat-openbsd, in turn: speed, processor time.

  bazel run -c opt //bench/rivals:netcat_pairs [-- ROUNDS]

Each round sends the same bytes over loopback with both programs, in an order left to chance: from a
file to /dev/null, from a file to a file, and from a pipe to a pipe. Prints the median ratios ours /
theirs with their 95 % intervals; of speeds, where more is better, and of the
processor time of both ends together (with the two `cat` of the pipes), where less is. Needs 2 GB in
/dev/shm.
"""

import functools
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

import ratios
from servers import children_seconds

PROGRAMS = {"ours": (["bench/cli/spindle", "nc"], []), "theirs": (["nc.openbsd"], ["-N"])}
SIZE = 1_000_000_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_listener(port, process):
    """Without a connection, which would be the only one."""
    mark = f":{port:04X} 00000000:0000 0A"
    while mark not in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii"):
        if process.poll() is not None:
            raise SystemExit(f"netcat_pairs: the listener ended with {process.returncode}")
        time.sleep(0.001)


def transfer(program, source, sink):
    """Seconds, and seconds of processors. `sink` None: pipes on both sides."""
    command, options = PROGRAMS[program]
    port = free_port()
    before = children_seconds()
    with open(source, "rb") as file, open(sink or "/dev/null", "wb") as out:
        server = subprocess.Popen([*command, *options, "-l", "127.0.0.1", str(port)],
                                  stdin=subprocess.DEVNULL, stdout=out if sink else subprocess.PIPE)
        helpers = []
        if sink is None:
            helpers.append(subprocess.Popen(["cat"], stdin=server.stdout, stdout=out))
            server.stdout.close()
        wait_for_listener(port, server)
        start = time.monotonic()
        if sink is None:
            helpers.append(subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE))
        client = subprocess.Popen([*command, *options, "127.0.0.1", str(port)],
                                  stdin=file if sink else helpers[1].stdout,
                                  stdout=subprocess.DEVNULL)
        if sink is None:
            helpers[1].stdout.close()
        codes = [process.wait() for process in (client, server, *helpers)]
        seconds = time.monotonic() - start
    if any(codes):
        raise SystemExit(f"netcat_pairs: exit codes {codes}")
    if sink not in (None, "/dev/null") and os.path.getsize(sink) != SIZE:
        raise SystemExit("netcat_pairs: the file was cut")
    return seconds, children_seconds() - before


def main():
    rounds = ratios.rounds(11)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        source = os.path.join(folder, "source")
        with open(source, "wb") as file:
            for _ in range(SIZE // 1_000_000):
                file.write(os.urandom(1_000_000))
        for name, sink in (("file to /dev/null", "/dev/null"),
                           ("file to file", os.path.join(folder, "sink")), ("pipe to pipe", None)):
            runs = ratios.interleave(
                rounds, {program: functools.partial(transfer, program, source, sink)
                         for program in PROGRAMS})
            (seconds, work), (their_seconds, their_work) = (zip(*runs[program]) for program in PROGRAMS)
            print(f"{name:<18} speed          {ratios.estimate(their_seconds, seconds)}")
            print(f"{name:<18} processor time {ratios.estimate(work, their_work)} of {rounds} rounds")
            print(f"{name:<18} {SIZE / 1e6 / statistics.median(seconds):.0f} MB/s with ours", flush=True)


if __name__ == "__main__":
    main()
