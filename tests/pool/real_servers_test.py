#!/usr/bin/env python3
"""examples/pool against a real redis-server and a real memcached.

By hand; needs Debian's packages redis-server and memcached:
    bazel test //tests/pool:real_servers_test --test_output=all
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from local_port import free_port, wait_for  # noqa: E402

PATIENCE = 120


def check(name, command, port):
    if shutil.which(command[0]) is None:
        print(f"{command[0]} is not installed")
        return False
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            wait_for(port, PATIENCE)
            start = time.monotonic()
            result = subprocess.run(
                [os.path.join("examples", "pool", name), "--loops=2", "--connections=8",
                 "--users=8", "--rounds=500", "127.0.0.1", str(port)],
                capture_output=True, text=True, timeout=PATIENCE, check=False)
            print(f"{name}: {time.monotonic() - start:.2f} s\n{result.stdout}{result.stderr}")
            return result.returncode == 0
        finally:
            server.terminate()
            server.wait()


def main():
    redis, memcached = free_port(), free_port()
    good = [
        check("redis", ["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", ""],
              redis),
        check("memcached", ["memcached", "-l", "127.0.0.1", "-p", str(memcached), "-u", "nobody"],
              memcached),
    ]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
