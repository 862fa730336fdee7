"""One session of tools/rivals: all servers under all shapes, interleaved."""

import contextlib
import json
import os
import pathlib
import random
import subprocess
import sys
import time

from servers import BASE, LOAD, SERVERS, Ended, Server, children_seconds

# The base a second time: what "no difference" looks like.
AGAIN = "raw again"
# What relays connect to, among the servers that run.
UPSTREAM = "upstream"


def machine_seconds():
    """(busy, stolen) of all processors since the machine started. proc(5) stat."""
    fields = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, softirq, steal = (int(field) / tick for field in fields[:8])
    return user + nice + system + irq + softirq, steal


class Session:
    """Runs what `options` asks for; `results` is what becomes the file."""

    def __init__(self, folder, options):
        self.folder = folder
        self.options = options
        self.chance = random.Random(options.seed)
        # The server to one processor and the client to another, where two are there.
        cpus = sorted(os.sched_getaffinity(0))
        self.pins = (cpus[0], cpus[1]) if len(cpus) > 1 and not options.no_pin else None

    def load(self, shape, server, upstream, client_cpu):
        """One run of the load; what it has found, as one sample."""
        if upstream is not None and upstream.process.poll() is not None:
            return {"error": f"the upstream ended with {upstream.process.returncode}"}
        ours = [server] if upstream is None else [server, upstream]
        pin = ["--pin", f"client:{client_cpu}"] if client_cpu is not None else []
        seconds = max(self.options.seconds, shape.least_seconds)
        command = [pathlib.Path(self.folder, LOAD), "bench", "--quiet", "--json",
                   "-d", f"{seconds}s", "--warmup", f"{self.options.warmup}s",
                   "--server-pid", str(server.pid), "--seed", str(self.chance.randrange(1 << 30)),
                   *pin, *shape.options, "127.0.0.1", server.port]
        busy, stolen = machine_seconds()
        start, children = time.monotonic(), children_seconds()
        resting = server.memory_kib("VmRSS")
        cpu = sum(process.cpu_ns() for process in ours)
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             timeout=120, check=False)
        cpu = (sum(process.cpu_ns() for process in ours) - cpu) / 1e9
        if run.returncode != 0:
            return {"error": f"spindle bench ended with {run.returncode}: "
                             + (run.stderr.strip() or _errors(run.stdout))}
        arm = json.loads(run.stdout)["arms"][0]
        block = arm["blocks"][0]
        used = block["server_cpu"]
        if block["msgs"] == 0 or used is None or used["user_s"] + used["sys_s"] <= 0:
            return {"error": "no message, or no processor time of the server"}
        after_busy, after_stolen = machine_seconds()
        elapsed = time.monotonic() - start
        client = children_seconds() - children
        sample = {
            "cpu_ns": (used["user_s"] + used["sys_s"]) * 1e9 / block["msgs"],
            "rate": block["msgs"] / block["wall_s"],
            "p50_us": arm["latency"]["p50"] if arm["latency"] else None,
            # Processors that others used, and that the host took.
            "others": max(0.0, after_busy - busy - cpu - client) / elapsed,
            "steal": (after_stolen - stolen) / elapsed,
        }
        if shape.idle:
            sample["idle_bytes"] = (server.memory_kib("VmHWM") - resting) * 1024 / shape.idle
        return sample

    def start(self, shape, name, workers, upstream):
        program = BASE if name == AGAIN else name
        cpus = {self.pins[0]} if self.pins and workers == 1 else None
        return Server(self.folder, program, mode=shape.mode, loops=0 if workers == 1 else workers,
                      upstream=upstream, cpus=cpus, nice=self.options.nice)

    def run_once(self, shape, name, workers, running, found):
        """One more sample of `name` in `found`. What goes wrong with it is an error there, and who has
        ended is no longer in `running`."""
        client_cpu = self.pins[1] if self.pins and workers == 1 else None
        upstream = running.get(UPSTREAM)
        try:
            if name not in running:
                running[name] = self.start(shape, name, workers, upstream)
            sample = self.load(shape, running[name], upstream, client_cpu)
            found["peak_rss_kib"] = running[name].memory_kib("VmHWM")
        except (SystemExit, Ended) as error:
            sample = {"error": str(error)}
        except subprocess.TimeoutExpired:
            sample = {"error": "spindle bench did not end"}
        found["samples"].append(sample)
        if "error" in sample:
            print(f"rivals: {shape.name}, {workers} worker(s), {name}: {sample['error']}",
                  file=sys.stderr, flush=True)
        if name in running and (shape.fresh or running[name].process.poll() is not None):
            drop(running, name, found["samples"])

    def run_shape(self, shape, workers):
        """All blocks of one shape: {"servers": {name: {"samples": [...], "peak_rss_kib": ...}}}."""
        names = [name for name in self.options.servers if shape.mode in SERVERS[name][1]]
        names.insert(1, AGAIN)
        found = {name: {"samples": []} for name in names}
        running = {}
        with contextlib.ExitStack() as stack:
            stack.callback(drop, running, UPSTREAM, [])
            for name in names:
                stack.callback(drop, running, name, found[name]["samples"])
            if shape.mode == "relay":
                cpus = {self.pins[1]} if self.pins and workers == 1 else None
                running[UPSTREAM] = Server(self.folder, BASE, cpus=cpus)
            for _ in range(self.options.blocks):
                for name in self.chance.sample(names, len(names)):
                    self.run_once(shape, name, workers, running, found[name])
        return {"shape": shape.name, "what": shape.what, "unit": shape.unit, "workers": workers,
                "fixed_rate": shape.fixed_rate, "servers": found}


def drop(running, name, samples):
    """Stops the server of that name, if it runs. Where it does not end well, the last sample is not to
    be trusted."""
    if name not in running:
        return
    server = running.pop(name)
    try:
        server.stop()
    except SystemExit:
        if not samples or "error" not in samples[-1]:
            samples[-1:] = [{"error": f"the server ended with {server.process.returncode}"}]
            print(f"rivals: {name}: {samples[-1]['error']}", file=sys.stderr, flush=True)


def _errors(text):
    try:
        return str(json.loads(text)["errors"])
    except (ValueError, KeyError):
        return "no reason given"
