"""A proxy for tests: SOCKS 4, 4a and 5 and HTTP CONNECT, each on its own listener."""

import base64
import socket
import struct
import threading


class TinyProxy:
    """Serves one connection after the other. Attaches what the target says at once to its answer."""

    def __init__(self, kind, credentials=None):
        self.kind = kind
        self.credentials = credentials  # (user, password), or None: open to all.
        self.requests = []              # What clients have sent until they were let through.
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                try:
                    self._handle(client)
                except (OSError, struct.error, EOFError):
                    pass

    def _handle(self, client):
        taken = bytearray()
        self.requests.append(taken)

        def read(count):
            piece = b""
            while len(piece) < count:
                more = client.recv(count - len(piece))
                if not more:
                    raise EOFError
                piece += more
            taken.extend(piece)
            return piece

        def read_to(end):
            text = b""
            while not text.endswith(end):
                text += read(1)
            return text[:-len(end)]

        answer = getattr(self, "_" + self.kind)(client, read, read_to)
        if answer is None:
            return
        host, port, reply = answer
        try:
            with socket.create_connection((host, port)) as target:
                banner = target.recv(65536)
                client.sendall(reply + banner)
                self._relay(client, target)
        except ConnectionRefusedError:
            client.sendall(self._refusal())

    def _refusal(self):
        return {"socks4": b"\0\x5b" + bytes(6), "socks5": b"\5\5\0\1" + bytes(6),
                "http": b"HTTP/1.1 502 Bad Gateway\r\n\r\n"}[self.kind]

    @staticmethod
    def _socks4(_client, read, read_to):
        _, command, port = struct.unpack(">BBH", read(4))
        assert command == 1
        address = read(4)
        read_to(b"\0")
        named = address[:3] == b"\0\0\0" and address[3] != 0
        host = read_to(b"\0").decode() if named else socket.inet_ntoa(address)
        return host, port, b"\0\x5a" + bytes(6)

    def _socks5(self, client, read, _read_to):
        methods = read(2)[1]
        offered = read(methods)
        wanted = 0 if self.credentials is None else 2
        if wanted not in offered:
            client.sendall(b"\5\xff")
            return None
        client.sendall(bytes([5, wanted]))
        if wanted == 2:
            version = read(1)
            user = read(read(1)[0]).decode()
            password = read(read(1)[0]).decode()
            good = version == b"\1" and (user, password) == self.credentials
            client.sendall(b"\1\0" if good else b"\1\1")
            if not good:
                return None
        kind = read(4)[3]
        if kind == 1:
            host = socket.inet_ntoa(read(4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, read(16))
        else:
            host = read(read(1)[0]).decode()
        port = struct.unpack(">H", read(2))[0]
        return host, port, b"\5\0\0\1\1\2\3\4\0\1"

    def _http(self, client, _read, read_to):
        head = read_to(b"\r\n\r\n").decode()
        if self.credentials is not None:
            secret = base64.b64encode(":".join(self.credentials).encode()).decode()
            if f"Proxy-Authorization: Basic {secret}" not in head:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return None
        host, _, port = head.split()[1].rpartition(":")
        return host.strip("[]"), int(port), b"HTTP/1.0 200 Connection established\r\n\r\n"

    @staticmethod
    def _relay(client, target):
        def carry(source, sink):
            try:
                while piece := source.recv(65536):
                    sink.sendall(piece)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        there = threading.Thread(target=carry, args=(client, target))
        there.start()
        carry(target, client)
        there.join()
