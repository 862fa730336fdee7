#!/usr/bin/env bash
# Runs two programs with the seeds 1 to SEEDS and compares what they print.
#
#   same_output.sh PROGRAM PROGRAM SEEDS STEPS
set -euo pipefail

readonly ours=$1 theirs=$2 seeds=$3 steps=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# One seed: what differs, to stdout. The programs mostly sleep, so they do it together.
compare() {
  local seed=$1
  "$ours" "$seed" "$steps" >"$scratch/ours.$seed" &
  # Leaks of the other library's are not this test's business.
  ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
    "$theirs" "$seed" "$steps" >"$scratch/theirs.$seed"
  wait $!
  cmp -s "$scratch/ours.$seed" "$scratch/theirs.$seed" && return
  echo "seed $seed, $steps steps: ours < > theirs"
  diff "$scratch/ours.$seed" "$scratch/theirs.$seed" | head -n 20
  return 1
}
export -f compare
export ours theirs steps scratch

seq "$seeds" | xargs -P 4 -I SEED bash -euc 'compare SEED'
echo "$seeds seeds, $steps steps each: the same"
