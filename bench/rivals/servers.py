"""The servers of bench/rivals as processes, for tools/rivals, tools/counts, the *_pairs and tests."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

# Not resolved: a test has a folder of links.
ROOT = pathlib.Path(os.path.abspath(__file__)).parents[2]
LOAD = "bench/cli/spindle"
ALL_MODES = ("echo", "sink", "room", "relay")

# name -> (program, what it can do). The first one is what the others are compared with.
SERVERS = {
    "raw": ("bench/rivals/raw_server", ALL_MODES),
    "spindle": ("bench/rivals/spindle_server", ALL_MODES),
    "libev": ("bench/rivals/libev_server", ALL_MODES),
    "libuv": ("bench/rivals/libuv_server", ALL_MODES),
    "libevent": ("bench/rivals/libevent_event_server", ALL_MODES),
    "asio": ("bench/rivals/asio_server", ALL_MODES),
    "bufferevent": ("bench/rivals/libevent_buffer_server", ALL_MODES),
    "uring": ("bench/rivals/uring_server", ("echo", "sink")),
}
# Limits, not libraries.
LIMITS = ("raw", "uring")
BASE = "raw"
OURS = "spindle"


def build(names):
    """Compiles the servers and the load with -c opt; the folder that they are in."""
    targets = ["//" + ":".join(SERVERS[name][0].rsplit("/", 1)) for name in names]
    options = ["-c", "opt"]
    subprocess.run(["bazel", "build", *options, "//bench/cli:spindle", *targets], check=True, cwd=ROOT)
    return pathlib.Path(subprocess.run(
        ["bazel", "info", *options, "bazel-bin"], check=True, text=True, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip())


class Ended(Exception):
    """A process that was asked has ended by itself."""


class Process:
    """A server that runs: a program that says on stderr where it listens. As a context it is stopped
    at the end. `options` are those of subprocess.Popen."""

    def __init__(self, name, command, **options):
        self.name = name
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
        match = None
        while match is None:  # A tool may have said something before.
            line = self.process.stderr.readline()
            if not line:
                self.process.stderr.close()
                raise SystemExit(f"{name}: the server ended with {self.process.wait()}")
            match = re.fullmatch(r"listening on [\d.]+:(\d+)\n", line)
        self.port = match.group(1)
        self.pid = self._serving_pid()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
        except SystemExit:
            if kind is None:  # What is under way already says more.
                raise

    def _serving_pid(self):
        """The process itself, or a tool's child: strace(1) has one, valgrind(1) does not."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return int(children[0]) if children else pid

    def cpu_ns(self):
        """What all its threads have used. clock_getcpuclockid(3)."""
        return time.clock_gettime_ns((~self.pid << 3) | 2)

    def memory_kib(self, field):
        """VmRSS or VmHWM, its peak, of proc(5). Raises Ended: who has ended has no memory."""
        try:
            text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            text = ""
        found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
        if found is None:
            raise Ended(f"the server ended with {self.process.wait()}")
        return int(found.group(1))

    def stop(self):
        """Ends it, and sees that it ends well."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # A tool's child may end before the tool.
                os.kill(self.pid, signal.SIGTERM)
        self.process.stderr.read()
        self.process.stderr.close()
        status = self.process.wait()
        if status != 0:
            raise SystemExit(f"{self.name}: the server ended with {status}")


class Server(Process):
    """One of SERVERS, at a port that the kernel chose."""

    def __init__(self, folder, name, *, mode="echo", loops=0, upstream=None, cpus=None, nice=0,
                 tool=()):
        options = [f"--loops={loops}"] + ([f"--mode={mode}"] if mode != "echo" else [])
        if upstream is not None:
            options.append(f"--upstream={upstream.port}")

        def prepare():
            if cpus:
                os.sched_setaffinity(0, cpus)
            if nice:
                os.nice(nice)

        program = pathlib.Path(folder, SERVERS[name][0])
        super().__init__(name, [*tool, program, *options, "127.0.0.1", "0"], preexec_fn=prepare)


def children_seconds():
    """Processor time of all children that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
