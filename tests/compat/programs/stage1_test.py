#!/usr/bin/env python3
"""Programs that use events only: name servers, pools, proxies, clients."""

import http.server
import os
import pwd
import socket
import subprocess
import threading

import harness
from harness import connect, find, free_port, wait_until


class DnsUpstream(threading.Thread):
    """A name server that answers every question with 192.0.2.7, until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            query, sender = self.socket.recvfrom(4096)
            if query == b"stop":
                self.socket.close()
                return
            answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton("192.0.2.7")
            end = query.index(b"\0", 12) + 5
            self.socket.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] + answer,
                               sender)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"stop", ("127.0.0.1", self.port))
        self.join()


class Stage1Test(harness.ProgramTest):
    """Each program starts, does what it is for, and has the library mapped."""

    def test_inetd(self):
        port = free_port()
        config = self.write("inetd.conf", f"127.0.0.1:{port} stream tcp nowait root /bin/cat cat\n"
                            if os.getuid() == 0 else "")
        if os.getuid() != 0:
            self.skipTest("inetd wants to be root")
        process = self.start("inetd", "-i", config)
        for i in range(20):
            with connect(port, process) as sock:
                sock.sendall(b"line %d\n" % i)
                sock.shutdown(socket.SHUT_WR)
                self.assertEqual(harness.read_all(sock), b"line %d\n" % i)
        self.check_library(process)

    def test_tcpbench(self):
        port = free_port()
        server = self.start("tcpbench", "-s", "-4", "-p", str(port))
        connect(port, server).close()
        self.check_library(server)
        client = self.start("tcpbench", "-t", "2", "-n", "20", "-p", str(port), "127.0.0.1")
        self.check_library(client)
        self.assertEqual(client.wait(harness.PATIENCE), 0)
        self.assertIn("elapsed_ms", self.log_of("tcpbench"))

    def test_dnsproxy(self):
        find("dnsproxy")
        upstream = DnsUpstream()
        upstream.start()
        self.addCleanup(upstream.stop)
        port = free_port(socket.SOCK_DGRAM)
        config = self.write("dnsproxy.conf", f"""
authoritative 127.0.0.1
authoritative-port {upstream.port}
recursive 127.0.0.1
recursive-port {upstream.port}
listen 127.0.0.1
port {port}
listen_answer 127.0.0.1
port_answer {free_port(socket.SOCK_DGRAM)}
internal 127.0.0.0/8
""")
        process = self.start("dnsproxy", "-c", config)
        for i in range(20):
            self.assertEqual(harness.ask_dns(port, f"name{i}.example"), ["192.0.2.7"])
        self.check_library(process)

    def test_bitlbee(self):
        port = free_port()
        config = self.write("bitlbee.conf", "[settings]\nAuthMode = Open\n")
        os.mkdir(self.path("users"))
        process = self.start("bitlbee", "-D", "-n", "-i", "127.0.0.1", "-p", str(port),
                             "-c", config, "-d", self.path("users"))
        with connect(port, process) as sock:
            sock.sendall(b"NICK tester\r\nUSER tester tester 127.0.0.1 :Tester\r\n")
            got = b""
            while b"Welcome" not in got:
                chunk = sock.recv(4096)
                self.assertTrue(chunk, got)
                got += chunk
            sock.sendall(b"PING :anyone\r\n")
            while b"PONG" not in got:
                got += sock.recv(4096)
        self.check_library(process)

    def test_nsd(self):
        port = free_port(socket.SOCK_DGRAM)
        zone = self.write("example.zone", """$ORIGIN example.
@ 60 IN SOA ns root 1 60 60 60 60
@ 60 IN NS ns
ns 60 IN A 192.0.2.1
www 60 IN A 192.0.2.2
""")
        config = self.write("nsd.conf", f"""
server:
  ip-address: 127.0.0.1
  port: {port}
  server-count: 2
  username: ""
  chroot: ""
  zonesdir: "{self.scratch}"
  pidfile: "{self.path('nsd.pid')}"
  xfrdfile: "{self.path('xfrd.state')}"
  xfrdir: "{self.scratch}"
  database: ""
  zonelistfile: "{self.path('zone.list')}"
  cookie-secret-file: "{self.path('cookies')}"
remote-control:
  control-enable: no
zone:
  name: example
  zonefile: {zone}
""")
        process = self.start("nsd", "-d", "-c", config)
        for _ in range(20):
            self.assertEqual(harness.ask_dns(port, "www.example"), ["192.0.2.2"])
        self.check_library(process)

    def test_unbound(self):
        port = free_port(socket.SOCK_DGRAM)
        config = self.write("unbound.conf", f"""
server:
  interface: 127.0.0.1
  port: {port}
  num-threads: 4
  username: ""
  chroot: ""
  directory: "{self.scratch}"
  pidfile: "{self.path('unbound.pid')}"
  use-syslog: no
  local-zone: "example." static
  local-data: "www.example. IN A 192.0.2.3"
remote-control:
  control-enable: no
