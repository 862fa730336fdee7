#!/usr/bin/env python3
"""A pool in front of HAProxy in front of an echo server, one of which is restarted again and again.

By hand; needs Debian's package haproxy:
    bazel test //tests/pool:haproxy_restart_test --test_output=all

RESTARTS (100) times, in turn: the server dies by SIGKILL, HAProxy ends by SIGTERM, HAProxy dies by
SIGKILL; each is started again. Each time the pool must be full again; at the end no id was given
twice and the pool's process has as many descriptors as at the start.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from local_port import free_port, wait_for  # noqa: E402

CONNECTIONS = 8
RESTARTS = int(os.environ.get("RESTARTS", "100"))
PATIENCE = 60

ECHO_SERVER = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""

CONFIG = """
global
    maxconn 1000
defaults
    mode tcp
    timeout connect 1s
    timeout client 1m
    timeout server 1m
    retries 0
frontend front
    bind 127.0.0.1:{front}
    default_backend back
backend back
    server echo 127.0.0.1:{back}
"""


class Keeper:
    def __init__(self, port):
        self.process = subprocess.Popen(
            [os.path.join("tests", "pool", "pool_keeper"), "127.0.0.1", str(port),
             str(CONNECTIONS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def wait_full(self, answers):
        """Until all connections are open and more than `answers` were received; the seconds."""
        start = time.monotonic()
        while time.monotonic() < start + PATIENCE:
            stats = self.ask()
            full = stats["idle"] + stats["leased"] == CONNECTIONS
            if full and stats["ok"] > answers + 20:
                return time.monotonic() - start
            time.sleep(0.02)
        raise SystemExit(f"not full again: {stats}")


def main():
    if shutil.which("haproxy") is None:
        sys.exit("haproxy is not installed")
    front, back = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "haproxy.cfg")
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(front=front, back=back))

        def start_server():
            process = subprocess.Popen([sys.executable, "-c", ECHO_SERVER, str(back)])
            wait_for(back, PATIENCE)
            return process

        def start_haproxy():
            process = subprocess.Popen(["haproxy", "-db", "-f", config],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(front, PATIENCE)
            return process

        server, haproxy = start_server(), start_haproxy()
        keeper = Keeper(front)
        try:
            keeper.wait_full(0)
            # All eight, and the loops' own.
            fds = keeper.fds()
            times = []
            for number in range(RESTARTS):
                answers = keeper.ask()["ok"]
                if number % 3 == 0:
                    server.send_signal(signal.SIGKILL)
                    server.wait()
                    server = start_server()
                else:
                    haproxy.send_signal(signal.SIGTERM if number % 3 == 1 else signal.SIGKILL)
                    haproxy.wait()
                    haproxy = start_haproxy()
                times.append(keeper.wait_full(answers))
            stats = keeper.ask()
            left = keeper.fds()
            end = time.monotonic() + PATIENCE
            while left != fds and time.monotonic() < end:
                time.sleep(0.01)  # A place may just be on its way to the other loop.
                left = keeper.fds()
            print(json.dumps(stats, indent=1))
            times.sort()
            print(f"{RESTARTS} restarts; full again after {times[len(times) // 2]:.2f} s (median), "
                  f"{times[-1]:.2f} s (worst); descriptors {fds} -> {left}")
            keeper.process.stdin.close()
            code = keeper.process.wait(PATIENCE)
            bad = stats["repeated_ids"] != 0 or left != fds or code != 0
            sys.exit(1 if bad else 0)
        finally:
            for process in (server, haproxy, keeper.process):
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
