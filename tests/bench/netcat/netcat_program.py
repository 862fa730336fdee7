"""Programs of the netcat family as processes, for tests: ours and the rivals'."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SPINDLE = os.path.abspath("bench/cli/spindle")
OURS = [SPINDLE, "nc"]
LIMIT = 120  # Seconds, for what takes a moment: only a program that hangs takes so long.


def enter_own_network():
    """Starts this test again in a network namespace of its own, where every port is free."""
    if "OWN_NETWORK" in os.environ:
        return
    command = ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-rn"]
    script = 'ip link set lo up && exec "$@"'
    if subprocess.run([*command, "sh", "-c", "ip link set lo up"], capture_output=True,
                      check=False).returncode != 0:
        print("no network namespace here: free ports are guessed")
        return
    os.environ["OWN_NETWORK"] = "1"
    os.execvp(command[0], [*command, "sh", "-c", script, "sh", sys.executable, *sys.argv])


def find(program):
    """Its path, or None with a line that says what is not tested."""
    path = shutil.which(program, path="/usr/local/bin:/usr/bin:/bin")
    if path is None:
        print(f"{program} is not installed (tools/setup --dev): tests against it are skipped")
    return path


def openbsd_as_nc(folder):
    """netcat-openbsd under the name nc, which it puts before its messages. None: not there."""
    path = find("nc.openbsd")
    if path is None:
        return None
    link = os.path.join(folder, "nc")
    if not os.path.exists(link):
        os.symlink(path, link)
    return [link]


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what):
    """Waits for what another process does, and nothing tells of."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.005)


def is_listening(port, protocol="tcp"):
    """By /proc, so that no connection is made."""
    state = "0A" if protocol == "tcp" else "07"
    for family in ("", "6"):
        with open(f"/proc/net/{protocol}{family}", encoding="ascii") as table:
            for line in list(table)[1:]:
                words = line.split()
                if words[3] == state and int(words[1].split(":")[1], 16) == port:
                    return True
    return False


class Run:
    """A program that has been started. stdin: bytes, an open file or descriptor, or None (empty)."""

    def __init__(self, command, stdin=None, stdout=None, **more):
        self.command = command
        self.started = time.monotonic()
        self._out = tempfile.TemporaryFile() if stdout is None else None
        self._err = tempfile.TemporaryFile()
        given = None
        if isinstance(stdin, bytes):
            file = tempfile.TemporaryFile()
            file.write(stdin)
            file.seek(0)
            stdin = given = file
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=self._out if stdout is None else stdout, stderr=self._err, **more)
        if given is not None:
            given.close()
        self.pid = self.process.pid
        self.seconds = None

    @property
    def out(self):
        return self._read(self._out)

    @property
    def err(self):
        return self._read(self._err).decode(errors="replace")

    @staticmethod
    def _read(file):
        if isinstance(file, bytes):
            return file
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), size, 0)

    def until_says(self, text):
        until(lambda: text in self.err or self.process.poll() is not None, f"it says {text!r}")
        if text not in self.err:
            raise AssertionError(f"{self.command} ended with {self.process.returncode}: {self.err}")

    def port(self):
        """Where our listener (-v) listens."""
        return int(self.port_text().split()[-1])

    def port_text(self):
        marks = ("Bound on ", "Listening on ")

        def lines():
            return [line for line in self.err.splitlines(True)
                    if line.startswith(marks) and line.endswith("\n")]

        until(lambda: lines() or self.process.poll() is not None, "it listens")
        if not lines():
            raise AssertionError(f"{self.command} ended with {self.process.returncode}: {self.err}")
        return lines()[0]

    def wait(self):
        """The exit code; negative: the signal."""
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command} hangs: {self.err}") from None
        self.seconds = time.monotonic() - self.started
        self._close()
        return code

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._close()

    def _close(self):
        """What it has said is kept."""
        self._err = self._finish(self._err)
        self._out = self._finish(self._out)

    def _finish(self, file):
        if file is None or isinstance(file, bytes):
            return file
        said = self._read(file)
        file.close()
        return said


def run(command, stdin=None, **more):
    """Runs it to its end."""
    program = Run(command, stdin, **more)
    program.code = program.wait()
    return program
