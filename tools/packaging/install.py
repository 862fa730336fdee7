#!/usr/bin/env python3
"""The part of tools/install that needs no building: it copies what is built, or removes it.

  install.py --prefix P [--destdir D] [--without-openssl] --root FOLDER...
  install.py --prefix P [--destdir D] --check        whether P can be written to
  install.py --prefix P [--destdir D] --uninstall

Exit status: 0 done; 1 refused, with nothing changed, or some files left; the reason is one line.
"""

import argparse
import os
import signal
import sys

import prefix as prefixes
import tree


def say(text):
    """A line for the user."""
    print(f"install: {text}", file=sys.stderr)


def read_arguments(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--destdir", default="")
    parser.add_argument("--without-openssl", dest="openssl", action="store_false")
    parser.add_argument("--root", dest="roots", action="append", default=[])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--uninstall", action="store_true")
    return parser.parse_args(arguments)


def left(kept):
    """Says which files stay; the exit status."""
    for path in kept:
        say(f"{path}: left, as it has been changed since")
    return 1 if kept else 0


def main(arguments):
    options = read_arguments(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    where = options.destdir + os.path.abspath(options.prefix)
    prefix = prefixes.Prefix(where)
    try:
        if options.check:
            prefix.check_writable()
            return 0
        if options.uninstall:
            status = left(prefix.uninstall())
            say(f"removed from {where}")
            return status
        entries = tree.entries(options.roots, os.path.abspath(options.prefix), options.openssl)
        status = left(prefix.install(entries))
        say(f"{len(entries)} files in {where}")
        return status
    except prefixes.Refused as refusal:
        say(refusal)
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
