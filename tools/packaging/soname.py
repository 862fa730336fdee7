#!/usr/bin/env python3
"""Prints the linker's option that names libspindle.so, for the version in the header given."""

import sys

import tree

with open(sys.argv[1], encoding="utf-8") as text:
    abi = tree.abi_version(tree.read_version(text.read()))
print(f"-Wl,-soname,libspindle.so.{abi}")