""")
        process = self.start("unbound", "-d", "-c", config)
        for _ in range(50):
            self.assertEqual(harness.ask_dns(port, "www.example"), ["192.0.2.3"])
        self.check_library(process)

    def test_gearmand(self):
        port = free_port()
        process = self.start("gearmand", "-L", "127.0.0.1", "-p", str(port), "-t", "4",
                             "-l", self.path("gearmand.log"))
        connect(port, process).close()
        self.check_library(process)
        self.start("gearman", "-h", "127.0.0.1", "-p", str(port), "-w", "-f", "up", "--", "tr",
                   "a-z", "A-Z", on_libevent=False)
        for i in range(5):
            self.assertEqual(self.run_program("gearman", "-h", "127.0.0.1", "-p", str(port), "-f",
                                              "up", f"text {i}", on_libevent=False),
                             f"TEXT {i}")

    def test_webdis_before_redis(self):
        redis_port = free_port()
        port = free_port()
        find("webdis")
        redis = self.start("redis-server", "--bind", "127.0.0.1", "--port", str(redis_port),
                           "--dir", self.scratch, "--save", "", on_libevent=False)
        connect(redis_port, redis).close()
        config = self.write("webdis.json", f"""{{
"redis_host": "127.0.0.1", "redis_port": {redis_port}, "http_host": "127.0.0.1",
"http_port": {port}, "threads": 5, "pool_size": 20, "daemonize": false, "verbosity": 1,
"logfile": "{self.path('webdis-own.log')}", "acl": [{{"enabled": ["*"]}}]}}""")
        process = self.start("webdis", config)
        for i in range(30):
            self.assertIn(b'{"SET":[true,"OK"]}', self.fetch(port, f"/SET/key{i}/value{i}", process))
            self.assertIn(f'{{"GET":"value{i}"}}'.encode(),
                          self.fetch(port, f"/GET/key{i}", process))
        self.check_library(process)

    @staticmethod
    def fetch(port, path, process):
        """The answer to a GET."""
        with connect(port, process) as sock:
            sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return harness.read_all(sock)

    def test_links2(self):
        class Pages(http.server.BaseHTTPRequestHandler):
            """Answers everything with its path."""
            def do_GET(self):
                body = f"<html><body>this is {self.path}</body></html>".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                url = f"http://127.0.0.1:{server.server_port}/some/page"
                output = self.run_program("links2", "-dump", url, cwd=self.scratch)
            finally:
                server.shutdown()
        self.assertIn("this is /some/page", output)

    def test_mpirun(self):
        root = ["--allow-run-as-root"] if os.getuid() == 0 else []
        output = self.run_program("mpirun", *root, "--oversubscribe", "-np", "4", "--mca",
                                  "plm_rsh_agent", "false", "sh", "-c",
                                  "echo rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE")
        self.assertEqual(sorted(output.split("\n")[:-1]), [f"rank {i} of 4" for i in range(4)])


class PgbouncerTest(harness.ProgramTest):
    """pgbouncer before a PostgreSQL of its own."""

    def start_postgres(self):
        """The port of a fresh cluster."""
        folder = "/usr/lib/postgresql"
        versions = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        if not versions or os.getuid() != 0:
            self.skipTest("no PostgreSQL that this user can run")
        binaries = os.path.join(folder, versions[-1], "bin")
        owner = pwd.getpwnam("postgres")
        os.chown(self.scratch, owner.pw_uid, owner.pw_gid)
        port = free_port()
        as_owner = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": "/"}
        subprocess.run([f"{binaries}/initdb", "-A", "trust", "-N", "-D", self.path("cluster")],
                       check=True, capture_output=True, timeout=2 * harness.PATIENCE, **as_owner)
        process = self.start(f"{binaries}/postgres", "-D", self.path("cluster"), "-p", str(port),
                             "-h", "127.0.0.1", "-k", self.scratch, "-F", on_libevent=False,
                             **as_owner)
        wait_until(lambda: subprocess.run(
            [f"{binaries}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)],
            check=False).returncode == 0, "PostgreSQL", process)
        return port, as_owner

    def test_pool(self):
        find("pgbouncer")
        find("psql")
        postgres_port, as_owner = self.start_postgres()
        port = free_port()
        users = self.write("users.txt", '"postgres" ""\n')
        config = self.write("pgbouncer.ini", f"""[databases]
postgres = host=127.0.0.1 port={postgres_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
admin_users = postgres
pool_mode = transaction
default_pool_size = 2
""")
        process = self.start("pgbouncer", config, **as_owner)
        connect(port, process).close()
        self.check_library(process)
        sql = "select sum(n) from generate_series(1, 100) n"
        clients = [subprocess.Popen(
            ["psql", "-X", "-t", "-A", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c",
             sql, "postgres"], stdout=subprocess.PIPE, text=True) for _ in range(10)]
        answers = [client.communicate(timeout=harness.PATIENCE)[0] for client in clients]
        self.assertEqual(answers, ["5050\n"] * 10, self.log_of("pgbouncer"))
        with connect(port, process):
            pass
        self.assertIsNone(process.poll())


if __name__ == "__main__":
    harness.main()
