"""`spindle serve` as a process, for tests in Python of what it shows to others."""

import signal
import subprocess

SPINDLE = "bench/cli/spindle"


class RunningServer:
    """A context: the server listens within it, has ended after it, and returncode is set then."""

    def __init__(self, *options):
        self._process = subprocess.Popen([SPINDLE, "serve", *options, "127.0.0.1", "0"],
                                         stderr=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self.endpoint = self.wait_for("listening on ").rsplit(":", 1)
        self.returncode = None

    def wait_for(self, start):
        """The last word of the next line that begins so."""
        for line in self._process.stderr:
            if line.startswith(start):
                return line.split()[-1]
        raise AssertionError(f"no line \"{start}\": the server ended with {self._process.wait()}")

    def load(self, *options):
        """`spindle bench` for a moment."""
        subprocess.run([SPINDLE, "bench", "-d", "100ms", "--warmup", "0", "--quiet", *options,
                        *self.endpoint], capture_output=True, check=True)

    def stop(self):
        """Again: does nothing."""
        if self.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.stderr.read()
            self._process.stderr.close()
            self.returncode = self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
