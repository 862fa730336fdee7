#!/usr/bin/env python3
"""The examples with a protocol of their own: key_value, sum, file_transfer, embedding."""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402
from harness import Server  # noqa: E402


class KeyValueTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "key_value/key_value"

    def test_requests_in_one_piece_and_in_bytes(self):
        requests = (b"SET a one two\r\nGET a\nSET a\nGET a\nGET b\nDEL a\nDEL a\nPUT a\nGET\nQUIT\n"
                    b"GET a\n")
        answers = ("OK", "VALUE one two", "OK", "VALUE ", "NONE", "OK", "NONE",
                   "ERROR no such command: PUT", "ERROR no key", "BYE", "")
        with Server(self.NAME) as server:
            for pieces in ([requests], [bytes([byte]) for byte in requests]):
                with server.connect() as peer:
                    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    try:
                        for piece in pieces:
                            peer.send(piece)
                    except OSError:
                        pass  # It closes at QUIT, which may be before the last byte.
                    text = harness.receive_all(peer).decode()
                    self.assertEqual(tuple(text.split("\r\n")), answers)
            self.assertEqual(server.stop(), 0, server.lines)

    def test_line_that_is_too_long_ends_the_connection(self):
        with Server(self.NAME) as server, server.connect() as peer:
            peer.sendall(b"SET key " + b"x" * 5000)
            self.assertEqual(harness.receive_all(peer), b"ERROR line too long\r\n")
            peer.close()
            self.assertEqual(server.stop(), 0, server.lines)


class SumTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "sum/server"
    CLIENT = "sum/client"

    def test_client_prints_the_sum(self):
        with Server(self.NAME) as server:
            for numbers, total in (([], 0), ([5], 5), ([1, 2, -4], -1), ([2**62] * 2, -2**63)):
                result = harness.run(self.CLIENT, "127.0.0.1", str(server.port), *map(str, numbers))
                self.assertEqual((result.returncode, result.stdout), (0, f"{total}\n"), result)
            self.assertEqual(server.stop(), 0, server.lines)

    def test_pipelined_requests_are_answered_in_order(self):
        with Server(self.NAME, options=["--loops=2"]) as server, server.connect() as peer:
            for last in range(1, 100):
                peer.sendall(struct.pack(f">H{last}q", 8 * last, *range(last)))
            for last in range(1, 100):
                self.assertEqual(struct.unpack(">Hq", harness.receive_exactly(peer, 10)),
                                 (8, last * (last - 1) // 2))
            peer.close()
            self.assertEqual(server.stop(), 0, server.lines)

    def test_broken_frames_are_answered_by_a_reset(self):
        with Server(self.NAME) as server:
            for frame in (b"\x00\x07seven..", b"\xff\xff"):
                with server.connect() as peer:
                    peer.sendall(frame)
                    with self.assertRaises(ConnectionResetError):
                        peer.recv(1)
            self.assertEqual(server.stop(), 0, server.lines)

    def test_client_says_why_it_has_no_answer(self):
        holder, port = harness.free_port()
        with holder:
            result = harness.run(self.CLIENT, "127.0.0.1", str(port), "1")
            self.assertEqual(result.returncode, 3, result)
            self.assertRegex(result.stderr, rf"\Aclient: connect 127.0.0.1:{port}: .*ECONNREFUSED")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = subprocess.Popen(
                [harness.binary(self.CLIENT), "127.0.0.1", str(listener.getsockname()[1]), "1"],
                stderr=subprocess.PIPE, text=True)
            listener.accept()[0].close()
            self.assertRegex(client.communicate(timeout=harness.PATIENCE)[1],
                             r"\Aclient: no answer: peer_(closed|reset)")
            self.assertEqual(client.returncode, 1)
        self.assertEqual(harness.run(self.CLIENT, "127.0.0.1", "1", "x").returncode, 2)


class FileTransferTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "file_transfer/server"
    CLIENT = "file_transfer/client"
    ARGUMENTS = (__file__,)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = os.path.join(folder.name, "source")
        self.target = os.path.join(folder.name, "target")

    def write_source(self, data):
        with open(self.source, "wb") as file:
            file.write(data)

    def test_file_arrives_whole(self):
        self.write_source(b"")
        with Server(self.NAME, self.source) as server:
            for size in (0, 1, 100000, 20000000):
                data = os.urandom(size)
                self.write_source(data)
                result = harness.run(self.CLIENT, "127.0.0.1", str(server.port), self.target)
                self.assertEqual(result.returncode, 0, result)
                with open(self.target, "rb") as file:
                    self.assertEqual(file.read(), data)
            self.assertEqual(server.stop(), 0, server.lines)

    def test_server_needs_the_file(self):
        result = harness.run(self.NAME, "127.0.0.1", "0", self.source)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"\Aserver: open .*ENOENT.*\n\Z")

    def test_client_tells_a_part_from_the_whole(self):
        cases = ((b"", "no size received"), (b"\0\0\0", "no size received"),
                 (struct.pack(">Q", 10) + b"nine.....", "received 9 of 10 bytes"),
                 (struct.pack(">Q", 1) + b"two", "received 3 of 1 bytes"))
        for sent, message in cases:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                client = subprocess.Popen(
                    [harness.binary(self.CLIENT), "127.0.0.1", str(listener.getsockname()[1]),
                     self.target], stderr=subprocess.PIPE, text=True)
                with listener.accept()[0] as peer:
                    peer.sendall(sent)
                error = client.communicate(timeout=harness.PATIENCE)[1]
                self.assertRegex(error, rf"\Aclient: {message}: peer_closed\n\Z")
                self.assertEqual(client.returncode, 1)

    def test_file_that_vanishes_is_reported_by_a_reset(self):
        self.write_source(b"data")
        with Server(self.NAME, self.source) as server:
            os.unlink(self.source)
            with self.assertRaises(ConnectionResetError), server.connect() as peer:
                peer.recv(1)
            # To the client the reset is the end of a connection or of the attempt to make one.
            result = harness.run(self.CLIENT, "127.0.0.1", str(server.port), self.target)
            self.assertIn(result.returncode, (1, 3), result)
            self.assertRegex(result.stderr, r"\Aclient: .*ECONNRESET.*\n\Z")
            self.assertEqual(server.stop(), 0, server.lines)


class EmbeddingTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "embedding/embedding"

    def test_sockets_input_and_timers_share_one_thread(self):
        with Server(self.NAME, stdin=subprocess.PIPE) as server, server.connect() as peer:
            file = peer.makefile("rb")
            peer.sendall(b"echo\n")
            lines = {file.readline()}
            while b"echo\n" not in lines:
                lines.add(file.readline())
            server.process.stdin.write("typed\n")
            server.process.stdin.flush()
            while not lines >= {b"typed\n", b"tick\n"}:
                lines.add(file.readline())
            # The end of the input is not the end of the program.
            server.process.stdin.close()
            peer.sendall(b"still there\n")
            while b"still there\n" not in lines:
                lines.add(file.readline())
            file.close()
            peer.close()
            self.assertEqual(server.stop(), 0, server.lines)


if __name__ == "__main__":
    harness.main()
