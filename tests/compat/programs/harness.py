"""Runs Debian's programs on the drop-in library, unmodified, and checks that it is what they loaded.

  SCRIPT LIBRARY [unittest arguments]     LIBRARY is libevent-2.1.so.7.0.1, or "system" for
                                          libevent's own, to see whether a test is right

A test is skipped where its program is not installed. Everything that waits has a deadline, and every
process that is started is ended.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

# Many times what anything here takes on a busy machine.
PATIENCE = 60

NAMES = ["libevent", "libevent_core", "libevent_extra", "libevent_pthreads", "libevent_openssl"]

_library = None  # None: the system's.
_folder = None


def environment():
    """The environment in which the loader finds the library."""
    variables = dict(os.environ)
    if _folder:
        variables["LD_LIBRARY_PATH"] = _folder
    return variables


def find(program):
    """The path of a program; skips the test if there is none."""
    # mpirun takes where it was found for where it is installed.
    path = shutil.which(program, path="/usr/sbin:/usr/bin:" + os.environ.get("PATH", ""))
    if not path:
        raise unittest.SkipTest(f"no {program} here")
    return path


def free_port(kind=socket.SOCK_STREAM):
    """A port of 127.0.0.1 that is free now, for programs that cannot choose one themselves."""
    other = socket.SOCK_DGRAM if kind == socket.SOCK_STREAM else socket.SOCK_STREAM
    while True:
        with socket.socket(socket.AF_INET, kind) as probe, \
                socket.socket(socket.AF_INET, other) as second:
            probe.bind(("127.0.0.1", 0))
            try:
                second.bind(probe.getsockname())  # Name servers want both.
            except OSError:
                continue
            return probe.getsockname()[1]


def mapped_libraries(pid):
    """The files named libevent that a process has mapped."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if len(line.split()) > 5}
    return {path for path in paths if os.path.basename(path).startswith("libevent")}


def wait_until(condition, what, process=None):
    """Returns the first true value of `condition()`."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the program ended with {process.returncode}")
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


def connect(port, process=None):
    """A connection to a program that is starting."""
    def attempt():
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            return None
        if sock.getsockname() != sock.getpeername():
            return sock
        sock.close()  # Nobody listens, and the kernel chose the same port for this side.
        return None
    return wait_until(attempt, f"port {port} of 127.0.0.1", process)


def read_all(connection):
    """What comes until the peer closes."""
    got = b""
    while chunk := connection.recv(65536):
        got += chunk
    return got


def expect(connection, wanted):
    """Reads exactly `wanted`."""
    got = b""
    while len(got) < len(wanted):
        chunk = connection.recv(65536)
        if not chunk:
            break
        got += chunk
    if got != wanted:
        raise AssertionError(f"{got[:200]!r} instead of {wanted[:200]!r}")


def ask_dns(port, name, kind=1, timeout=PATIENCE):
    """The addresses in the answer of a DNS server at 127.0.0.1."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0" + labels + b"\0" + bytes([0, kind, 0, 1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        end = time.monotonic() + timeout
        while True:
            try:
                sock.sendto(query, ("127.0.0.1", port))
                answer = sock.recv(4096)
                break
            except (TimeoutError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
    assert answer[:2] == query[:2], answer
    count = int.from_bytes(answer[6:8], "big")
    found, at = [], len(query)
    for _ in range(count):
        at += 2 if answer[at] >= 0xC0 else answer.index(0, at) - at + 1
        length = int.from_bytes(answer[at + 8:at + 10], "big")
        found.append(socket.inet_ntoa(answer[at + 10:at + 14]))
        at += 10 + length
    return found


class ProgramTest(unittest.TestCase):
    """A test with a scratch folder, whose programs are ended with it."""

    def setUp(self):
        # Not below a long path: some put sockets there.
        self.scratch = tempfile.mkdtemp(prefix="spindle-compat-", dir="/tmp")
        os.chmod(self.scratch, 0o777)
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def path(self, name):
        """A path in the scratch folder."""
        return os.path.join(self.scratch, name)

    def write(self, name, text):
        """A file in the scratch folder; its path."""
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def start(self, program, *arguments, on_libevent=True, **options):
        """A program that runs until the end of the test."""
        with open(self.path(os.path.basename(program) + ".log"), "ab") as log:
            process = subprocess.Popen(
                [find(program), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment() if on_libevent else None, start_new_session=True, **options)
        self.addCleanup(self.stop, process)
        return process

    def log_of(self, program):
        """What a program has written so far."""
        with open(self.path(program + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    @staticmethod
    def stop(process):
        """Ends a program, and what it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                pass
            try:
                process.wait(timeout=5)
                return
            except subprocess.TimeoutExpired:
                continue

    def run_program(self, program, *arguments, on_libevent=True, **options):
        """Runs a program to its end; its output. Checks which library it has loaded."""
        variables = environment()
        if on_libevent:
            # What the loader says; /proc would be gone with the program.
            variables.update(LD_DEBUG="libs", LD_DEBUG_OUTPUT=self.path("loader"))
        done = subprocess.run([find(program), *arguments], env=variables, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        if on_libevent:
            self.check_loader()
        return done.stdout

    def check_loader(self):
        """Every libevent that was initialised is the one that the test is about."""
        loaded = set()
        for name in os.listdir(self.scratch):
            if name.startswith("loader."):
                with open(self.path(name), encoding="utf-8", errors="replace") as lines:
                    loaded.update(re.findall(r"calling init: (\S*/libevent\S*)", lines.read()))
        self.assertTrue(loaded)
        folders = {os.path.dirname(path) for path in loaded}
        if _folder:
            self.assertEqual(folders, {_folder})
        else:
            self.assertTrue(all(path.startswith(("/usr/lib", "/lib")) for path in folders), folders)

    def check_library(self, process):
        """The process has the library mapped that the test is about, and no other."""
        loaded = wait_until(lambda: mapped_libraries(process.pid), "loading libevent", process)
        if _folder:
            self.assertEqual(loaded, {os.path.join(_folder, "libevent-2.1.so.7.0.1")})
        else:
            self.assertTrue(all(path.startswith(("/usr/lib", "/lib")) for path in loaded), loaded)


def main():
    """Runs the tests of the calling script."""
    global _library, _folder
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} LIBRARY|system [unittest arguments]")
    _library = sys.argv.pop(1)
    if _library == "system":
        unittest.main()
    with tempfile.TemporaryDirectory(prefix="spindle-libevent-") as folder:
        os.chmod(folder, 0o755)  # Some programs give up their rights before they load all.
        _folder = folder
        shutil.copy(_library, os.path.join(folder, "libevent-2.1.so.7.0.1"))
        for name in NAMES:
            os.symlink("libevent-2.1.so.7.0.1", os.path.join(folder, name + "-2.1.so.7"))
        result = unittest.main(exit=False).result
    sys.exit(0 if result.wasSuccessful() else 1)
