#!/usr/bin/env python3
"""Each server of bench/rivals does what it is measured at: `spindle bench` looks at every byte."""

import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.getcwd(), "bench/rivals"))
from servers import BASE, SERVERS, Server  # noqa: E402

# Many times what anything here takes on a busy machine.
PATIENCE = 120
LOADS = {
    "echo": (("-c", "8"), ("-c", "4", "--pipeline", "4", "-s", "200000"), ("-c", "4", "--churn"),
             ("-c", "2", "--stream")),
    "sink": (("-c", "2", "--stream", "--mode", "sink"),),
    "room": (("-c", "9", "--room", "1"), ("-c", "5", "--room", "5")),
    "relay": (("-c", "8"), ("-c", "2", "--stream")),
}


def possible(name):
    """io_uring is not allowed everywhere."""
    if name != "uring":
        return True
    try:
        Server(".", name).stop()
    except SystemExit:
        return False
    return True


class ServersTest(unittest.TestCase):
    def load(self, server, options):
        run = subprocess.run(
            ["bench/cli/spindle", "bench", "-d", "100ms", "--warmup", "0", "--timeout", "60s",
             "--quiet", *options, "127.0.0.1", server.port],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(run.returncode, 0, f"{server.name} {options}: {run.stdout}")

    def look_at(self, name, mode, loops, upstream):
        with Server(".", name, mode=mode, loops=loops, upstream=upstream) as server:
            for options in LOADS[mode]:
                self.load(server, options)
            self.assertGreater(server.cpu_ns(), 0)
            self.assertGreater(server.memory_kib("VmHWM"), 0)

    def test_every_server_does_what_it_is_measured_at(self):
        with Server(".", BASE) as upstream:
            for name, (_, modes) in SERVERS.items():
                if not possible(name):
                    print(f"{name}: not possible here", file=sys.stderr)
                    continue
                for mode in modes:
                    for loops in (0, 2):
                        with self.subTest(name=name, mode=mode, loops=loops):
                            self.look_at(name, mode, loops, upstream if mode == "relay" else None)

    def test_a_wrong_command_line_is_told(self):
        for name, (program, _) in SERVERS.items():
            for arguments in ([], ["127.0.0.1"], ["127.0.0.1", "77777"], ["--mode=loud", "127.0.0.1", "0"],
                              ["--loops=x", "127.0.0.1", "0"], ["--mode=relay", "127.0.0.1", "0"]):
                run = subprocess.run([program, *arguments], stderr=subprocess.PIPE, text=True,
                                     timeout=PATIENCE, check=False)
                self.assertEqual(run.returncode, 2, f"{name} {arguments}")
                self.assertIn("usage: ", run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
