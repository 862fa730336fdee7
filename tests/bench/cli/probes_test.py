#!/usr/bin/env python3
"""The probes that tracers find in the program, and what bpftrace counts there.

  bazel run //tests/bench/cli:probes_test     as root, with bpftrace; without them the counting is
                                              skipped
"""

import os
import re
import shutil
import signal
import subprocess
import unittest

SPINDLE = "bench/cli/spindle"
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
        with subprocess.Popen([SPINDLE, "serve", "--loops", "1", "127.0.0.1", "0"],
                              stderr=subprocess.PIPE, text=True) as server:
            try:
                endpoint = server.stderr.readline().split()[-1].rsplit(":", 1)
                self.count(server, endpoint)
            finally:
                if server.poll() is None:
                    server.send_signal(signal.SIGTERM)
                server.stderr.read()
            self.assertEqual(server.wait(), 0)

    def count(self, server, endpoint):
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
            load = subprocess.run(
                [SPINDLE, "bench", "-c", str(CONNECTIONS), "-d", "100ms", "--warmup", "0", "--json",
                 *endpoint], capture_output=True, text=True, check=False)
            # The last connection has been closed when the server has ended.
            server.send_signal(signal.SIGTERM)
            server.stderr.read()
            server.wait()
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
            out, _ = tracer.communicate(timeout=60)
        self.assertEqual(load.returncode, 0, load.stderr)
        counted = dict(re.findall(r"@(\w+): (\d+)", out))
        self.assertEqual(counted.get("opened"), str(CONNECTIONS), out)
        self.assertEqual(counted.get("closed"), str(CONNECTIONS), out)
        self.assertGreater(int(counted["received"]), 0)


if __name__ == "__main__":
    unittest.main()
