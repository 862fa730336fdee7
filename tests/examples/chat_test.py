#!/usr/bin/env python3
"""The example chat."""

import pathlib
import socket
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402
from harness import Server  # noqa: E402


class Member:
    """One who has joined."""

    def __init__(self, server, name, receive_buffer=None):
        self.socket = server.connect(receive_buffer)
        self.file = self.socket.makefile("rb")
        self.say(name)
        assert self.wait_for(f"* {name} joined") is not None

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def next(self):
        """The next line; "" after the end."""
        return self.file.readline().decode().rstrip("\n")

    def wait_for(self, wanted):
        """The lines before `wanted`."""
        before = []
        while (line := self.next()) != wanted:
            if line == "":
                raise AssertionError(f"no {wanted!r} in {before}")
            before.append(line)
        return before

    def close(self):
        self.file.close()
        self.socket.close()


class ChatTest(harness.CommandLineTests, unittest.TestCase):
    NAME = "chat/chat"

    def test_all_hear_what_one_says_on_all_loops(self):
        with Server(self.NAME, options=["--loops=3"]) as server:
            members = [Member(server, f"m{i}") for i in range(7)]
            members[0].say("hello\r")
            for member in members:
                member.wait_for("m0: hello")
            members[3].say("/quit")
            while members[3].next() != "":
                pass
            members[3].close()
            for i in (0, 1, 2, 4, 5, 6):
                members[i].wait_for("* m3 left")
                members[i].close()
            self.assertEqual(server.stop(), 0, server.lines)

    def test_lines_of_one_member_keep_their_order(self):
        with Server(self.NAME, options=["--loops=2"]) as server:
            members = [Member(server, f"m{i}") for i in range(4)]
            for number in range(200):
                for member in members:
                    member.say(str(number))
            for member in members:
                heard = {f"m{i}": [] for i in range(4)}
                while any(len(lines) < 200 for lines in heard.values()):
                    line = member.next()
                    if line.startswith("*"):
                        continue
                    name, _, text = line.partition(": ")
                    heard[name].append(int(text))
                self.assertEqual(list(heard.values()), [list(range(200))] * 4)
            for member in members:
                member.close()
            self.assertEqual(server.stop(), 0, server.lines)

    def test_line_that_is_too_long_is_ignored(self):
        with Server(self.NAME) as server:
            member = Member(server, "ann")
            member.say("x" * 5000)
            member.say("short")
            self.assertEqual(member.next(), "* line too long, ignored")
            self.assertEqual(member.next(), "ann: short")
            member.close()
            self.assertEqual(server.stop(), 0, server.lines)

    def test_member_that_does_not_read_is_cut_off(self):
        with Server(self.NAME) as server:
            sleeper = Member(server, "sleeper", receive_buffer=4096)
            talker = Member(server, "talker")
            heard = []
            # 4 MiB are more than the kernel's buffers and the output limit hold together, but the
            # kernel's own limit is whatever it is: talk until it happens.
            for _ in harness.deadline():
                for _ in range(100):
                    talker.say("x" * 900)
                for _ in range(100):
                    heard.append(talker.next())
                if "* sleeper left" in heard:
                    break
            talker.close()
            sleeper.close()
            self.assertEqual(server.stop(), 0, server.lines)

    def test_peers_without_a_name_hear_nothing(self):
        with Server(self.NAME) as server, server.connect() as silent:
            member = Member(server, "ann")
            member.say("hello")
            member.wait_for("ann: hello")
            silent.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.receive_all(silent), b"")
            member.close()
            self.assertEqual(server.stop(), 0, server.lines)


if __name__ == "__main__":
    harness.main()
