"""Checks every #include of the project's C and C++ files against the layers of the design.

A file includes files of lower rank and of its own folder, and never another folder's internal/.
"""

import pathlib
import re

# Folder -> rank. A folder that is not listed must be added here before it may hold a source file.
RANKS = {
    "base": 0,
    "net/types": 1,
    "net/backend": 2,
    "net/loop": 3,
    "net/stream": 4,
    "net/datagram": 4,
    "net/tls": 5,
    "net/dns": 5,
    "net/session": 5,
    "net/codec": 5,
    "net/pool": 6,
    "net/send": 6,
    "net/http": 6,
    "net/coro": 6,
    "net/admin": 7,
    "net/websocket": 7,
    "net/compat": 8,
    "tests": 9,
    "tests/bench": 10,  # Tests of bench/, which is no lower than the other tests.
    "bench": 9,
    "examples": 9,
}

# Quoted includes of other people's libraries start with one of these.
THIRD_PARTY = ("absl/", "gtest/", "gmock/", "benchmark/", "CLI/", "nlohmann/")

SUFFIXES = {".h", ".cc", ".c"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def folder_of(path):
    """The ranked folder that holds `path`, or None."""
    parts = path.split("/")
    for depth in (2, 1):
        if len(parts) > depth and "/".join(parts[:depth]) in RANKS:
            return "/".join(parts[:depth])
    return None


def may_see_internal(path, owner):
    """Whether `path` may include what lies in the internal/ folder of `owner`."""
    if path.startswith(owner + "/") or path.startswith("bench/micro/"):
        return True
    short = owner.removeprefix("net/")
    return path.startswith((f"tests/{owner}/", f"tests/{short}/"))


def complaint(path, included):
    """Why `path` may not include `included`, or None."""
    if included.startswith(THIRD_PARTY):
        return None
    mine, theirs = folder_of(path), folder_of(included)
    if mine is None:
        return "this folder has no rank in tests/layering/check_includes.py"
    if theirs is None:
        if mine == "net/compat" or path.startswith("tests/compat/"):
            return None  # Headers of the library whose face it copies.
        return "is neither a path from the workspace's root nor a known library"
    owner, found, _ = included.partition("/internal/")
    if found and not may_see_internal(path, owner):
        return f"lies in the internal folder of {owner}"
    if mine != theirs and RANKS[theirs] >= RANKS[mine]:
        return f"has rank {RANKS[theirs]}, not below {RANKS[mine]}"
    return None


def sources(root):
    """The project's source files below `root`, as paths relative to it."""
    for top in sorted({folder.split("/")[0] for folder in RANKS}):
        for path in sorted(pathlib.Path(root, top).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path.relative_to(root).as_posix()


def check_tree(root):
    """One line per illegal include below `root`."""
    found = []
    for path in sources(root):
        text = pathlib.Path(root, path).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), start=1):
            match = INCLUDE.match(line)
            reason = match and complaint(path, match.group(1))
            if reason:
                found.append(f"{path}:{number}: \"{match.group(1)}\" {reason}")
    return found


def unlisted_headers(root, build_file):
    """Headers of base/ and net/ outside internal/ that `build_file` does not name."""
    text = pathlib.Path(root, build_file).read_text(encoding="utf-8")
    return [
        path
        for path in sources(root)
        if path.endswith(".h")
        and path.startswith(("base/", "net/"))
        and "/internal/" not in path
        and not path.startswith("net/compat/")
        and f'"{path}"' not in text
    ]
