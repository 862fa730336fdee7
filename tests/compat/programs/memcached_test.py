#!/usr/bin/env python3
"""memcached with 8 threads under thousands of connections, and under memcaslap."""

import os
import re
import resource

import harness

CONNECTIONS = 3000
ROUNDS = 3


class MemcachedTest(harness.ProgramTest):
    """Values come back as they were stored, on each of many connections."""

    def start_memcached(self, threads):
        """The process and its port."""
        ports = self.path("ports")
        harness.find("memcached")
        os.environ["MEMCACHED_PORT_FILENAME"] = ports
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        process = self.start("memcached", *user, "-l", "127.0.0.1", "-p", "-1", "-U", "0",
                             "-t", str(threads), "-c", str(CONNECTIONS + 100))
        harness.wait_until(lambda: os.path.exists(ports), "the port", process)
        del os.environ["MEMCACHED_PORT_FILENAME"]
        with open(ports, encoding="utf-8") as lines:
            port = int(re.search(r"TCP INET: (\d+)", lines.read()).group(1))
        return process, port

    def test_thousands_of_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * CONNECTIONS
        if soft < wanted:
            if hard != resource.RLIM_INFINITY and hard < wanted:
                self.skipTest(f"only {hard} descriptors")
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        process, port = self.start_memcached(threads=8)
        self.check_library(process)
        sockets = [harness.connect(port, process) for _ in range(CONNECTIONS)]
        for number in range(ROUNDS):
            values = [b"%d of round %d" % (i, number) * 20 for i in range(CONNECTIONS)]
            for i, (sock, value) in enumerate(zip(sockets, values)):
                sock.sendall(b"set k%d 0 0 %d\r\n%s\r\nget k%d\r\n" % (i, len(value), value, i))
            for i, (sock, value) in enumerate(zip(sockets, values)):
                harness.expect(sock, b"STORED\r\nVALUE k%d 0 %d\r\n%s\r\nEND\r\n"
                               % (i, len(value), value))
        # A value that needs many reads and writes.
        big = os.urandom(500_000)
        sockets[0].sendall(b"set big 0 0 %d\r\n%s\r\nget big\r\n" % (len(big), big))
        harness.expect(sockets[0], b"STORED\r\nVALUE big 0 %d\r\n%s\r\nEND\r\n" % (len(big), big))
        for sock in sockets:
            sock.close()
        self.assertIsNone(process.poll())
        process.terminate()
        self.assertEqual(process.wait(harness.PATIENCE), 0)

    def test_under_memcaslap(self):
        process, port = self.start_memcached(threads=4)
        output = self.run_program("memcaslap", "-s", f"127.0.0.1:{port}", "-t", "2s", "-c", "32",
                                  "-T", "2")
        operations = int(re.search(r"Ops: (\d+)", output).group(1))
        self.assertGreater(operations, 100, output)
        self.assertIn("get_misses: 0", output)
        self.assertIsNone(process.poll())


if __name__ == "__main__":
    harness.main()
