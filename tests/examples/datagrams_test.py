#!/usr/bin/env python3
"""The examples that speak in datagrams: udp_echo, name_server."""

import os
import pathlib
import random
import signal
import socket
import struct
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402
from harness import Server  # noqa: E402


class DatagramServerTests:
    """What holds for both; mixed into a TestCase that sets NAME."""

    NAME = ""

    def peer(self, server, address="127.0.0.1"):
        """A connected socket: it hears only who answers from the address that it has asked."""
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.settimeout(harness.PATIENCE)
        peer.connect((address, server.port))
        self.addCleanup(peer.close)
        return peer

    def test_misuse_is_one_line_and_exit_code_2(self):
        for arguments in ([], ["127.0.0.1"], ["--nonsense=1", "127.0.0.1", "0"]):
            result = harness.run(self.NAME, *arguments)
            self.assertEqual(result.returncode, 2, result)
            self.assertRegex(result.stderr, r"\A[a-z_]+: .*usage: .*HOST PORT.*\n\Z")

    def test_address_in_use_is_one_line_and_exit_code_3(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", 0))
            port = holder.getsockname()[1]
            for loops in ("1", "2"):
                result = harness.run(self.NAME, f"--loops={loops}", "127.0.0.1", str(port))
                self.assertEqual(result.returncode, 3, result)
                self.assertRegex(result.stderr,
                                 rf"\A[a-z_]+: bind 127\.0\.0\.1:{port}: .*EADDRINUSE.*\n\Z")

    def test_both_signals_end_it_with_exit_code_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server(self.NAME, options=["--loops=2"]) as server:
                server.signal(number)
                self.assertEqual(server.wait(), 0, server.lines)


class UdpEchoTest(DatagramServerTests, unittest.TestCase):
    NAME = "udp_echo/udp_echo"

    def test_every_datagram_comes_back_as_it_is(self):
        with Server(self.NAME, options=["--loops=2"]) as server:
            peers = [self.peer(server) for _ in range(20)]
            for size in (0, 1, 1472, 65507):
                data = os.urandom(size)
                for peer in peers:
                    peer.send(data)
                    self.assertEqual(peer.recv(70000), data)
            self.assertEqual(server.stop(), 0, server.lines)


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question(name, number=7, kind=1, flags=0x0100, counts=(1, 0, 0, 0)):
    encoded = name if isinstance(name, bytes) else name_bytes(name)
    return struct.pack(">6H", number, flags, *counts) + encoded + struct.pack(">HH", kind, 1)


class NameServerTest(DatagramServerTests, unittest.TestCase):
    NAME = "name_server/name_server"
    TABLE = ("www.example.org=192.0.2.1", "A.b=10.0.0.255")

    def ask(self, peer, message):
        """The flags, the counts and what follows the header."""
        peer.send(message)
        answer = peer.recv(70000)
        number, flags, *counts = struct.unpack(">6H", answer[:12])
        self.assertEqual(number, struct.unpack(">H", message[:2])[0])
        return flags, counts, answer[12:]

    def test_names_in_the_table_have_their_addresses(self):
        with Server(self.NAME, *self.TABLE, options=["--loops=2"]) as server:
            for name, address in (("www.example.org", "192.0.2.1"), ("WWW.Example.org", "192.0.2.1"),
                                  ("a.b", "10.0.0.255")):
                asked = question(name)
                flags, counts, rest = self.ask(self.peer(server), asked)
                self.assertEqual((flags, counts), (0x8500, [1, 1, 0, 0]))
                record = struct.pack(">HHHIH", 0xc00c, 1, 1, 60, 4) + socket.inet_aton(address)
                self.assertEqual(rest, asked[12:] + record)
            self.assertEqual(server.stop(), 0, server.lines)

    def test_other_questions_are_answered_as_such(self):
        with Server(self.NAME, *self.TABLE) as server:
            peer = self.peer(server)
            longest = b"".join(b"\x3f" + b"x" * 63 for _ in range(3)) + b"\x3d" + b"y" * 61 + b"\0"
            self.assertEqual(len(longest), 255)
            for message, flags, counts in (
                    (question("no.such.name"), 0x8503, [1, 0, 0, 0]),
                    (question(b"\0"), 0x8503, [1, 0, 0, 0]),
                    (question(longest), 0x8503, [1, 0, 0, 0]),
                    (question("a.b", kind=28), 0x8500, [1, 0, 0, 0]),       # AAAA: no data.
                    (question("a.b", flags=0x2000), 0xa404, [0, 0, 0, 0]),  # Another operation.
                    (question("a.b", counts=(2, 0, 0, 0)), 0x8501, [0, 0, 0, 0]),
                    (question(b"\xc0\x0c"), 0x8501, [0, 0, 0, 0]),          # A pointer to itself.
                    (question(b"\x3f" + b"x" * 20), 0x8501, [0, 0, 0, 0]),  # Ends too early.
                    (question(longest[:-1] + b"\x01z\0"), 0x8501, [0, 0, 0, 0]),
                    (question("a.b")[:-1], 0x8501, [0, 0, 0, 0]),
                    (question("a.b")[:12], 0x8501, [0, 0, 0, 0])):
                got_flags, got_counts, rest = self.ask(peer, message)
                self.assertEqual((got_flags | 0x0100, got_counts), (flags | 0x0100, counts), message)
                self.assertEqual(rest, message[12:] if counts[0] else b"")
            self.assertEqual(server.stop(), 0, server.lines)

    def test_what_is_no_question_gets_no_answer(self):
        with Server(self.NAME, *self.TABLE) as server:
            peer = self.peer(server)
            for message in (b"", b"x" * 11, question("a.b", flags=0x8000)):
                peer.send(message)
            self.ask(peer, question("a.b", number=99))  # The first answer is to this.
            self.assertEqual(server.stop(), 0, server.lines)

    def test_noise_does_not_stop_it(self):
        noise = random.Random(5)
        with Server(self.NAME, *self.TABLE) as server:
            peer = self.peer(server)
            for _ in range(2000):
                message = bytearray(question("www.example.org", flags=noise.choice((0, 0x8000))))
                for _ in range(noise.randrange(6)):
                    message[noise.randrange(len(message))] = noise.randrange(256)
                peer.send(message[:noise.randrange(len(message) + 1)])
            fresh = self.peer(server)
            self.assertEqual(self.ask(fresh, question("a.b"))[1], [1, 1, 0, 0])
            self.assertEqual(server.stop(), 0, server.lines)

    def test_bad_table_is_misuse(self):
        for entry in ("x", "x=1.2.3", "x=::1"):
            self.assertEqual(harness.run(self.NAME, "127.0.0.1", "0", entry).returncode, 2)


if __name__ == "__main__":
    harness.main()
