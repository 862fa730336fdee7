#!/usr/bin/env python3
"""`spindle nc -x` through proxies of the test, in the words of netcat-openbsd."""

import os
import pathlib
import socket
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from netcat_program import OURS, enter_own_network, free_port, openbsd_as_nc, run  # noqa: E402
from tiny_proxy import TinyProxy  # noqa: E402

KINDS = {"socks4": ["-X", "4"], "socks5": ["-X", "5"], "http": ["-X", "connect"]}
BANNER = b"220 ready\n"
BIG = os.urandom(1_000_000)


class Echo:
    """A server that says something first, then echoes."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            peer, _ = self._listener.accept()
            with peer:
                try:
                    peer.sendall(BANNER)
                    while piece := peer.recv(65536):
                        peer.sendall(piece)
                except OSError:
                    pass


class ProxyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.echo = Echo()

    def through(self, proxy, *words, host="127.0.0.1", stdin=BIG, program=None, **more):
        return run([*(program or OURS), "-x", f"127.0.0.1:{proxy.port}", *KINDS[proxy.kind], *words,
                    host, str(self.echo.port)], stdin=stdin, **more)

    def test_the_banner_that_comes_with_the_answer_is_not_lost(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                client = self.through(TinyProxy(kind))
                self.assertEqual(client.code, 0, client.err)
                self.assertEqual(client.out, BANNER + BIG)

    def test_names_are_the_proxys_to_look_up(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                proxy = TinyProxy(kind)
                client = self.through(proxy, host="localhost")
                self.assertEqual(client.code, 0, client.err)
                self.assertIn(b"localhost", bytes(proxy.requests[0]))

    def test_the_same_bytes_as_netcat_openbsd(self):
        """But for HTTP, where it speaks 1.0."""
        with tempfile.TemporaryDirectory() as folder:
            rival = openbsd_as_nc(folder)
            if rival is None:
                self.skipTest("no nc.openbsd")
            for kind, host in (("socks4", "127.0.0.1"), ("socks5", "127.0.0.1"),
                               ("socks5", "localhost")):
                with self.subTest(kind=kind, host=host):
                    proxy = TinyProxy(kind)
                    for program in (OURS, [*rival, "-N"]):
                        client = self.through(proxy, host=host, program=program)
                        self.assertEqual((client.code, client.out), (0, BANNER + BIG), client.err)
                    self.assertEqual(proxy.requests[0], proxy.requests[1])

    def test_passwords(self):
        for kind in ("socks5", "http"):
            with self.subTest(kind=kind):
                proxy = TinyProxy(kind, ("joe", "sec:ret"))
                for password, code in (("sec:ret", 0), ("wrong", 1)):
                    environment = {**os.environ, "SPINDLE_PROXY_PASSWORD": password}
                    client = self.through(proxy, "-P", "joe", env=environment)
                    self.assertEqual(client.code, code, client.err)
                    if code != 0:
                        self.assertIn("Proxy authentication failed", client.err)
                self.assertEqual(self.through(proxy).code, 1)

    def test_no_way_to_ask_for_a_password(self):
        environment = {name: value for name, value in os.environ.items()
                       if name != "SPINDLE_PROXY_PASSWORD"}
        client = self.through(TinyProxy("socks5", ("joe", "x")), "-P", "joe", env=environment,
                              start_new_session=True)
        self.assertEqual(client.code, 1)
        self.assertIn("no terminal to ask for it", client.err)

    def test_failures_are_told(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                proxy = TinyProxy(kind)
                client = run([*OURS, "-x", f"127.0.0.1:{proxy.port}", *KINDS[kind], "127.0.0.1",
                              str(free_port())])
                self.assertEqual(client.code, 1)
                self.assertRegex(client.err, "^nc: proxy 127.0.0.1 port [0-9]+: .+\n$")
        client = run([*OURS, "-x", f"127.0.0.1:{free_port()}", "127.0.0.1", "1"])
        self.assertEqual(client.code, 1)
        self.assertIn("Connection refused", client.err)

    def test_a_proxy_that_says_nothing_or_hangs_up(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            client = run([*OURS, "-w", "1", "-x", f"127.0.0.1:{silent.getsockname()[1]}",
                          "127.0.0.1", "1"])
            self.assertEqual(client.code, 1)
            self.assertIn("timed out", client.err)

    def test_each_address_of_the_proxy_is_tried_also_from_a_port_of_ones_own(self):
        """The first one, by IPv6, refuses."""
        with tempfile.TemporaryDirectory() as folder:
            hosts = pathlib.Path(folder, "hosts")
            hosts.write_text("::1 twofold\n127.0.0.1 twofold\n")
            own_names = ["unshare", "-m" if os.getuid() == 0 else "-rm", "sh", "-c",
                         f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
            if run([*own_names, "true"]).code != 0:
                self.skipTest("no mount namespace here")
            proxy = TinyProxy("socks5")
            client = run([*own_names, *OURS, "-x", f"twofold:{proxy.port}", "-p",
                          str(free_port()), "127.0.0.1", str(self.echo.port)], stdin=BIG)
            self.assertEqual((client.code, client.out), (0, BANNER + BIG), client.err)

    def test_scan(self):
        for kind in KINDS:
            client = self.through(TinyProxy(kind), "-zv", stdin=None)
            self.assertEqual((client.code, client.err), (
                0, f"Connection to 127.0.0.1 {self.echo.port} port [tcp/*] succeeded!\n"))


if __name__ == "__main__":
    enter_own_network()
    unittest.main()
