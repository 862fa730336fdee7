#!/usr/bin/env python3
"""Programs that use buffers, bufferevents and listeners: terminals, proxies, log readers, scripts."""

import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import termios
import threading

import harness
from harness import connect, find, free_port, wait_until


class GrokTest(harness.ProgramTest):
    """grok reads what commands and files say, line by line."""

    def test_lines_of_a_command(self):
        config = self.write("grok.conf", """
program {
  load-patterns: "/usr/share/grok/patterns/base"
  exec "seq -f 'client 10.0.0.%g asked' 1 200"
  match {
    pattern: "client %{IP:who}"
    reaction: "seen %{who}"
  }
}
""")
        output = self.run_program("grok", "-f", config)
        self.assertEqual(output, "".join(f"seen 10.0.0.{i}\n" for i in range(1, 201)))

    def test_a_file_that_grows(self):
        log = self.write("some.log", "line 0\n")
        config = self.write("grok.conf", f"""
program {{
  load-patterns: "/usr/share/grok/patterns/base"
  file "{log}" {{ follow: true }}
  match {{
    pattern: "line %{{INT:number}}"
    reaction: "seen %{{number}}"
    flush: true
  }}
}}
""")
        process = self.start("grok", "-f", config)
        for i in range(1, 4):
            with open(log, "a", encoding="utf-8") as out:
                out.write(f"line {i}\n")
            wait_until(lambda i=i: f"seen {i}\n" in self.log_of("grok"), f"line {i}", process)
        self.check_library(process)


class LuaEventTest(harness.ProgramTest):
    """A server in Lua: sockets, timers and buffers of lua-event."""

    SERVER = """
local core = require("luaevent.core")
local luaevent = require("luaevent")
local socket = require("socket")

local plain = assert(socket.bind("127.0.0.1", 0))
luaevent.addserver(plain, function(client)
  client = luaevent.wrap(client)
  while true do
    local line = client:receive("*l")
    if not line then break end
    client:send("echo " .. line .. "\\n")
  end
  client:close()
end)

local base = core.new()
local buffered = assert(socket.bind("127.0.0.1", 0))
local kept = {}
local accepting = base:addevent(buffered, core.EV_READ, function()
  local client = assert(buffered:accept())
  client:settimeout(0)
  local input, output = core.buffer.new(), core.buffer.new()
  local reading = base:addevent(client, core.EV_READ, function()
    if (input:read(client, 65536) or 0) <= 0 then
      kept[client] = nil
      client:close()
      return -1
    end
    local line = input:readline()
    while line do
      output:add(line:upper(), "\\n")
      line = input:readline()
    end
    while output:length() > 0 do
      if (output:write(client) or 0) <= 0 then break end
    end
  end)
  -- A bufferevent is made and freed only: lua-event 0.4.6 does not find it again in its callbacks.
  local pipe = core.bufferevent.new(base, -1, nil, nil, function() end)
  pipe:set_read_watermarks(1, 10)
  pipe:set_timeouts(1, 1)
  kept[client] = {pipe, reading}
end)
local ticks = 0
base:addevent(nil, core.EV_TIMEOUT, function()
  ticks = ticks + 1
  if ticks == 3 then return -1 end
end, 0.01)

print(core.libevent_version())
print("port", select(2, (which == "plain" and plain or buffered):getsockname()))
io.flush()
if which == "plain" then luaevent.loop() else base:loop() end
"""

    def serve(self, which):
        """A server; its process and port."""
        find("lua5.4")
        if not os.path.exists("/usr/share/lua/5.4/luaevent.lua") or \
                not os.path.exists("/usr/share/lua/5.4/socket.lua"):
            self.skipTest("no lua-event, or no lua-socket, here")
        script = self.write("server.lua", f'which = "{which}"\n{self.SERVER}')
        process = self.start("lua5.4", script)
        wait_until(lambda: "port\t" in self.log_of("lua5.4"), "the port", process)
        self.assertTrue(self.log_of("lua5.4").startswith("2.1."), self.log_of("lua5.4"))
        return process, int(self.log_of("lua5.4").split("port\t")[1].split()[0])

    def test_coroutines(self):
        process, port = self.serve("plain")
        connections = [connect(port, process) for _ in range(20)]
        for _ in range(5):
            for i, sock in enumerate(connections):
                sock.sendall(b"line %d\n" % i)
            for i, sock in enumerate(connections):
                harness.expect(sock, b"echo line %d\n" % i)
        self.check_library(process)
        for sock in connections:
            sock.close()

    def test_buffers(self):
        process, port = self.serve("buffered")
        for i in range(10):
            with connect(port, process) as sock:
                text = b"abc %d \n" % i * 500
                sock.sendall(text)
                harness.expect(sock, text.upper())
        self.check_library(process)


