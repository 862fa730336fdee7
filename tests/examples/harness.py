"""Runs an example as a child process, and talks to it over plain sockets.

Everything that waits has a deadline, so that a test fails instead of hanging; nothing sleeps.
"""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
import xml.sax.saxutils

# Many times what anything here takes on a busy machine.
PATIENCE = 60


def binary(name):
    """The path of examples/NAME among the test's data."""
    return os.path.join("examples", name)


class Server:
    """A server on a free port of 127.0.0.1. Use it in a `with`; `stop` checks its orderly end."""

    def __init__(self, name, *arguments, options=(), stdin=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            [binary(name), *options, "127.0.0.1", "0", *arguments],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)", self.wait_line("listening on"))
        self.port = int(match.group(1))

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_line(self, part):
        """The first line on stderr that contains `part`."""
        with self._changed:
            found = lambda: [line for line in self.lines if part in line]
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE)
            if not found():
                raise AssertionError(f"no {part!r} in {self.lines}")
            return found()[0]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def connect(self, receive_buffer=None):
        """A connected socket whose calls time out."""
        peer = socket.socket()
        peer.settimeout(PATIENCE)
        if receive_buffer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.connect(("127.0.0.1", self.port))
        return peer

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """The exit code."""
        return self.process.wait(PATIENCE)

    def stop(self):
        """Asks it to end and returns the exit code."""
        self.signal()
        return self.wait()


def run(name, *arguments):
    """Runs an example to its end; the result has returncode, stdout and stderr."""
    return subprocess.run([binary(name), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE, check=False)


def receive_exactly(peer, size):
    data = b""
    while len(data) < size:
        piece = peer.recv(size - len(data))
        if not piece:
            raise AssertionError(f"the connection ended after {data!r}")
        data += piece
    return data


def receive_all(peer):
    """All bytes until the peer's end."""
    pieces = []
    while piece := peer.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def reset(peer):
    """Closes a socket so that the other side sees a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def free_port():
    """A port where nobody listens: it is bound, but not listened at, while the socket lives."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


class CommandLineTests:
    """What holds for every server; mixed into a TestCase that sets NAME and ARGUMENTS."""

    NAME = ""
    ARGUMENTS = ()

    def test_misuse_is_one_line_and_exit_code_2(self):
        for arguments in ([], ["127.0.0.1"], ["127.0.0.1", "0", "a", "b", "c"],
                          ["--nonsense=1", "127.0.0.1", "0", *self.ARGUMENTS]):
            result = run(self.NAME, *arguments)
            self.assertEqual(result.returncode, 2, result)
            self.assertRegex(result.stderr, r"\A[a-z_]+: .*usage: .*HOST PORT.*\n\Z")

    def test_address_in_use_is_one_line_and_exit_code_3(self):
        holder, port = free_port()
        with holder:
            result = run(self.NAME, "127.0.0.1", str(port), *self.ARGUMENTS)
        self.assertEqual(result.returncode, 3, result)
        self.assertRegex(result.stderr, rf"\A[a-z_]+: bind 127\.0\.0\.1:{port}: .*EADDRINUSE.*\n\Z")

    def test_both_signals_end_it_with_exit_code_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server(self.NAME, *self.ARGUMENTS) as server:
                server.signal(number)
                self.assertEqual(server.wait(), 0, server.lines)


class _Result(unittest.TextTestResult):
    """Also notes every test case for the XML report."""

    def startTest(self, test):
        super().startTest(test)
        self.cases = getattr(self, "cases", []) + [test]


def main():
    """unittest.main, with a report of each case where Bazel wants it."""
    program = unittest.main(exit=False, verbosity=2,
                            testRunner=unittest.TextTestRunner(resultclass=_Result, verbosity=2))
    result = program.result
    failed = {test.id(): text for test, text in result.failures + result.errors}
    path = os.environ.get("XML_OUTPUT_FILE")
    if path:
        with open(path, "w", encoding="utf-8") as out:
            out.write("<testsuites><testsuite name='examples'>\n")
            for test in getattr(result, "cases", []):
                out.write(f"<testcase name={xml.sax.saxutils.quoteattr(test.id())}>")
                if test.id() in failed:
                    text = xml.sax.saxutils.escape(failed[test.id()])
                    out.write(f"<failure>{text}</failure>")
                out.write("</testcase>\n")
            out.write("</testsuite></testsuites>\n")
    sys.exit(0 if result.wasSuccessful() else 1)


def deadline():
    """Yields until PATIENCE is over; then fails."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        yield
    raise AssertionError("nothing happened in time")
