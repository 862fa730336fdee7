#!/usr/bin/env python3
"""`spindle top` as its user sees it: printed once, and on a terminal (a pty)."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running_server import SPINDLE, RunningServer  # noqa: E402

ENTER = b"\x1b[?1049h"
LEAVE = b"\x1b[?1049l"
LONG = 120  # Seconds that no machine is too busy for.


class Terminal:
    """`spindle top` on a terminal of its own; the screen is what it would show."""

    def __init__(self, *arguments, columns=80, rows=24, **environment):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.output = b""
        variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        variables.update(TERM="xterm", **environment)
        self.process = subprocess.Popen(
            [SPINDLE, "top", *arguments], stdin=self.slave, stdout=self.slave,
            stderr=subprocess.PIPE, env=variables, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def frame(self):
        """The last whole frame, without colours."""
        frames = self.output.split(b"\x1b[H\x1b[2K")
        text = frames[-1].decode("ascii", "replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)

    def read(self):
        ready, _, _ = select.select([self.master], [], [], 0.1)
        if ready:
            try:
                self.output += os.read(self.master, 65536)
            except OSError:
                pass

    def wait_for(self, pattern):
        end = time.monotonic() + LONG
        while not re.search(pattern, self.frame()):
            assert time.monotonic() < end, f"no {pattern} in:\n{self.frame()}"
            assert self.process.poll() is None, self.process.stderr.read()
            self.read()
        return self.frame()

    def type(self, keys):
        os.write(self.master, keys)

    def wait(self):
        """Its exit code; what it wrote to the end is in `output`."""
        end = time.monotonic() + LONG
        while self.process.poll() is None:
            assert time.monotonic() < end, "it does not end"
            self.read()
        self.read()
        self.process.stderr.close()
        return self.process.returncode

    def is_restored(self):
        return (termios.tcgetattr(self.slave) == self.before and
                self.output.count(ENTER) == self.output.count(LEAVE) > 0 and
                self.output.rstrip().endswith(LEAVE))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)


def watched_server(*options):
    return RunningServer("--loops", "2", "--admin", "127.0.0.1:0", *options)


class OnceTest(unittest.TestCase):
    def top(self, *arguments):
        return subprocess.run([SPINDLE, "top", *arguments], capture_output=True, text=True,
                              check=False)

    def test_json_has_loops_rates_and_imbalance(self):
        with watched_server() as server:
            admin = server.wait_for("admin at ")
            server.load("-c", "4")
            result = self.top(admin, "--once", "--json", "--interval", "100ms")
        self.assertEqual(result.returncode, 0, result.stderr)
        view = json.loads(result.stdout)
        self.assertEqual(view["schema"], "spindle.top/1")
        self.assertEqual([loop["name"] for loop in view["loops"]],
                         ["acceptor", "worker-0", "worker-1"])
        self.assertGreaterEqual(view["interval_s"], 0.1)
        self.assertGreater(view["loops"][0]["turns_per_s"], 0)
        self.assertIn("busy", view["imbalance"])

    def test_every_form_of_address(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/admin"
            with RunningServer("--admin", f"unix:{path}") as server:
                server.wait_for("admin at ")
                for words in ([path], [f"unix:{path}"], ["--admin", path]):
                    result = self.top(*words, "--once", "--interval", "100ms")
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertIn("no connections", result.stdout)
                    self.assertNotIn("\x1b", result.stdout)
        with watched_server() as server:
            host, port = server.wait_for("admin at ").rsplit(":", 1)
            for words in ([port], [f"{host}:{port}"], [host, port]):
                result = self.top(*words, "--once", "--interval", "100ms")
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_errors(self):
        with RunningServer() as server:
            result = self.top(*server.endpoint, "--once")  # An echo server: it speaks no HTTP.
            self.assertEqual(result.returncode, 2, result.stdout)
            self.assertIn("no HTTP server", result.stderr)
            endpoint = server.endpoint
        result = self.top(*endpoint, "--once")
        self.assertEqual(result.returncode, 3)
        self.assertIn("ECONNREFUSED", result.stderr)
        for words in ([], ["127.0.0.1:x"], ["9000", "--sort", "x"], ["9000", "--json"],
                      ["9000", "--interval", "1ms"]):
            self.assertEqual(self.top(*words).returncode, 2, words)


class LiveTest(unittest.TestCase):
    def test_keys_resize_and_quit(self):
        with watched_server() as server:
            admin = server.wait_for("admin at ")
            with Terminal(admin, "--interval", "100ms") as top:
                top.wait_for(r"worker-1 +[0-9.]+%")
                self.assertIn(b"\x1b[7m", top.output)
                top.wait_for("by rate, most first")
                top.type(b"a")
                top.wait_for("by age, most first")
                top.type(b"R")
                top.wait_for("by age, least first")
                top.type(b"h")
                top.wait_for("Sort connections by")
                top.type(b"h")
                top.wait_for("imbalance")
                self.assertNotIn("EVENTS/S", top.frame().split("LOOP")[1])
                top.resize(160, 50)
                top.wait_for("EVENTS/S +TASKS/S")
                top.type(b" ")
                top.wait_for("paused")
                top.type(b"q")
                self.assertEqual(top.wait(), 0)
                self.assertTrue(top.is_restored(), top.output[-200:])

    def test_signals_give_the_terminal_back(self):
        with watched_server() as server:
            admin = server.wait_for("admin at ")
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                with Terminal(admin) as top:
                    top.wait_for("worker-1")
                    if number == signal.SIGINT:
                        top.type(b"\x03")
                    else:
                        top.process.send_signal(number)
                    self.assertEqual(top.wait(), 130)
                    self.assertTrue(top.is_restored(), top.output[-200:])

    def test_stopped_and_continued(self):
        with watched_server() as server:
            admin = server.wait_for("admin at ")
            with Terminal(admin, "--interval", "100ms") as top:
                top.wait_for("worker-1")
                top.process.send_signal(signal.SIGTSTP)
                pid, status = os.waitpid(top.process.pid, os.WUNTRACED)
                self.assertTrue(pid == top.process.pid and os.WIFSTOPPED(status))
                top.read()
                self.assertEqual(termios.tcgetattr(top.slave), top.before)
                self.assertIn(LEAVE, top.output)
                top.output = b""
                top.resize(160, 50)
                top.process.send_signal(signal.SIGCONT)
                top.wait_for("EVENTS/S +TASKS/S")
                top.type(b"q")
                self.assertEqual(top.wait(), 0)

    def test_a_server_that_goes_away_and_comes_back(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/admin"
            with Terminal(path, "--interval", "100ms") as top:
                top.wait_for("No such file .*trying again")
                for _ in range(2):
                    with RunningServer("--loops", "2", "--admin", f"unix:{path}") as server:
                        server.wait_for("admin at ")
                        top.wait_for(r"(?s)\A(?!.*trying again).*worker-1 +[0-9.]+%")
                    # Its last numbers stay.
                    top.wait_for(r"(?s)trying again every 100 ms.*worker-1 +[0-9.]+%")
                top.type(b"q")
                self.assertEqual(top.wait(), 0)

    def test_no_color(self):
        with watched_server() as server:
            admin = server.wait_for("admin at ")
            with Terminal(admin, NO_COLOR="1") as top:
                top.wait_for("worker-1")
                self.assertNotRegex(top.output, rb"\x1b\[[0-9;]+m")

    def test_without_a_terminal_it_prints_one_view_after_the_other(self):
        with watched_server() as server:
            admin = server.wait_for("admin at ")
            with subprocess.Popen([SPINDLE, "top", admin, "--interval", "100ms"], text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as top:
                views = 0
                for line in top.stdout:
                    self.assertNotIn("\x1b", line)
                    views += line.startswith("imbalance")
                    if views == 3:
                        break
                top.send_signal(signal.SIGTERM)
                top.stdout.read()
                self.assertEqual(top.wait(), 130)


if __name__ == "__main__":
    unittest.main()