class TmuxTest(harness.ProgramTest):
    """A tmux server of its own, its commands, and a client on a terminal."""

    def setUp(self):
        super().setUp()
        find("tmux")
        self.environment = {**harness.environment(), "TMUX_TMPDIR": self.scratch,
                            "TERM": "xterm", "LC_ALL": "C.UTF-8", "HOME": self.scratch}
        self.environment.pop("TMUX", None)
        self.tmux("new-session", "-d", "-s", "main", "-x", "80", "-y", "24",
                  "env", "PS1=$ ", "ENV=", "sh")
        self.addCleanup(self.tmux, "kill-server", check=False)

    def tmux(self, *arguments, check=True):
        """Runs a command in the server; what it prints."""
        done = subprocess.run([find("tmux"), "-L", "test", "-f", "/dev/null", *arguments],
                              env=self.environment, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=harness.PATIENCE)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def wait_for_screen(self, text, pane="main"):
        """Waits until the pane shows the text."""
        wait_until(lambda: text in self.tmux("capture-pane", "-p", "-t", pane), f"{text!r} shown")

    def server(self):
        """The server's process id."""
        return int(self.tmux("display-message", "-p", "-t", "main", "#{pid}"))

    def check_mapped(self, pid):
        """As check_library, for a process that is not ours."""
        class Process:
            """What check_library asks for."""
            def __init__(self):
                self.pid = pid

            @staticmethod
            def poll():
                """It runs."""
                return None
        self.check_library(Process())

    def test_send_keys_and_capture(self):
        self.tmux("send-keys", "-t", "main", "echo answer $((6 * 7))", "Enter")
        self.wait_for_screen("answer 42")
        self.tmux("send-keys", "-t", "main", "clear; seq 1 5000 | tail -n 3; echo all", "Enter")
        self.wait_for_screen("4998\n4999\n5000\nall")
        self.check_mapped(self.server())

    def test_split(self):
        self.tmux("split-window", "-t", "main", "-h", "env", "PS1=$ ", "ENV=", "sh")
        self.tmux("split-window", "-t", "main", "-v", "env", "PS1=$ ", "ENV=", "sh")
        panes = self.tmux("list-panes", "-t", "main", "-F", "#{pane_id}").split()
        self.assertEqual(len(panes), 3)
        for i, pane in enumerate(panes):
            self.tmux("send-keys", "-t", pane, f"echo pane-$((100 + {i}))", "Enter")
        for i, pane in enumerate(panes):
            self.wait_for_screen(f"pane-{100 + i}", pane)
        self.tmux("send-keys", "-t", panes[2], "exit", "Enter")
        wait_until(lambda: len(self.tmux("list-panes", "-t", "main").splitlines()) == 2,
                   "a pane that ends")
        self.check_mapped(self.server())

    def test_run_shell_and_wait_for(self):
        self.tmux("run-shell", f"echo from a job >{self.path('job')}")
        with open(self.path("job"), encoding="utf-8") as job:
            self.assertEqual(job.read(), "from a job\n")
        self.tmux("send-keys", "-t", "main", "tmux -L test wait-for -S done", "Enter")
        self.tmux("wait-for", "done")
        self.tmux("load-buffer", self.write("text", "x" * 50000))
        self.assertEqual(self.tmux("show-buffer"), "x" * 50000)

    def test_attach_type_resize_detach(self):
        child, terminal = pty.fork()
        if child == 0:
            os.execve(find("tmux"), ["tmux", "-L", "test", "attach", "-t", "main"],
                      self.environment)
        seen = bytearray()

        def shown(text):
            """Whether the terminal has been sent the text."""
            if select.select([terminal], [], [], 0.02)[0]:
                try:
                    seen.extend(os.read(terminal, 65536))
                except OSError:
                    pass  # The client has gone.
            return text in seen
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        wait_until(lambda: shown(b"[main]"), "the status line")
        self.check_mapped(child)
        os.write(terminal, b"echo typed-$((1 + 1)) $(tput cols)\r")
        wait_until(lambda: shown(b"typed-2 120"), "what was typed")
        os.write(terminal, b"\x02d")  # C-b d: detach
        wait_until(lambda: shown(b"[detached"), "the end of the client")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        os.close(terminal)
        self.wait_for_screen("typed-2 120")


