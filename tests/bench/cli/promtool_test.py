#!/usr/bin/env python3
"""What /metrics shows is what Prometheus reads: its own promtool has nothing to say against it.

Skipped where there is no promtool (tools/setup --dev brings it).
"""

import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from running_server import RunningServer  # noqa: E402


class PromtoolTest(unittest.TestCase):
    def setUp(self):
        self.promtool = shutil.which("promtool", path="/usr/local/bin:/usr/bin")
        if self.promtool is None:
            self.skipTest("no promtool here")

    def check(self, page):
        return subprocess.run([self.promtool, "check", "metrics"], input=page, text=True,
                              capture_output=True, check=False)

    def test_metrics_of_a_server(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/admin"
            with RunningServer("--loops", "2", "--slow-callback", "1ns", "--admin",
                               f"unix:{path}") as server:
                server.wait_for("admin at ")
                server.load("-c", "4")
                page = self.get(path, "/metrics")
            self.assertEqual(server.returncode, 0)
        self.assertIn('spindle_loop_callback_seconds_bucket{loop="worker-1",le="+Inf"}', page)
        result = self.check(page)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_promtool_would_complain(self):
        self.assertNotEqual(self.check("# TYPE a counter\na 1\n# TYPE a counter\na 2\n").returncode, 0)

    def get(self, path, target):
        """The body of the answer at a Unix socket."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
            peer.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            answer = b""
            while piece := peer.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        return body.decode()


if __name__ == "__main__":
    unittest.main()
