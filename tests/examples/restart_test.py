#!/usr/bin/env python3
"""examples/restart: replaced under load, nobody is refused, reset or cut off. RESTARTS=N: so often."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402

RESTARTS = int(os.environ.get("RESTARTS", "100"))
CLIENTS = 3


class Generations:
    """One server process after the other; all write to one pipe."""

    def __init__(self, program, *, options=("--loops=2",), endpoint=("127.0.0.1", "0"), **popen):
        self.process = subprocess.Popen(
            [program, *options, *endpoint], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, **popen)
        self.pid = self.process.pid
        self.address = self.wait("listening on (.*)")

    def wait(self, pattern):
        """The group of the next line like "restart PID: PATTERN"; the process is then `self.pid`."""
        for line in self.process.stderr:
            match = re.fullmatch(rf"restart (\d+): {pattern}", line.rstrip("\n"))
            if match:
                self.pid = int(match.group(1))
                return match.group(2) if match.lastindex > 1 else None
        raise AssertionError(f"no {pattern!r} before the end")

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    def restart(self):
        before = self.pid
        os.kill(before, signal.SIGHUP)
        while self.pid == before:
            self.wait("(listening on .*)")
        return self.pid

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        os.kill(self.pid, signal.SIGKILL)
        self.process.stderr.close()
        self.process.wait()


class Load(threading.Thread):
    """Connects, sends, gets it back, closes; again and again. Any failure is in `errors`."""

    def __init__(self, connect):
        super().__init__()
        self.connect = connect
        self.stop = threading.Event()
        self.done = 0
        self.errors = []

    def run(self):
        while not self.stop.is_set() and len(self.errors) < 10:
            try:
                with self.connect() as peer:
                    message = b"%d" % self.done
                    peer.sendall(message)
                    answer = harness.receive_exactly(peer, len(message))
                    if answer != message:
                        self.errors.append(f"{answer} instead of {message}")
            except (OSError, AssertionError) as error:
                self.errors.append(repr(error))
            self.done += 1


def run_under_load(test, generations, connect):
    clients = [Load(connect) for _ in range(CLIENTS)]
    with connect() as lasting:  # Open from the first process on.
        for client in clients:
            client.start()
        pids = {generations.pid}
        try:
            for _ in range(RESTARTS):
                before = sum(client.done for client in clients)
                pids.add(generations.restart())
                # Each process serves some.
                while sum(client.done for client in clients) < before + 3:
                    test.assertTrue(all(client.is_alive() for client in clients))
        finally:
            for client in clients:
                client.stop.set()
            for client in clients:
                client.join()
        lasting.settimeout(harness.PATIENCE)
        test.assertEqual(lasting.recv(1), b"")  # Its process ended it at the deadline, in order.
    test.assertEqual([client.errors for client in clients], [[]] * CLIENTS)
    test.assertEqual(len(pids), RESTARTS + 1)
    return sum(client.done for client in clients)


class RestartTest(unittest.TestCase):
    PROGRAM = harness.binary("restart/restart")

    def test_nobody_is_refused_or_reset(self):
        with Generations(self.PROGRAM) as server:
            done = run_under_load(
                self, server, lambda: socket.create_connection(("127.0.0.1", server.port)))
            print(f"{done} connections, {RESTARTS} restarts", file=sys.stderr)

    def test_a_successor_that_cannot_start_changes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "server")
            shutil.copy(self.PROGRAM, program)
            with Generations(program) as server:
                pid = server.pid
                for broken in ("#!/bin/sh\nexit 3\n", "not a program"):
                    os.unlink(program)
                    pathlib.Path(program).write_text(broken)
                    os.chmod(program, 0o755)
                    os.kill(pid, signal.SIGHUP)
                    said = server.wait("still here: (.*)")
                    self.assertIn("ended with status", said)
                    self.assertEqual(server.pid, pid)
                    with socket.create_connection(("127.0.0.1", server.port)) as peer:
                        peer.sendall(b"x")
                        self.assertEqual(harness.receive_exactly(peer, 1), b"x")
                os.unlink(program)
                shutil.copy(self.PROGRAM, program)
                self.assertNotEqual(server.restart(), pid)

    def test_sockets_from_systemd(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = os.path.join(folder, "socket")
            listener.bind(path)
            listener.listen()
            manager.bind(os.path.join(folder, "notify"))
            manager.settimeout(harness.PATIENCE)
            # What systemd does between fork and exec, which only the process itself can: its number.
            shell = 'exec 3<&"$1"; shift; export LISTEN_PID=$$; exec "$@"'
            with Generations(
                    "/bin/bash", options=("-c", shell, "bash", str(listener.fileno()), self.PROGRAM),
                    endpoint=("127.0.0.1", "1"), pass_fds=[listener.fileno()],
                    env={**os.environ, "LISTEN_FDS": "1", "NOTIFY_SOCKET": manager.getsockname()},
                    ) as server:
                self.assertEqual(manager.recv(100), b"READY=1\n")
                self.assertEqual(server.address, f"unix:{path}")
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.connect(path)
                    peer.sendall(b"x")
                    self.assertEqual(harness.receive_exactly(peer, 1), b"x")
            self.assertTrue(os.path.exists(path))


if __name__ == "__main__":
    harness.main()
