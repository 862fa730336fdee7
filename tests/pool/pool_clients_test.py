#!/usr/bin/env python3
"""examples/pool with servers that this test plays: answers in pieces, wrong ones, lost connections."""

import os
import socket
import socketserver
import subprocess
import threading
import unittest

PATIENCE = 120
REDIS = os.path.join("examples", "pool", "redis")
MEMCACHED = os.path.join("examples", "pool", "memcached")


class FakeServer(socketserver.ThreadingTCPServer):
    """Speaks as much Redis and memcached as the clients need; `spoil(n)` may change answer n."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, spoil=None):
        super().__init__(("127.0.0.1", 0), Session)
        self.spoil = spoil or (lambda number: None)
        self.data = {}
        self.answers = 0
        self.connections = 0
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def __exit__(self, *unused):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def run(self, program, *options):
        host, port = self.server_address
        return subprocess.run([program, *options, host, str(port)], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        with self.server.lock:
            self.server.connections += 1
        while line := self.rfile.readline():
            answer = self.redis(line) if line.startswith(b"*") else self.memcached(line)
            with self.server.lock:
                self.server.answers += 1
                what = self.server.spoil(self.server.answers)
            if what == "close":
                return
            if what == "wrong":
                answer = b"-ERR wrong\r\n"
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in answer if what == "pieces" else [answer]:
                self.connection.sendall(bytes([byte]) if what == "pieces" else byte)

    def redis(self, line):
        words = []
        for _ in range(int(line[1:])):
            size = int(self.rfile.readline()[1:])
            words.append(self.rfile.read(size + 2)[:-2])
        if words[0] == b"PING":
            return b"+PONG\r\n"
        with self.server.lock:
            if words[0] == b"SET":
                self.server.data[words[1]] = words[2]
                return b"+OK\r\n"
            value = self.server.data.get(words[1])
        return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)

    def memcached(self, line):
        words = line.split()
        with self.server.lock:
            if words[0] == b"set":
                self.server.data[words[1]] = self.rfile.read(int(words[4]) + 2)[:-2]
                return b"STORED\r\n"
            value = self.server.data[words[1]]
        return b"VALUE %s 0 %d\r\n%s\r\nEND\r\n" % (words[1], len(value), value)


class PoolClientsTest(unittest.TestCase):
    OPTIONS = ("--loops=2", "--connections=3", "--users=3", "--rounds=5")

    def test_many_users_share_few_connections(self):
        for program, answers in ((REDIS, 90), (MEMCACHED, 60)):
            with self.subTest(program), FakeServer() as server:
                result = server.run(program, *self.OPTIONS)
                self.assertEqual(result.returncode, 0, result)
                self.assertIn(f"{answers} answers, 0 failures", result.stdout)
                self.assertLess(server.connections, answers // 2)

    def test_answers_in_pieces(self):
        for program in (REDIS, MEMCACHED):
            with self.subTest(program), FakeServer(lambda number: "pieces") as server:
                result = server.run(program, *self.OPTIONS)
                self.assertEqual(result.returncode, 0, result)

    def test_wrong_answers_and_lost_connections_are_failures_of_one_call_each(self):
        for program in (REDIS, MEMCACHED):
            for what in ("wrong", "close"):
                spoil = lambda number, what=what: what if number in (10, 20) else None
                with self.subTest(program), FakeServer(spoil) as server:
                    result = server.run(program, *self.OPTIONS)
                    self.assertEqual(result.returncode, 1, result)
                    self.assertIn(" answers, 2 failures", result.stdout)

    def test_misuse_is_exit_code_2(self):
        result = subprocess.run([REDIS, "127.0.0.1"], capture_output=True, text=True,
                                timeout=PATIENCE, check=False)
        self.assertEqual(result.returncode, 2, result)


if __name__ == "__main__":
    unittest.main(verbosity=2)
