#!/usr/bin/env python3
"""A session of tools/rivals goes on without a server that fails, and leaves none behind. Servers and load
are made up."""

import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.getcwd(), "bench/rivals"))
import servers  # noqa: E402
import session  # noqa: E402
import shapes  # noqa: E402

# Its port tells the load what to do with it.
SERVER = """#!{python} -IS
import os, signal
with open({pids!r}, "a") as file:
    file.write(f"{{os.getpid()}}\\n")
{first}
signal.signal(signal.SIGTERM, lambda *_: os._exit({status}))
os.write(2, b"listening on 127.0.0.1:{port}\\n")
while True:
    signal.pause()
"""
GOOD, KILL, FAIL = 1, 2, 3
LOAD = """#!{python} -IS
import json, os, signal, sys
port, pid = int(sys.argv[-1]), int(sys.argv[sys.argv.index("--server-pid") + 1])
if port == 2:
    os.kill(pid, signal.SIGKILL)
if port != 1:
    sys.exit("it went wrong")
block = {{"msgs": 1000, "wall_s": 1.0, "server_cpu": {{"user_s": 0.1, "sys_s": 0.1}}}}
print(json.dumps({{"arms": [{{"blocks": [block], "latency": {{"p50": 1}}}}]}}))
"""
CPU_NS = 0.2e9 / 1000


class SessionTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.pids = self.folder / "pids"
        self.pids.touch()
        self.write(servers.LOAD, LOAD.format(python=sys.executable))
        self.server("raw")

    def tearDown(self):
        for pid in self.started():
            self.assertFalse(pathlib.Path("/proc", pid).exists(), "a server was left running")

    def started(self):
        return self.pids.read_text(encoding="ascii").split()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
        path.chmod(0o755)

    def server(self, name, *, port=GOOD, status=0, first=""):
        self.write(servers.SERVERS[name][0], SERVER.format(
            python=sys.executable, pids=str(self.pids), port=port, status=status, first=first))

    def run_shape(self, shape, *, blocks=3):
        """{name: what is in the results} of raw and libev."""
        options = types.SimpleNamespace(seed=1, servers=["raw", "libev"], blocks=blocks, seconds=1,
                                        warmup=0, nice=0, no_pin=True)
        return session.Session(self.folder, options).run_shape(shapes.SHAPES[shape], 1)["servers"]

    def expect_errors(self, found, *errors):
        self.assertEqual([sample.get("error") for sample in found["libev"]["samples"]], list(errors))
        for name in ("raw", session.AGAIN):
            self.assertEqual([sample.get("cpu_ns") for sample in found[name]["samples"]],
                             [CPU_NS] * len(errors))
            self.assertGreater(found[name]["peak_rss_kib"], 0)

    def test_servers_run_through_all_blocks(self):
        self.server("libev")
        self.expect_errors(self.run_shape("pp1"), None, None, None)
        self.assertEqual(len(self.started()), 3)

    def test_one_that_cannot_start_is_an_error(self):
        self.server("libev", first="os._exit(3)")
        self.expect_errors(self.run_shape("pp1"), *["libev: the server ended with 3"] * 3)

    def test_one_that_crashes_is_started_again(self):
        self.server("libev", port=KILL)
        self.expect_errors(self.run_shape("pp1"), *["the server ended with -9"] * 3)
        self.assertEqual(len(self.started()), 5)

    def test_one_that_has_ended_between_two_blocks_is_an_error_once(self):
        self.server("libev")
        load = session.Session.load

        def and_kill(this, shape, server, *rest):
            sample = load(this, shape, server, *rest)
            if server.name == "libev" and len(self.started()) == 3 and not killed:
                killed.append(server.process.pid)
                os.kill(server.process.pid, 9)
            return sample

        killed = []
        with mock.patch.object(session.Session, "load", and_kill):
            found = self.run_shape("pp1", blocks=6)["libev"]["samples"]
        self.assertEqual([sample["error"] for sample in found if "error" in sample],
                         ["the server ended with -9"])
        self.assertIn("cpu_ns", found[-1])
        self.assertEqual(len(self.started()), 4)

    def test_a_load_that_fails_keeps_its_reason_and_the_server(self):
        self.server("libev", port=FAIL)
        self.expect_errors(self.run_shape("pp1"), *["spindle bench ended with 1: it went wrong"] * 3)
        self.assertEqual(len(self.started()), 3)

    def test_a_load_that_does_not_end_is_an_error(self):
        self.server("libev")
        late = subprocess.TimeoutExpired("spindle", 120)
        with mock.patch.object(session.subprocess, "run", side_effect=late):
            found = self.run_shape("pp1", blocks=1)
        for server in found.values():
            self.assertEqual(server["samples"], [{"error": "spindle bench did not end"}])

    def test_one_that_does_not_end_well_is_an_error_of_its_last_run(self):
        self.server("libev", status=7)
        error = "the server ended with 7"
        self.expect_errors(self.run_shape("pp1"), None, None, error)
        fresh = next(name for name, shape in shapes.SHAPES.items() if shape.fresh)
        self.expect_errors(self.run_shape(fresh), error, error, error)

    def test_an_upstream_that_has_ended_is_an_error_of_all(self):
        self.server("libev")
        start = session.Server

        def start_and_kill(folder, name, **options):
            server = start(folder, name, **options)
            if not options.get("mode"):
                server.process.kill()
                server.process.wait()
            return server

        with mock.patch.object(session, "Server", start_and_kill):
            found = self.run_shape("relay", blocks=1)
        for server in found.values():
            self.assertEqual(server["samples"], [{"error": "the upstream ended with -9"}])

    def test_what_an_upstream_uses_is_ours(self):
        self.server("libev")
        with mock.patch.object(session, "machine_seconds", side_effect=((0, 0), (7, 0)) * 3), \
                mock.patch.object(servers.Process, "cpu_ns", side_effect=(0, 0, 3e9, 4e9) * 3):
            found = self.run_shape("relay", blocks=1)
        for server in found.values():
            self.assertEqual(server["samples"][0]["others"], 0)

    def test_an_interrupt_leaves_no_server(self):
        self.server("libev")
        with mock.patch.object(session.subprocess, "run", side_effect=KeyboardInterrupt), \
                self.assertRaises(KeyboardInterrupt):
            self.run_shape("pp1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
