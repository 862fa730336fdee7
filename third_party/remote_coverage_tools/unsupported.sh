#!/bin/sh
echo "bazel coverage is not supported here; build with --copt=--coverage --linkopt=--coverage" >&2
exit 1
