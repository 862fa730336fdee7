#!/usr/bin/env bash
# Whether the table of functions is current and the library exports just these names.
#
#   functions_test.sh FUNCTIONS_PY MAP LIBRARY README HEADER...
set -euo pipefail
python3 "$1" check "${@:2}"
