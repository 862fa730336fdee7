#!/usr/bin/env python3
"""The probes that tracers find in the program, and what bpftrace counts there.

  bazel run //tests/bench/cli:probes_test     as root, with bpftrace; without them the counting is
                                              skipped
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running_server import SPINDLE, RunningServer  # noqa: E402

PROBES = {"turn_begin", "turn_end", "callback_begin", "callback_end", "accept", "conn_open",
          "conn_close", "read", "write", "tasks_taken", "timers_fired"}
CONNECTIONS = 5


def probes():
    """The names of spindle's probes in the program's notes."""
    notes = subprocess.run(["readelf", "--wide", "--notes", SPINDLE], capture_output=True,
                           text=True, check=True).stdout
    return set(re.findall(r"Provider: spindle\s+Name: (\w+)", notes))


class ProbesTest(unittest.TestCase):
    def test_all_probes_are_there(self):
        found = probes()
        if not found:
            self.skipTest("compiled without <sys/sdt.h>")
        self.assertEqual(found, PROBES)

    def test_bpftrace_counts_connections(self):
        if shutil.which("bpftrace") is None or not probes():
            self.skipTest("no bpftrace, or no probes, here")
        with RunningServer("--loops", "1") as server:
            self.count(server)
        self.assertEqual(server.returncode, 0)

    def count(self, server):
        place = f"usdt:/proc/{server.pid}/root{os.path.realpath(SPINDLE)}:spindle"
        script = (f'BEGIN {{ printf("ready\\n"); }} '  # Once all are attached.
                  f"{place}:conn_open {{ @opened = count(); }} "
                  f"{place}:conn_close {{ @closed = count(); @received = sum(arg1); }}")
        with subprocess.Popen(["bpftrace", "-p", str(server.pid), "-e", script],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tracer:
            line = tracer.stdout.readline()
            while line and line != "ready\n":
                line = tracer.stdout.readline()
            if not line:
                tracer.kill()
                self.skipTest("bpftrace may not trace here: " + tracer.stderr.read().strip())
            server.load("-c", str(CONNECTIONS))
            server.stop()  # Then the last connection has been closed.
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
            out, _ = tracer.communicate(timeout=60)
        counted = dict(re.findall(r"@(\w+): (\d+)", out))
        self.assertEqual(counted.get("opened"), str(CONNECTIONS), out)
        self.assertEqual(counted.get("closed"), str(CONNECTIONS), out)
        self.assertGreater(int(counted["received"]), 0)


if __name__ == "__main__":
    unittest.main()
