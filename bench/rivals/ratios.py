"""Ratios of paired measurements, as bench/report/statistics.h has them."""

import functools
import math
import pathlib
import random
import statistics
import sys

RESAMPLES = 2000
MIN_BLOCKS = 6  # Below, no 95 % interval of a median exists.
EQUIVALENCE = 0.05


class Estimate:
    """How many times as much: the median over blocks and its 95 % interval."""

    def __init__(self, ratio, low, high, blocks):
        self.ratio, self.low, self.high, self.blocks = ratio, low, high, blocks

    def __str__(self):
        if self.blocks < MIN_BLOCKS:
            return f"{self.ratio:.2f} (no interval)"
        return f"{self.ratio:.2f} [{self.low:.2f}, {self.high:.2f}]"


def rounds(default):
    """How many, by the first argument of the command line."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else default
    if count < MIN_BLOCKS:
        raise SystemExit(f"{pathlib.Path(sys.argv[0]).stem}: fewer than {MIN_BLOCKS} rounds give no interval")
    return count


def interleave(count, runs):
    """Calls each of `runs` once in each of `count` rounds, in an order left to chance; of {name: what
    to call} it makes {name: [what that has returned, ...]}."""
    results = {name: [] for name in runs}
    for _ in range(count):
        for name in random.sample(list(runs), len(runs)):
            results[name].append(runs[name]())
    return results


@functools.cache
def _interval(logs, seed):
    """Of the median, in logarithms. Kept: a table and a page ask for the same ones many times."""
    chance = random.Random(seed)
    medians = sorted(statistics.median(chance.choices(logs, k=len(logs))) for _ in range(RESAMPLES))
    tail = RESAMPLES // 40
    return math.exp(medians[tail]), math.exp(medians[-1 - tail])


def estimate(values, bases, seed=1):
    """Of values[i] / bases[i]; pairs in which one is missing or not above zero are left out."""
    logs = tuple(math.log(a / b) for a, b in zip(values, bases) if a and b and a > 0 and b > 0)
    if not logs:
        return None
    median = math.exp(statistics.median(logs))
    if len(logs) < MIN_BLOCKS:
        return Estimate(median, 0.0, math.inf, len(logs))
    return Estimate(median, *_interval(logs, seed), len(logs))


def judge(found, noise, less_is_better=True):
    """"better", "worse", "same" (within 5 %) or "cannot tell".

    `noise` is the estimate of the base against itself. Where that excludes 1, only what lies wholly
    beyond it, to either side, is judged better or worse.
    """
    if found is None:
        return "cannot tell"
    floor = 1.0
    if noise is not None and not noise.low <= 1 <= noise.high:
        floor = max(noise.high, 1 / noise.low)
    if found.high < 1 / floor:
        return "better" if less_is_better else "worse"
    if found.low > floor:
        return "worse" if less_is_better else "better"
    if floor == 1.0 and found.low >= 1 / (1 + EQUIVALENCE) and found.high <= 1 + EQUIVALENCE:
        return "same"
    return "cannot tell"
