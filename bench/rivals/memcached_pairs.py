#!/usr/bin/env python3
"""Debian's memcached on libevent and on the drop-in: requests per second under memcaslap, in turn.

  bazel run -c opt //bench/rivals:memcached_pairs [-- ROUNDS]

Three servers run all the time: one on the drop-in, two on libevent. Each round loads all of them, in
an order left to chance. Prints the median ratio ours / libevent's with its 95 % interval, and the same
of libevent against itself: the noise. Needs memcached and
libmemcached-tools.
"""

import os
import pathlib
import re
import signal
import subprocess
import tempfile

import ratios

WITH_SPINDLE = "tools/with-spindle"
LIBRARY = "net/compat/libevent/libevent-2.1.so.7.0.1"
THREADS = 2
CONNECTIONS = 32
SECONDS = 2


class Server:
    def __init__(self, folder, name, ours):
        ports = pathlib.Path(folder, name)
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            [*([WITH_SPINDLE] if ours else []), "memcached", *user, "-l", "127.0.0.1", "-p", "-1",
             "-U", "0", "-t", str(THREADS)],
            env={**os.environ, "SPINDLE_LIBEVENT": os.path.abspath(LIBRARY),
                 "MEMCACHED_PORT_FILENAME": str(ports)})
        while not ports.exists():
            if self.process.poll() is not None:
                raise SystemExit(f"memcached_pairs: memcached ended with {self.process.returncode}")
        self.port = re.search(r"TCP INET: (\d+)", ports.read_text(encoding="ascii")).group(1)
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text(encoding="utf-8")
        if ("/spindle/" in maps) != ours:
            raise SystemExit("memcached_pairs: the loader has taken the wrong library")

    def rate(self):
        """Requests per second."""
        run = subprocess.run(
            ["memcaslap", "-s", f"127.0.0.1:{self.port}", "-t", f"{SECONDS}s", "-T", "1",
             "-c", str(CONNECTIONS)], check=True, capture_output=True, text=True)
        return float(re.search(r"TPS: (\d+)", run.stdout).group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def main():
    rounds = ratios.rounds(15)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # memcached gives up its rights first.
        servers = {name: Server(folder, name, ours=name == "ours")
                   for name in ("ours", "libevent", "again")}
        rates = ratios.interleave(rounds, {name: server.rate for name, server in servers.items()})
        for label, name in (("ours / libevent", "ours"), ("libevent / libevent", "again")):
            found = ratios.estimate(rates[name], rates["libevent"])
            print(f"{label:<22} {found.ratio:.3f} [{found.low:.3f}, {found.high:.3f}] of {rounds} rounds")
        for server in servers.values():
            server.stop()


if __name__ == "__main__":
    main()
