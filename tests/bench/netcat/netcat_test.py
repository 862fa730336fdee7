#!/usr/bin/env python3
"""`spindle nc` against netcat-openbsd, ncat and socat: files, texts, exit codes."""

import filecmp
import os
import pathlib
import socket
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from netcat_program import (OURS, Run, enter_own_network, find, free_port, is_listening,
                            openbsd_as_nc, run, until)  # noqa: E402

SIZES = (3_000_000, 0)


def receive(kind, port, listen):
    """A command that receives a file to its stdout."""
    at = ["127.0.0.1", str(port)]
    return {
        "spindle": [*OURS, *(["-l"] if listen else []), *at],
        "nc.openbsd": ["nc.openbsd", "-N", *(["-l"] if listen else []), *at],
        "ncat": ["ncat", "--recv-only", *(["-l"] if listen else []), *at],
        "socat": ["socat", "-u", f"TCP-LISTEN:{port},bind=127.0.0.1" if listen else
                  f"TCP:127.0.0.1:{port}", "STDOUT"],
    }[kind]


def send(kind, port, listen):
    """A command that sends its stdin."""
    at = ["127.0.0.1", str(port)]
    return {
        "spindle": [*OURS, *(["-l"] if listen else []), *at],
        "nc.openbsd": ["nc.openbsd", "-N", *(["-l"] if listen else []), *at],
        "ncat": ["ncat", "--send-only", *(["-l"] if listen else []), *at],
        "socat": ["socat", "-u", "STDIN", f"TCP-LISTEN:{port},bind=127.0.0.1" if listen else
                  f"TCP:127.0.0.1:{port}"],
    }[kind]


class FilesTest(unittest.TestCase):
    """A file from one program to the other: equal, and both end with 0."""

    def transfer(self, sender, receiver, sender_listens, size):
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            there, here = os.path.join(folder, "there"), os.path.join(folder, "here")
            with open(there, "wb") as file:
                file.write(os.urandom(size))
            commands = {"send": send(sender, port, sender_listens),
                        "receive": receive(receiver, port, not sender_listens)}
            files = {"send": {"stdin": open(there, "rb")},
                     "receive": {"stdout": open(here, "wb")}}
            first, second = ("send", "receive") if sender_listens else ("receive", "send")
            server = Run(commands[first], **files[first])
            until(lambda: is_listening(port) or server.process.poll() is not None, "it listens")
            client = Run(commands[second], **files[second])
            codes = client.wait(), server.wait()
            for opened in files.values():
                for file in opened.values():
                    file.close()
            self.assertEqual(codes, (0, 0), client.err + server.err)
            self.assertTrue(filecmp.cmp(there, here, shallow=False), "cut or changed")
            return client.seconds

    def check(self, rival):
        if rival != "spindle" and find(rival) is None:
            self.skipTest(f"no {rival}")
        for size in SIZES:
            for sender_listens in (False, True):
                for pair in {("spindle", rival), (rival, "spindle")}:
                    with self.subTest(sender=pair[0], receiver=pair[1], size=size,
                                      listens="sender" if sender_listens else "receiver"):
                        seconds = self.transfer(*pair, sender_listens, size)
                        print(f"{pair[0]} -> {pair[1]}: {size} bytes in {seconds:.2f} s")

    def test_with_itself(self):
        self.check("spindle")

    def test_with_netcat_openbsd(self):
        self.check("nc.openbsd")

    def test_with_ncat(self):
        self.check("ncat")

    def test_with_socat(self):
        self.check("socat")

    def test_pipes_on_both_sides(self):
        server = Run([*OURS, "-lv", "127.0.0.1", "0"], stdin=None, stdout=-1)
        chunk = os.urandom(1 << 20)
        got = []
        reader = threading.Thread(target=lambda: got.append(server.process.stdout.read()))
        reader.start()
        client = Run([*OURS, "127.0.0.1", str(server.port())], stdin=-1)
        for _ in range(5):
            client.process.stdin.write(chunk)
        client.process.stdin.close()
        self.assertEqual((client.wait(), server.wait()), (0, 0), client.err + server.err)
        reader.join()
        self.assertEqual(got[0], chunk * 5)
        server.process.stdout.close()


