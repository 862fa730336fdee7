"""Ports of 127.0.0.1 for servers of other people, which cannot choose one themselves."""

import socket
import time


def free_port():
    """One that is free now."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return holder.getsockname()[1]


def wait_for(port, patience):
    """Returns when somebody listens there; ends the program after `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as peer:
                if peer.getsockname() != peer.getpeername():
                    return  # Else the kernel chose the same port for this side.
        except OSError:
            pass
        time.sleep(0.02)  # Nothing tells of it.
    raise SystemExit(f"nobody listens on port {port}")
