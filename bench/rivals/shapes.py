"""What tools/rivals measures: the loads, by name."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    """One load. `options` are those of `spindle bench`."""

    name: str
    options: tuple
    what: str
    mode: str = "echo"
    unit: str = "message"
    fixed_rate: bool = False  # Then the rate says nothing.
    fresh: bool = False  # Servers are started anew for each block, for their memory.
    idle: int = 0
    least_seconds: float = 0  # Of a run: where a message takes long.


def _ping_pong(connections, size=64):
    return ("-c", str(connections), "-s", str(size))


SHAPES = {shape.name: shape for shape in (
    Shape("pp1", _ping_pong(1), "1 connection, 64 bytes to and fro"),
    Shape("pp16", _ping_pong(16), "16 connections, 64 bytes"),
    Shape("pp64", _ping_pong(64), "64 connections, 64 bytes"),
    Shape("pp256", _ping_pong(256), "256 connections, 64 bytes"),
    Shape("pp1000", _ping_pong(1000), "1,000 connections, 64 bytes"),
    Shape("64x16k", _ping_pong(64, 16384), "64 connections, 16 KiB"),
    Shape("pipe16", (*_ping_pong(64), "--pipeline", "16"),
          "64 connections, 16 messages of 64 bytes under way on each"),
    Shape("rate30k", (*_ping_pong(64), "--rate", "30k"),
          "open loop, 30,000 messages of 64 bytes a second over 64 connections", fixed_rate=True),
    Shape("stream", ("-c", "4", "--stream", "-s", "64K"), "4 connections, echoed without end",
          unit="64 KiB"),
    Shape("sink", ("-c", "4", "--stream", "--mode", "sink", "-s", "64K"),
          "4 connections, one way, without end", mode="sink", unit="64 KiB"),
    Shape("churn", ("-c", "64", "--churn"), "connect, echo 64 bytes, close; 64 at once",
          unit="connection"),
    Shape("idle10k", ("-c", "64", "--idle", "10000"),
          "64 connections, 64 bytes, beside 10,000 that are idle", fresh=True, idle=10000),
    Shape("fanout", ("-c", "1000", "--room", "1"),
          "each message of one connection to 1,000, the next when all have it", mode="room",
          least_seconds=0.5),
    Shape("chat", ("-c", "64", "--room", "64"), "64 members talk, each message to all", mode="room"),
    Shape("relay", _ping_pong(64), "64 connections, 64 bytes, through to a raw server and back",
          mode="relay"),
)}
