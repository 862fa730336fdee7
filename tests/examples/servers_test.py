#!/usr/bin/env python3
"""The examples that are one small server: echo, discard, chargen, daytime; many_sends with echo."""

import datetime
import os
import pathlib
import re
import socket
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402
from harness import Server  # noqa: E402


class EchoTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "echo/echo"

    def test_sends_back_what_comes_until_the_end(self):
        with Server(self.NAME) as server, server.connect() as peer:
            peer.sendall(b"hello")
            self.assertEqual(harness.receive_exactly(peer, 5), b"hello")
            peer.sendall(b"and more")
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.receive_all(peer), b"and more")
            self.assertEqual(server.stop(), 0, server.lines)

    def test_many_peers_over_worker_loops(self):
        data = os.urandom(300000)
        with Server(self.NAME, options=["--loops=3"]) as server:
            peers = [server.connect() for _ in range(12)]
            for peer in peers:
                peer.sendall(data[:50000])
            for peer in peers:
                self.assertEqual(harness.receive_exactly(peer, 50000), data[:50000])
                peer.close()
            self.assertEqual(server.stop(), 0, server.lines)

    def test_drains_while_a_peer_is_connected(self):
        with Server(self.NAME) as server, server.connect() as peer:
            peer.sendall(b"x")
            harness.receive_exactly(peer, 1)
            server.signal()
            self.assertEqual(harness.receive_all(peer), b"")
            peer.close()
            self.assertEqual(server.wait(), 0, server.lines)

    def test_unknown_host_is_one_line_and_exit_code_3(self):
        result = harness.run(self.NAME, "127.0.0.1", "70000")
        self.assertEqual(result.returncode, 3, result)
        self.assertEqual(result.stderr, "echo: resolve 127.0.0.1:70000: no such port\n")


class DiscardTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "discard/discard"

    def test_reads_all_and_counts(self):
        with Server(self.NAME) as server, server.connect() as peer:
            peer.sendall(b"x" * 1000000)
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.receive_all(peer), b"")
            line = server.wait_line("closed")
            self.assertRegex(line, r"^\d+\.\d+\.\d+ closed: peer_closed, received 1000000 bytes$")
            self.assertEqual(server.stop(), 0, server.lines)


class ChargenTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "chargen/chargen"
    PERIOD = 95 * 74

    def test_pattern_of_rfc_864(self):
        with Server(self.NAME) as server, server.connect() as peer:
            text = harness.receive_exactly(peer, 3 * self.PERIOD)
            lines = text.decode().split("\r\n")
            self.assertEqual(lines[0][:10], " !\"#$%&'()")
            self.assertEqual({len(line) for line in lines[:-1]}, {72})
            for above, below in zip(lines, lines[1:-1]):
                self.assertEqual(above[1:], below[:-1])
            self.assertEqual(text[:self.PERIOD], text[self.PERIOD:2 * self.PERIOD])
            harness.reset(peer)
            self.assertEqual(server.stop(), 0, server.lines)

    def test_peer_that_reads_nothing_costs_one_piece(self):
        with Server(self.NAME) as server:
            peers = [server.connect(receive_buffer=4096) for _ in range(5)]
            for peer in peers:
                peer.recv(1, socket.MSG_PEEK)  # It is sending.
                harness.reset(peer)
            for _ in harness.deadline():
                closed = [line for line in list(server.lines) if "closed" in line]
                if len(closed) == len(peers):
                    break
            for line in closed:
                discarded = int(re.search(r"discarded (\d+)$", line).group(1))
                self.assertLessEqual(discarded, self.PERIOD)
            self.assertEqual(server.stop(), 0, server.lines)

    def test_drain_ends_a_peer_that_reads_on(self):
        with Server(self.NAME) as server, server.connect() as peer:
            harness.receive_exactly(peer, 100)
            server.signal()
            harness.receive_all(peer)
            peer.close()
            self.assertEqual(server.wait(), 0, server.lines)


class DaytimeTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "daytime/daytime"

    def test_sends_the_time_and_closes(self):
        with Server(self.NAME) as server:
            before = datetime.datetime.utcnow().replace(microsecond=0)
            with server.connect() as peer:
                text = harness.receive_all(peer).decode()
            after = datetime.datetime.utcnow()
            time = datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S UTC\r\n")
            self.assertLessEqual(before, time)
            self.assertLessEqual(time, after)
            self.assertEqual(server.stop(), 0, server.lines)


class ManySendsTest(unittest.TestCase):
    NAME = "many_sends/many_sends"

    def test_sends_all_messages_twice(self):
        with Server("echo/echo", options=["--loops=2"]) as server:
            result = harness.run(self.NAME, "--connections=5", "--messages=7", "127.0.0.1",
                                 str(server.port))
            self.assertEqual(result.returncode, 0, result)
            lines = result.stdout.splitlines()
            for line, mode in zip(lines, ("sequential", "parallel"), strict=True):
                self.assertRegex(line, rf"\A{mode}: complete: 35 messages answered over 5 "
                                       r"connections in [0-9.]+ .?s, p50 [0-9.]+ .?s, max ")
            self.assertEqual(server.stop(), 0, server.lines)

    def test_says_what_went_wrong(self):
        with Server("discard/discard") as server:
            server.process.terminate()
            server.wait()
            result = harness.run(self.NAME, "127.0.0.1", str(server.port))
            self.assertEqual(result.returncode, 3, result)
            self.assertRegex(result.stderr, r"\Amany_sends: connect 127.0.0.1:[0-9]+: .*\n\Z")
        with Server("chargen/chargen") as server:
            result = harness.run(self.NAME, "127.0.0.1", str(server.port))
            self.assertEqual(result.returncode, 1, result)
            self.assertIn("first connection 0: ", result.stdout)
        for arguments in ([], ["--connections=0", "127.0.0.1", "1"]):
            result = harness.run(self.NAME, *arguments)
            self.assertEqual(result.returncode, 2, result)


if __name__ == "__main__":
    harness.main()
