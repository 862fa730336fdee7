#!/usr/bin/env python3
"""What /metrics shows is what Prometheus reads: its own promtool has nothing to say against it.

Skipped where there is no promtool (tools/setup --dev brings it).
"""

import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

SPINDLE = "bench/cli/spindle"


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
            with subprocess.Popen(
                    [SPINDLE, "serve", "--loops", "2", "--slow-callback", "1ns", "--admin",
                     f"unix:{path}", "127.0.0.1", "0"], stderr=subprocess.PIPE, text=True) as server:
                listening = server.stderr.readline().split()[-1]
                while "admin at" not in server.stderr.readline():
                    pass
                load = subprocess.run(
                    [SPINDLE, "bench", "-c", "4", "-d", "100ms", "--warmup", "0", "--quiet",
                     *listening.rsplit(":", 1)], capture_output=True, text=True, check=False)
                self.assertEqual(load.returncode, 0, load.stderr)
                page = self.get(path, "/metrics")
                server.send_signal(signal.SIGTERM)
                server.stderr.read()
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