class RemctlShellTest(harness.ProgramTest):
    """remctl-shell runs a command, and passes its output and status on."""

    def remctl(self, command, **options):
        """The finished program."""
        config = self.write("remctl.conf", "test echo /bin/echo ANYUSER\n"
                            f"test lines {self.script()} ANYUSER\n"
                            f"test fail {self.script()} ANYUSER\n"
                            f"test input {self.script()} stdin=last ANYUSER\n")
        variables = {**harness.environment(), "SSH_CONNECTION": "127.0.0.1 1 127.0.0.1 22",
                     "REMCTL_USER": "tester@EXAMPLE.ORG", "LD_DEBUG": "libs",
                     "LD_DEBUG_OUTPUT": self.path("loader")}
        done = subprocess.run([find("remctl-shell"), "-q", "-S", "-f", config, "-c", command],
                              env=variables, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=harness.PATIENCE, **options)
        self.check_loader()
        return done

    def script(self):
        """A program that writes to both outputs, and fails."""
        path = self.write("script", "#!/bin/sh\ncase $1 in\n"
                          "input) exec cat ;;\nlines) exec seq $2 ;;\nesac\necho to output; echo to error >&2; exit 7\n")
        os.chmod(path, 0o755)
        return path

    def test_output(self):
        done = self.remctl("test echo some words")
        self.assertEqual((done.returncode, done.stdout), (0, "echo some words\n"), done.stderr)

    def test_much_output(self):
        done = self.remctl("test lines 50000")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "".join(f"{i}\n" for i in range(1, 50001)))

    def test_error_and_status(self):
        done = self.remctl("test fail")
        self.assertEqual((done.returncode, done.stdout), (7, "to output\n"))
        self.assertIn("to error\n", done.stderr)

    def test_input(self):
        text = "word " * 100
        done = self.remctl(f"test input '{text}'")
        self.assertEqual((done.returncode, done.stdout), (0, text), done.stderr)

    def test_unknown_command(self):
        done = self.remctl("test nothing")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nknown command", done.stderr)


class Socks5(threading.Thread):
    """A SOCKS5 server that echoes in upper case instead of connecting."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked_for = []

    def run(self):
        while True:
            client = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def take(client, size):
        """Exactly so many bytes."""
        got = b""
        while len(got) < size:
            chunk = client.recv(size - len(got))
            if not chunk:
                raise ConnectionError("ended")
            got += chunk
        return got

    def serve(self, client):
        """One connection."""
        with client:
            methods = self.take(client, 2)[1]
            self.take(client, methods)
            client.sendall(b"\x05\x00")
            request = self.take(client, 10)
            self.asked_for.append((socket.inet_ntoa(request[4:8]), *struct.unpack(">H", request[8:])))
            client.sendall(b"\x05\x00\x00\x01" + request[4:])
            while data := client.recv(65536):
                client.sendall(data.upper())


class RedsocksTest(harness.ProgramTest):
    """redsocks hands connections to a SOCKS5 server."""

    def test_relay(self):
        find("redsocks")
        upstream = Socks5()
        upstream.start()
        port, dns = free_port(), free_port(socket.SOCK_DGRAM)
        config = self.write("redsocks.conf", f"""
