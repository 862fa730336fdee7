#!/usr/bin/env python3
"""The example heartbeat: its server, its client, and peers that die or speak something else."""

import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402
from harness import Server  # noqa: E402

CLIENT = "heartbeat/client"


class Client:
    """A client that is there: its first message has come back."""

    def __init__(self, server, *options):
        self.process = subprocess.Popen(
            [harness.binary(CLIENT), *options, "127.0.0.1", str(server.port), "first"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "first\n"

    def end(self):
        """Exit code, the rest of stdout, and stderr."""
        out, error = self.process.communicate(timeout=harness.PATIENCE)
        return self.process.returncode, out, error


class HeartbeatTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "heartbeat/server"

    def test_client_ends_by_agreement_and_prints_the_round_trip(self):
        with Server(self.NAME, options=["--loops=2"]) as server:
            client = Client(server, "--interval-ms=20")
            self.assertRegex(client.process.stdout.readline(),
                             r"\Around trip \d+ us, smoothed \d+ us\n\Z")
            client.process.send_signal(signal.SIGTERM)
            code, out, error = client.end()
            self.assertEqual((code, error), (0, ""))
            self.assertRegex(out, r"agreed, peer ended with code 0, we ended with code 0 ")
            self.assertRegex(server.wait_line("agreed"),
                             r"\A\d+\.\d+\.\d+ agreed, peer ended with code 0, ")
            self.assertEqual(server.stop(), 0, server.lines)

    def test_drain_ends_sessions_by_agreement(self):
        with Server(self.NAME, options=["--loops=1"]) as server:
            clients = [Client(server) for _ in range(3)]
            self.assertEqual(server.stop(), 0, server.lines)
            for client in clients:
                code, out, error = client.end()
                self.assertEqual((code, error), (0, ""))
                self.assertIn("agreed, peer ended with code 4294967041", out)
            self.assertEqual(len([line for line in server.lines if " agreed" in line]), 3)

    def test_each_death_has_its_reason(self):
        with Server(self.NAME, options=["--interval-ms=100", "--misses=3"]) as server:
            stopped = Client(server)
            stopped.process.send_signal(signal.SIGSTOP)
            server.wait_line("peer_silent in open")
            stopped.process.send_signal(signal.SIGCONT)
            code, _, error = stopped.end()
            self.assertEqual(code, 1)
            self.assertRegex(error, r"\Aclient: peer_reset in open \(peer_reset: .*\n\Z")
            before = len(server.lines)
            killed = Client(server)
            killed.process.kill()
            killed.end()
            # A FIN; a reset if a PING was unread.
            for _ in harness.deadline():
                if any("peer_vanished in open" in line or "peer_reset in open" in line
                       for line in server.lines[before:]):
                    break
            self.assertEqual(server.stop(), 0, server.lines)

    def test_strangers_get_a_line_of_text(self):
        with Server(self.NAME) as server, server.connect() as peer:
            peer.sendall(b"hello?\n")
            self.assertEqual(harness.receive_all(peer),
                             b'spindle-session/1 expected, got "hello?"\n')
            peer.close()
            server.wait_line("no_session in hello")
            self.assertEqual(server.stop(), 0, server.lines)

    def test_netcat_is_told_what_is_wrong(self):
        programs = [shutil.which(name) for name in ("nc", "ncat")]
        if not any(programs):
            self.skipTest("neither nc nor ncat is installed")
        with Server(self.NAME, options=["--interval-ms=100"]) as server:
            for program in filter(None, programs):
                result = subprocess.run(
                    [program, "127.0.0.1", str(server.port)], input=b"GET / HTTP/1.0\r\n\r\n",
                    stdout=subprocess.PIPE, timeout=harness.PATIENCE, check=False)
                self.assertEqual(result.stdout,
                                 b'spindle-session/1 expected, got "GET / HTTP/1.0"\n', program)
                server.wait_line("no_session in hello")
            self.assertEqual(server.stop(), 0, server.lines)

    def test_client_says_why_there_is_no_session(self):
        holder, port = harness.free_port()
        with holder:
            result = harness.run(CLIENT, "127.0.0.1", str(port))
            self.assertEqual(result.returncode, 3, result)
            self.assertRegex(result.stderr, rf"\Aclient: connect 127.0.0.1:{port}: .*ECONNREFUSED")


if __name__ == "__main__":
    harness.main()
