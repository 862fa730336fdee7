#!/usr/bin/env bash
# Runs two programs with the seeds 1 to SEEDS and compares what they print.
#
#   same_output.sh PROGRAM PROGRAM SEEDS STEPS
set -euo pipefail

readonly ours=$1 theirs=$2 seeds=$3 steps=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for ((seed = 1; seed <= seeds; ++seed)); do
  "$ours" "$seed" "$steps" >"$scratch/ours"
  # Leaks of the other library's are not this test's business.
  ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
    "$theirs" "$seed" "$steps" >"$scratch/theirs"
  if ! cmp -s "$scratch/ours" "$scratch/theirs"; then
    echo "seed $seed, $steps steps: ours < > theirs"
    diff "$scratch/ours" "$scratch/theirs" | head -n 20 || true
    exit 1
  fi
done
echo "$seeds seeds, $steps steps each: the same"