class TextsTest(unittest.TestCase):
    """What netcat-openbsd says and returns, word by word."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.rival = openbsd_as_nc(cls.folder.name)
        if cls.rival is None:
            cls.folder.cleanup()
            raise unittest.SkipTest("no nc.openbsd")
        cls.listener = socket.create_server(("127.0.0.1", 0))
        cls.open = cls.listener.getsockname()[1]
        cls.closed = free_port()

    @classmethod
    def tearDownClass(cls):
        cls.listener.close()
        cls.folder.cleanup()

    def same(self, *words):
        with self.subTest(words=words):
            ours, theirs = run([*OURS, *words]), run([*self.rival, *words])
            self.assertEqual(ours.code, theirs.code, ours.err + theirs.err)
            self.assertEqual(ours.err, theirs.err)
            self.assertEqual(ours.out, theirs.out)

    def test_scans(self):
        low, high = sorted((self.open, self.closed))
        scans = [[str(self.open)], [str(self.closed)], [str(self.open), str(self.closed)],
                 [str(self.closed), str(self.open)], [f"{self.open}-{self.open}"],
                 [f"{self.open}-{self.open + 2}"], [f"{self.open + 2}-{self.open - 1}"]]
        if high - low < 20:
            scans.append([f"{low}-{high}"])
        for ports in scans:
            for flags in ("-zv", "-zvn", "-zv4"):
                self.same(flags, "127.0.0.1", *ports)
            self.same("-zv", "localhost", *ports)
            self.same("-z", "127.0.0.1", *ports)
        self.same("-vz", "127.0.0.1", "ssh")
        self.same("-vzn", "127.0.0.1", "22")
        self.same("-vzw5", "127.0.0.1", str(self.open))
        self.same("-vzs", "127.0.0.2", "127.0.0.1", str(self.open))

    def test_refused_with_v(self):
        self.same("-v", "127.0.0.1", str(self.closed))
        self.same("-vU", os.path.join(self.folder.name, "nothing"))

    def test_wrong_use_in_the_same_words(self):
        """The codes differ: 2 here."""
        for words in (["h", "0"], ["h", "70000"], ["h", "1-2-3"], ["h", "nosuchservice"], ["h"],
                      ["-l"], ["-lz", "1"], ["-k", "h", "1"], ["-x", "p", "-l", "1"],
                      ["-x", "p", "-u", "h", "1"], ["-X", "7", "-x", "p", "h", "1"],
                      ["-w", "abc", "h", "1"], ["-T", "foo", "h", "1"], ["-I", "0", "h", "1"]):
            with self.subTest(words=words):
                ours, theirs = run([*OURS, *words]), run([*self.rival, *words])
                self.assertEqual((ours.code, theirs.code), (2, 1))
                self.assertEqual(ours.err.replace(" (see -h)", "").splitlines()[0],
                                 theirs.err.splitlines()[0])

    def test_codes(self):
        for words in (["127.0.0.1", str(self.closed)], ["no.such.host.invalid", "80"],
                      ["-n", "localhost", "80"], ["-4", "::1", "80"],
                      ["-s", "192.0.2.1", "127.0.0.1", str(self.open)]):
            with self.subTest(words=words):
                ours, theirs = run([*OURS, *words]), run([*self.rival, *words])
                self.assertEqual((ours.code, theirs.code), (1, 1))
                self.assertNotEqual(ours.err, "")

    def test_listeners_and_idleness(self):
        for flags in ("-lv", "-lvn"):
            said = []
            for command in (OURS, self.rival):
                port = free_port()
                server = Run([*command, flags, "127.0.0.1", str(port)])
                until(lambda p=port: is_listening(p), "it listens")
                with socket.create_connection(("127.0.0.1", port)) as peer:
                    source = str(peer.getsockname()[1])
                    server.until_says("received")
                self.assertEqual(server.wait(), 0, server.err)
                said.append(server.err.replace(str(port), "PORT").replace(source, "SOURCE"))
            self.assertEqual(said[0], said[1])

    def test_silence_for_w_ends_with_0(self):
        for command in (OURS, self.rival):
            stdin, keep = os.pipe()
            client = Run([*command, "-w", "1", "127.0.0.1", str(self.open)], stdin=stdin)
            self.assertEqual(client.wait(), 0)
            self.assertGreaterEqual(client.seconds, 0.9)
            os.close(stdin)
            os.close(keep)


if __name__ == "__main__":
    enter_own_network()
    unittest.main()
