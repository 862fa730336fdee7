#!/usr/bin/env python3
"""What `spindle nc` does at the ends of connections, with odd descriptors, and by datagrams."""

import os
import pathlib
import pty
import signal
import socket
import struct
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from netcat_program import OURS, SPINDLE, Run, enter_own_network, free_port, run, until  # noqa: E402

BIG = os.urandom(3_000_000)
UNREAD = b"x" * (8 << 20)  # More than sockets hold.


def receive_all(peer):
    peer.settimeout(120)
    pieces = []
    while piece := peer.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port()))


class Case(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = self._folder.name
        self.addCleanup(self._folder.cleanup)

    def start(self, *words, **more):
        program = Run([*OURS, *words], **more)
        self.addCleanup(program.stop)
        return program

    def listen(self, *words, **more):
        return self.start("-lv", *words, "127.0.0.1", "0", **more)

    def listener(self):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(120)
        self.addCleanup(listener.close)
        return listener

    def client(self, *words, **more):
        """A client, and the socket of its peer."""
        return self.client_of([*OURS, *words], **more)

    def client_of(self, command, **more):
        listener = self.listener()
        program = Run([*command, "127.0.0.1", str(listener.getsockname()[1])], **more)
        self.addCleanup(program.stop)
        peer, self.source = listener.accept()
        self.addCleanup(peer.close)
        return program, peer

    def pipe(self):
        """A stdin that stays open: the end to be written to, and the one to be given away."""
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        return write, read


class EndsTest(Case):
    def test_a_peer_that_ends_its_side_at_once_gets_the_whole_file(self):
        server = self.listen(stdin=BIG)
        with connect(server) as peer:
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(peer), BIG)
        self.assertEqual(server.wait(), 0, server.err)

    def test_a_pipe_that_still_flows_is_sent_to_its_end(self):
        read, write = os.pipe()
        server = self.listen(stdin=read)
        os.close(read)
        with connect(server) as peer:
            peer.shutdown(socket.SHUT_WR)
            peer.settimeout(120)
            for _ in range(30):
                os.write(write, b"piece\n")
                self.assertEqual(peer.recv(100), b"piece\n")
            os.close(write)
            self.assertEqual(receive_all(peer), b"")
        self.assertEqual(server.wait(), 0, server.err)

    def test_the_end_of_the_peer_ends_it_though_stdin_is_open(self):
        _, stdin = self.pipe()
        client, peer = self.client(stdin=stdin)
        peer.sendall(b"bye")
        peer.close()
        self.assertEqual(client.wait(), 0, client.err)
        self.assertEqual(client.out, b"bye")

    def test_at_a_terminal_likewise(self):
        leader, follower = pty.openpty()
        client, peer = self.client(stdin=follower)
        os.write(leader, b"hello\n")
        self.assertEqual(peer.recv(100), b"hello\n")
        self.assertTrue(os.get_blocking(follower), "changed for all programs at this terminal")
        peer.close()
        self.assertEqual(client.wait(), 0, client.err)
        os.close(leader)
        os.close(follower)

    def test_a_writer_that_ends_at_once_has_all_of_it_sent(self):
        for size in (4096, 4097, 65537):
            command = f'head -c {size} /dev/zero | exec "$@"'
            client, peer = self.client_of(["sh", "-c", command, "sh", *OURS])
            self.assertEqual(len(receive_all(peer)), size)
            peer.close()
            self.assertEqual(client.wait(), 0, client.err)

    def test_half_open_waits_for_stdin(self):
        read, write = os.pipe()
        client, peer = self.client("--half-open", stdin=read)
        os.close(read)
        peer.shutdown(socket.SHUT_WR)
        with self.assertRaises(Exception):
            client.process.wait(1.5)  # Longer than the grace of pipes.
        os.write(write, b"late")
        os.close(write)
        self.assertEqual(receive_all(peer), b"late")
        self.assertEqual(client.wait(), 0, client.err)

    def test_the_end_of_stdin_is_passed_on_unless_told_otherwise(self):
        client, peer = self.client(stdin=b"abc")
        self.assertEqual(receive_all(peer), b"abc")
        peer.sendall(b"answer")
        peer.close()
        self.assertEqual((client.wait(), client.out), (0, b"answer"))

        for words, stdin in ((["--keep-open-on-eof"], b"abc"), (["-d"], b"abc"), ([], None)):
            with self.subTest(words=words):
                client, peer = self.client(*words, stdin=stdin)
                if words == ["--keep-open-on-eof"]:
                    self.assertEqual(peer.recv(3, socket.MSG_WAITALL), b"abc")
                peer.settimeout(0.3)
                with self.assertRaises(socket.timeout):
                    peer.recv(1)
                peer.sendall(b"answer")
                peer.close()
                self.assertEqual((client.wait(), client.out), (0, b"answer"), client.err)

    def test_dev_null_ends_our_side_only_with_n(self):
        client, peer = self.client("-N", stdin=None)
        self.assertEqual(receive_all(peer), b"")
        peer.close()
        self.assertEqual(client.wait(), 0, client.err)

    def test_q_ends_it_after_the_end_of_stdin_and_loses_nothing(self):
        for words in (["-q", "0"], ["-q", "0.2"]):
            with self.subTest(words=words):
                client, peer = self.client(*words, stdin=BIG)
                peer.sendall(b"never read")  # Closing with it unread resets the connection.
                self.assertEqual(receive_all(peer), BIG)
                self.assertEqual(client.wait(), 0, client.err)

    def test_bytes_that_the_peer_does_not_take_are_an_error(self):
        client, peer = self.client(stdin=UNREAD)
        peer.recv(1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()  # Resets.
        self.assertEqual(client.wait(), 1)
        self.assertRegex(client.err, "ECONNRESET|EPIPE")

        client, peer = self.client("-w", "1", stdin=UNREAD)
        self.assertEqual(client.wait(), 1)
        self.assertIn("the peer has not taken all of stdin", client.err)

    def test_what_was_said_before_a_reset_is_written(self):
        client, peer = self.client(stdin=UNREAD)
        peer.sendall(b"413 too much\n")
        until(lambda: client.out == b"413 too much\n", "it is written")
        peer.close()
        self.assertEqual(client.wait(), 1)
        self.assertEqual(client.out, b"413 too much\n")

    def test_w_1_packet(self):
        client, peer = self.client("-W", "1", stdin=None)
        peer.sendall(b"first")
        self.assertEqual((client.wait(), client.out), (0, b"first"))

    def test_interrupts(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            path = os.path.join(self.folder, "socket")
            server = self.start("-lvU", path)
            server.until_says("Listening")
            self.assertTrue(os.path.exists(path))
            server.process.send_signal(number)
            self.assertEqual(server.wait(), 130)
            self.assertFalse(os.path.exists(path))
            client, peer = self.client(stdin=self.pipe()[1])
            peer.sendall(b"x")
            until(lambda c=client: c.out == b"x", "it is connected")
            client.process.send_signal(number)
            self.assertEqual(client.wait(), 130)


class DescriptorsTest(Case):
    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            client, peer = self.client(stdin=None, stdout=full)
            peer.sendall(b"x")
            self.assertEqual(client.wait(), 1)
            self.assertIn("write to stdout: No space left on device", client.err)

    def test_a_reader_of_stdout_that_has_gone_is_an_error(self):
        read, write = os.pipe()
        client, peer = self.client(stdin=None, stdout=write)
        os.close(write)
        peer.sendall(b"x")
        self.assertEqual(os.read(read, 10), b"x")
        os.close(read)
        peer.sendall(b"y")
        self.assertEqual(client.wait(), 1)
        self.assertIn("write to stdout: Broken pipe", client.err)

    def test_closed_descriptors(self):
        listener = self.listener()
        port = str(listener.getsockname()[1])
        for closed, says, code in (("<&-", b"", 0), ("<&- 2>&-", b"", 0), (">&-", b"", 0),
                                   ("<&- >&-", b"", 0), (">&-", b"lost", 1)):
            with self.subTest(closed=closed, says=says):
                client = Run(["sh", "-c", f'exec "$@" {closed}', "sh", *OURS, "-v", "127.0.0.1",
                              port], stdin=self.pipe()[1])
                peer, _ = listener.accept()
                with peer:
                    # No socket may get their numbers.
                    for number in {"<&-": [0], ">&-": [1]}.get(closed[:3], []) + \
                            ([2] if "2>" in closed else []):
                        self.assertEqual(os.readlink(f"/proc/{client.pid}/fd/{number}"),
                                         "/dev/null")
                    peer.sendall(says)
                self.assertEqual(client.wait(), code, client.err)
                self.assertEqual(client.out, b"")
                if code != 0:
                    self.assertIn("write to stdout: Bad file descriptor", client.err)

    def test_a_stdin_that_cannot_be_read_as_under_nohup(self):
        with open("/dev/null", "wb") as unreadable:
            server = self.listen("-k", stdin=unreadable)
        for text in (b"one", b"two"):
            with connect(server) as peer:
                peer.sendall(text)
            until(lambda t=text: server.out.endswith(t), "it has come")

    def test_a_directory_is_not_read(self):
        folder = os.open(self.folder, os.O_RDONLY)
        client, _ = self.client(stdin=folder)
        os.close(folder)
        self.assertEqual(client.wait(), 1)
        self.assertIn("read stdin: Is a directory", client.err)

    def test_sockets_as_stdin_and_stdout(self):
        here, there = socket.socketpair()
        client, peer = self.client(stdin=there, stdout=there)
        there.close()
        here.sendall(b"request")
        here.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_all(peer), b"request")
        peer.sendall(BIG)
        peer.close()
        self.assertEqual(receive_all(here), BIG)
        here.close()
        self.assertEqual(client.wait(), 0, client.err)

    def test_pipes_that_cannot_be_opened_again(self):
        hide = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
        if run([*hide, "true"]).code != 0:
            self.skipTest("no mount namespaces here")
        if b"__asan_init" in pathlib.Path(SPINDLE).read_bytes():
            self.skipTest("AddressSanitizer needs what is hidden")
        stdin, write = os.pipe()
        client, peer = self.client_of([*hide, *OURS], stdin=stdin, stdout=-1)
        os.close(stdin)
        os.write(write, b"hello")  # And no end: a read that waits would hold up all else.
        self.assertEqual(peer.recv(100), b"hello")
        sent = threading.Thread(target=peer.sendall, args=(BIG,))
        sent.start()
        got = client.process.stdout.read(len(BIG))
        sent.join()
        self.assertEqual(got, BIG)
        os.close(write)
        self.assertEqual(receive_all(peer), b"")
        peer.close()
        self.assertEqual(client.wait(), 0, client.err)
        client.process.stdout.close()

    def test_stdout_in_append_mode(self):
        path = os.path.join(self.folder, "log")
        for text in (b"one\n", b"two\n"):
            with open(path, "ab") as log:
                client, peer = self.client(stdin=None, stdout=log)
                peer.sendall(text)
                peer.close()
                self.assertEqual(client.wait(), 0, client.err)
        self.assertEqual(pathlib.Path(path).read_bytes(), b"one\ntwo\n")

    def test_a_slow_peer_bounds_the_memory_and_a_pause_costs_nothing(self):
        with open("/dev/zero", "rb") as endless:
            client, peer = self.client(stdin=endless)
            status = pathlib.Path(f"/proc/{client.pid}/status")
            cpu = pathlib.Path(f"/proc/{client.pid}/stat")

            def used():
                return sum(int(word) for word in cpu.read_text().rsplit(")", 1)[1].split()[11:13])

            def sent():
                return int(pathlib.Path(f"/proc/{client.pid}/io").read_text().split()[1])

            def settled():
                before = sent()
                return not client.process.poll() and before > 100_000 and \
                    not os.system("sleep 0.3") and sent() == before

            until(settled, "the peer's buffers are full")
            before = used()
            resident = [line for line in status.read_text().splitlines() if "VmRSS" in line][0]
            self.assertLess(int(resident.split()[1]), 200_000)
            os.system("sleep 0.5")
            self.assertLessEqual(used() - before, 5)  # Hundredths of a second; a spin takes 50.
            peer.close()
            self.assertEqual(client.wait(), 1)


class OptionsTest(Case):
    def test_names_of_the_program(self):
        for name in ("nc", "spindle-nc"):
            link = os.path.join(self.folder, name)
            os.symlink(SPINDLE, link)
            self.assertIn(b"usage: spindle nc", run([link, "-h"]).out)
        self.assertEqual(run([*OURS, "-h"]).code, 0)
        self.assertIn(b"nc ", run([SPINDLE, "--help"]).out)

    def test_refusals(self):
        for letter in "SVZFte":
            refused = run([*OURS, f"-{letter}", "h", "1"])
            self.assertEqual(refused.code, 2)
            self.assertRegex(refused.err, f"^nc: -{letter}: .* ")

    def test_keeps_listening(self):
        server = self.listen("-k", stdin=None)
        for text in (b"one ", b"two ", b"three"):
            with connect(server) as peer:
                peer.sendall(text)
        with connect(server) as peer:  # One that fails is not the last one.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with connect(server) as peer:
            peer.sendall(b"!")
            until(lambda: server.out.endswith(b"!"), "it has come")
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(), 130)
        self.assertEqual(server.out, b"one two three!")

    def test_a_reset_of_one_connection_is_not_the_end_of_a_pipe_as_stdout(self):
        server = self.listen("-k", stdin=None, stdout=-1)
        with connect(server) as peer:
            peer.sendall(b"one")
            self.assertEqual(server.process.stdout.read(3), b"one")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.until_says("receive: Connection reset by peer")
        with connect(server) as peer:
            peer.sendall(b"two")
            self.assertEqual(server.process.stdout.read(3), b"two")
        server.process.stdout.close()

    def test_without_k_there_is_one_connection(self):
        server = self.listen(stdin=None)
        port = server.port()
        with connect(server):
            server.until_says("received")
            until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) != 0, "others are refused")
        self.assertEqual(server.wait(), 0)

    def test_crlf(self):
        client, peer = self.client("-C", stdin=b"a\nb\r\nc")
        self.assertEqual(receive_all(peer), b"a\r\nb\r\nc")
        peer.close()
        self.assertEqual(client.wait(), 0)

    def test_interval(self):
        client, peer = self.client("-i", "0.2", stdin=b"1\n2\n3\n")
        lines = [peer.recv(100) for _ in range(3)]
        peer.close()
        self.assertEqual(lines, [b"1\n", b"2\n", b"3\n"])
        client.wait()
        self.assertGreaterEqual(client.seconds, 0.4)

    def test_several_ports_in_turn(self):
        first, second = self.listener(), self.listener()
        ports = [str(each.getsockname()[1]) for each in (first, second)]
        client = self.start("127.0.0.1", *ports, stdin=None)
        for each, text in ((first, b"1"), (second, b"2")):
            peer, _ = each.accept()
            peer.sendall(text)
            peer.close()
        self.assertEqual((client.wait(), client.out), (0, b"12"))

    def test_random_order_leaves_none_out(self):
        ports = [self.listener().getsockname()[1] for _ in range(5)]
        scan = run([*OURS, "-zvr", "127.0.0.1", *map(str, ports)])
        said = [int(line.split()[3]) for line in scan.err.splitlines()]
        self.assertEqual(sorted(said), sorted(ports))

    def test_local_address_and_port(self):
        port = free_port()
        client, peer = self.client("-s", "127.0.0.3", "-p", str(port), stdin=None)
        self.assertEqual(self.source, ("127.0.0.3", port))
        peer.close()
        self.assertEqual(client.wait(), 0, client.err)

    def test_traffic_class_and_ttl_are_seen(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.settimeout(120)
            peer.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            peer.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
            self.start("-uT", "ef", "-M", "7", "-q", "0", "-I", "9999", "-O", "9999", "127.0.0.1",
                       str(peer.getsockname()[1]), stdin=b"x")
            _, about, _, _ = peer.recvmsg(10, 200)
            values = {kind: value[0] for _, kind, value in about}
            self.assertEqual((values[socket.IP_TOS], values[2]), (0xb8, 7))

    def test_minimum_ttl(self):
        client = run([*OURS, "-w", "1", "-m", "255", "-M", "64", "127.0.0.1",
                      str(self.listener().getsockname()[1])])
        self.assertEqual(client.code, 1)  # The answers come with 64.
        self.assertIn("timed out", client.err)

    def test_w_limits_connecting(self):
        full = socket.socket()
        self.addCleanup(full.close)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        held = []
        for _ in range(4):  # From here on SYNs are dropped.
            each = socket.socket()
            self.addCleanup(each.close)
            each.setblocking(False)
            each.connect_ex(full.getsockname())
            held.append(each)
        client = run([*OURS, "-zvw", "1", "127.0.0.1", str(full.getsockname()[1])])
        self.assertEqual(client.code, 1)
        self.assertIn("failed: Connection timed out", client.err)


class DatagramsTest(Case):
    def test_both_ways(self):
        stdin, write = os.pipe()
        server = self.listen("-u", stdin=stdin)
        os.close(stdin)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(120)
            peer.connect(("127.0.0.1", server.port()))
            peer.send(b"")  # Is not the end (U2).
            peer.send(b"hello")
            until(lambda: server.out == b"hello", "it has come")
            os.write(write, b"answer")
            self.assertEqual(peer.recv(100), b"answer")
        os.close(write)
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(), 130)

    def test_a_listener_with_something_to_say_waits_until_it_knows_whom(self):
        server = self.listen("-u", stdin=b"answer")
        client = run([*OURS, "-uW", "1", "127.0.0.1", str(server.port())], stdin=b"question")
        self.assertEqual((client.code, client.out), (0, b"answer"), client.err)
        self.assertEqual(server.out, b"question")

    def test_k_hears_everybody_and_answers_the_last(self):
        stdin, write = os.pipe()
        server = self.listen("-uk", stdin=stdin)
        os.close(stdin)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
            for peer, text in ((one, b"1"), (two, b"2"), (one, b"3"), (two, b"4")):
                peer.sendto(text, ("127.0.0.1", server.port()))
                until(lambda t=text: server.out.endswith(t), "it has come")
            self.assertEqual(server.out, b"1234")
            os.write(write, b"answer")
            two.settimeout(120)
            self.assertEqual(two.recv(100), b"answer")
        os.close(write)

    def test_without_k_only_the_first_is_heard(self):
        server = self.listen("-u", "-W", "2", stdin=None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
            address = ("127.0.0.1", server.port())
            one.sendto(b"1", address)
            until(lambda: server.out == b"1", "it has come")
            two.sendto(b"2", address)
            one.sendto(b"3", address)
            self.assertEqual(server.wait(), 0, server.err)
        self.assertEqual(server.out, b"13")

    def test_scan(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            port = silent.getsockname()[1]
            scan = run([*OURS, "-zuv", "-w", "0.3", "127.0.0.1", str(port)])
            self.assertEqual((scan.code, scan.err),
                             (0, f"Connection to 127.0.0.1 {port} port [udp/*]: open or filtered\n"))
        scan = run([*OURS, "-zuv", "127.0.0.1", str(port)])
        self.assertEqual((scan.code, scan.err), (
            1, f"nc: connect to 127.0.0.1 port {port} (udp) failed: Connection refused\n"))

    def test_nobody_there(self):
        client = run([*OURS, "-u", "127.0.0.1", str(free_port(socket.SOCK_DGRAM))], stdin=b"x")
        self.assertEqual(client.code, 1)
        self.assertIn("Connection refused", client.err)

    def test_unix(self):
        for name in (os.path.join(self.folder, "d"), f"@{self.folder}"):
            stdin, write = os.pipe()
            server = self.start("-luvU", name, stdin=stdin)
            os.close(stdin)
            server.until_says("Bound")
            client_stdin, client_write = os.pipe()
            client = self.start("-uU", name, stdin=client_stdin)
            os.close(client_stdin)
            os.write(client_write, b"hello")
            until(lambda s=server: s.out == b"hello", "it has come")
            os.write(write, b"answer")
            until(lambda c=client: c.out == b"answer", "it has come")
            for each in (write, client_write):
                os.close(each)
            for program in (client, server):
                program.process.send_signal(signal.SIGINT)
                program.wait()
            self.assertEqual(os.listdir(self.folder), [])

    def test_unix_with_a_path_of_ones_own(self):
        path, own = os.path.join(self.folder, "d"), os.path.join(self.folder, "own")
        server = self.start("-lkuvU", path, stdin=None)
        server.until_says("Bound")
        for count in (1, 2):
            self.assertEqual(run([*OURS, "-uU", "-s", own, "-q", "0", path], stdin=b"x").code, 0)
            until(lambda n=count: server.out == b"x" * n, "it has come")
        server.process.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(), 130)
        self.assertEqual(os.listdir(self.folder), [])

    def test_unix_datagram_of_a_sender_that_has_gone(self):
        path = os.path.join(self.folder, "d")
        server = self.start("-luvU", path, "-W", "1", stdin=None)
        server.until_says("Bound")
        server.process.send_signal(signal.SIGSTOP)
        self.assertEqual(run([*OURS, "-uU", "-q", "0", path], stdin=b"x").code, 0)
        server.process.send_signal(signal.SIGCONT)
        self.assertEqual((server.wait(), server.out), (0, b"x"), server.err)


class UnixTest(Case):
    def test_streams(self):
        for name in (os.path.join(self.folder, "s"), f"@{self.folder}"):
            server = self.start("-lvU", name, stdin=BIG)
            server.until_says("Listening")
            client = run([*OURS, "-U", name])
            self.assertEqual((client.code, server.wait()), (0, 0), client.err + server.err)
            self.assertEqual(client.out, BIG)
            self.assertEqual(os.listdir(self.folder), [])

    def test_a_stale_socket_is_replaced_and_nothing_else_X1(self):
        path = os.path.join(self.folder, "s")
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(path)
        stale.close()
        server = self.start("-lvU", path)
        server.until_says("Listening")
        second = run([*OURS, "-lU", path])
        self.assertEqual(second.code, 1)
        self.assertIn("Address already in use", second.err)
        self.assertEqual(run([*OURS, "-zU", path]).code, 0)
        self.assertEqual(server.wait(), 0)
        pathlib.Path(path).write_text("a file", encoding="ascii")
        self.assertEqual(run([*OURS, "-lU", path]).code, 1)
        self.assertEqual(pathlib.Path(path).read_text(encoding="ascii"), "a file")

    def test_names_that_are_too_long(self):
        self.assertEqual(run([*OURS, "-U", "x" * 109]).code, 1)
        self.assertEqual(run([*OURS, "-lU", "@" + "x" * 108]).code, 1)


if __name__ == "__main__":
    enter_own_network()
    unittest.main()