base {{ log_debug = off; log_info = on; log = "stderr"; daemon = off; redirector = generic; }}
redsocks {{ local_ip = 127.0.0.1; local_port = {port}; ip = 127.0.0.1;
  port = {upstream.port}; type = socks5; }}
dnstc {{ local_ip = 127.0.0.1; local_port = {dns}; }}
""")
        process = self.start("redsocks", "-c", config)
        connections = [connect(port, process) for _ in range(20)]
        for i, sock in enumerate(connections):
            sock.sendall(b"hello %d" % i)
        for i, sock in enumerate(connections):
            harness.expect(sock, b"HELLO %d" % i)
            sock.close()
        with connect(port, process) as sock:
            text = os.urandom(1 << 20).hex().encode()
            sender = threading.Thread(target=sock.sendall, args=(text,))
            sender.start()
            harness.expect(sock, text.upper())
            sender.join()
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_all(sock), b"")
        self.assertEqual(set(upstream.asked_for), {("127.0.0.1", port)})
        self.check_library(process)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(harness.PATIENCE)
            query = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01"
            asker.sendto(query, ("127.0.0.1", dns))
            self.assertEqual(asker.recv(512)[:3], b"\x12\x34\x83")  # An answer, cut off.


class FstrmCaptureTest(harness.ProgramTest):
    """fstrm_capture writes down the frames that many senders stream to it."""

    TYPE = b"protobuf:test"
    ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5

    def control(self, kind):
        """A control frame."""
        body = struct.pack(">I", kind)
        if kind in (self.READY, self.START):
            body += struct.pack(">II", 1, len(self.TYPE)) + self.TYPE
        return struct.pack(">II", 0, len(body)) + body

    def answer(self, sock):
        """The kind of the control frame that comes."""
        head = Socks5.take(sock, 8)
        return struct.unpack(">I", Socks5.take(sock, struct.unpack(">II", head)[1])[:4])[0]

    def stream(self, sock, frames):
        """Sends all frames, with the hand-shakes around them."""
        sock.sendall(self.control(self.READY))
        self.assertEqual(self.answer(sock), self.ACCEPT)
        sock.sendall(self.control(self.START))
        sock.sendall(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))
        sock.sendall(self.control(self.STOP))
        self.assertEqual(self.answer(sock), self.FINISH)

    def recorded(self, path):
        """The frames in a file."""
        with open(path, "rb") as file:
            data = file.read()
        frames, at = [], 0
        while at + 4 <= len(data):
            size = struct.unpack(">I", data[at:at + 4])[0]
            if size == 0:  # A control frame.
                at += 8 + struct.unpack(">I", data[at + 4:at + 8])[0]
                continue
            frames.append(data[at + 4:at + 4 + size])
            at += 4 + size
        return frames

    def capture(self, where, open_socket):
        """Streams to a capture that listens there, from several senders."""
        path = self.path("frames")
        process = self.start("fstrm_capture", "-t", self.TYPE.decode(), "-w", path, *where)
        sent = [[b"sender %d frame %d " % (i, j) * (j + 1) for j in range(100)] for i in range(8)]
        for frames in sent:
            with open_socket(process) as sock:
                self.stream(sock, frames)
        self.check_library(process)
        process.terminate()
        self.assertEqual(process.wait(harness.PATIENCE), 0, self.log_of("fstrm_capture"))
        self.assertEqual(self.recorded(path), [frame for frames in sent for frame in frames])

    def test_unix(self):
        path = self.path("socket")

        def open_socket(process):
            def attempt():
                sock = socket.socket(socket.AF_UNIX)
                try:
                    sock.connect(path)
                except OSError:
                    sock.close()
                    return None
                return sock
            return wait_until(attempt, "the socket", process)
        self.capture(["-u", path], open_socket)

    def test_tcp(self):
        port = free_port()
        self.capture(["-a", "127.0.0.1", "-p", str(port)], lambda process: connect(port, process))


if __name__ == "__main__":
    harness.main()
