"""What an installation of Spindle consists of, out of what Bazel has built.

Files are looked for below several roots, by their path in the project: the source tree and
bazel-bin, or the one folder of a test that holds both.
"""

import ast
import os
import re

from prefix import Entry, Refused

LIBEVENT = "lib/spindle-libevent"
_LIBEVENT_FILE = "libevent-2.1.so.7.0.1"
_LIBEVENT_NAMES = ["libevent", "libevent_core", "libevent_extra", "libevent_pthreads",
                   "libevent_openssl"]
# What a header of another name says of OpenSSL's functions.
_OPENSSL_HEADERS = {"event2/bufferevent_ssl.h"}
# What each libevent*.pc says of itself. One library stands for them all.
_LIBEVENT_TEXTS = {
    "libevent": "events, buffers, listeners, HTTP and DNS",
    "libevent_core": "events, buffers, listeners",
    "libevent_extra": "HTTP, DNS, RPC",
    "libevent_pthreads": "locks of POSIX threads",
    "libevent_openssl": "bufferevents over OpenSSL",
}


class Source:
    """The folders that the files come from."""

    def __init__(self, roots):
        self._roots = roots

    def find(self, path):
        """Where the file is."""
        for root in self._roots:
            if os.path.exists(os.path.join(root, path)):
                return os.path.join(root, path)
        raise Refused(f"{path}: not built")

    def read(self, path):
        """Its bytes."""
        with open(self.find(path), "rb") as file:
            return file.read()

    def text(self, path):
        """Its text."""
        return self.read(path).decode()


def read_version(header):
    """The project's version, from the header that holds it."""
    return re.search(r'kVersion\[\] = "(\d+\.\d+\.\d+)"', header).group(1)


def abi_version(version):
    """The part of the version that a change of the binary interface changes."""
    major, minor, _ = version.split(".")
    return major if major != "0" else f"0.{minor}"


def _abseil_modules(source, headers):
    """Abseil's pkg-config modules that these headers include."""
    table = source.text("third_party/system/absl_targets.bzl").partition("ABSL_TARGETS = ")[2]
    by_header = {f"absl/{folder}/{header}": module
                 for folder, targets in ast.literal_eval(table).items()
                 for module, names in targets.values() for header in names}
    return sorted({by_header[path] for path in headers if path.startswith("absl/")})


def _fill(source, name, values):
    """A template of this folder, with its @NAME@s filled in."""
    text = source.text(f"tools/packaging/{name}.in")
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match.group(1)], text).encode()


def _library(source, prefix):
    """libspindle: headers, libraries, and what tells builds of them."""
    version = read_version(source.text("bench/report/version.h"))
    abi = abi_version(version)
    headers = source.text("tools/packaging/headers.txt").split()
    modules = _abseil_modules(source, headers)
    # Every library of Abseil's is a module of the same name.
    private = [name.removeprefix("absl_")
               for name in source.text("tools/packaging/libspindle.a.others").split()]
    private = [module for module in private if module not in modules]
    values = {
        "PREFIX": prefix, "VERSION": version, "ABI": abi,
        "PC_REQUIRES": ", ".join(f"absl_{module}" for module in modules),
        "PC_REQUIRES_PRIVATE": ", ".join(f"absl_{module}" for module in private),
        "CMAKE_REQUIRES": ";".join(f"absl::{module}" for module in modules),
        "CMAKE_REQUIRES_PRIVATE": ";".join(f"absl::{module}" for module in private),
    }
    for path in headers:
        if not path.startswith("absl/"):
            yield Entry(f"include/spindle/{path}", source.read(path))
    yield Entry("lib/libspindle.a", source.read("tools/packaging/libspindle.a"))
    yield Entry(f"lib/libspindle.so.{version}", source.read("tools/packaging/libspindle.so"))
    yield Entry(f"lib/libspindle.so.{abi}", link=f"libspindle.so.{version}")
    yield Entry("lib/libspindle.so", link=f"libspindle.so.{abi}")
    yield Entry("lib/pkgconfig/spindle.pc", _fill(source, "spindle.pc", values))
    for name in ("SpindleConfig.cmake", "SpindleConfigVersion.cmake"):
        yield Entry(f"lib/cmake/Spindle/{name}", _fill(source, name, values))
    yield Entry("bin/spindle", source.read("bench/cli/spindle"), 0o755)
    yield Entry("bin/spindle-nc", link="spindle")


def _drop_in(source, prefix, openssl):
    """The folder in libevent's place."""
    include = "net/compat/libevent/include"
    root = source.find(include)
    for folder, _, names in sorted(os.walk(root, followlinks=True)):
        for name in sorted(names):
            header = os.path.relpath(os.path.join(folder, name), root)
            if openssl or header not in _OPENSSL_HEADERS:
                yield Entry(f"{LIBEVENT}/include/{header}", source.read(f"{include}/{header}"))
    yield Entry(f"{LIBEVENT}/{_LIBEVENT_FILE}",
                source.read(f"net/compat/libevent/{_LIBEVENT_FILE}"))
    for name in _LIBEVENT_NAMES:
        if name == "libevent_openssl" and not openssl:
            continue
        yield Entry(f"{LIBEVENT}/{name}-2.1.so.7", link=_LIBEVENT_FILE)
        yield Entry(f"{LIBEVENT}/{name}.so", link=f"{name}-2.1.so.7")
        values = {"PREFIX": prefix, "NAME": name, "TEXT": _LIBEVENT_TEXTS[name],
                  "LIBRARY": name.removeprefix("lib"),
                  "REQUIRES": "" if name in ("libevent", "libevent_core") else "libevent_core",
                  "CFLAGS": " -pthread" if name == "libevent_pthreads" else ""}
        yield Entry(f"{LIBEVENT}/pkgconfig/{name}.pc", _fill(source, "libevent.pc", values))
    yield Entry("bin/with-spindle", source.read("tools/with-spindle"), 0o755)


def entries(roots, prefix, openssl):
    """All there is to install."""
    source = Source(roots)
    return [*_library(source, prefix), *_drop_in(source, prefix, openssl)]
