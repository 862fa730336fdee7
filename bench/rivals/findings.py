"""What a session of tools/rivals has found: estimates, verdicts, and a table of them."""

import statistics

import ratios
from servers import BASE, LIMITS, OURS
from session import AGAIN

# name -> (key of a sample, whether less is better, heading)
METRICS = {
    "cpu": ("cpu_ns", True, "server CPU per message"),
    "rate": ("rate", False, "rate"),
    "p50": ("p50_us", True, "median latency"),
}


def values(row, name, key):
    """One for each block; None where the run has failed."""
    return [sample.get(key) for sample in row["servers"][name]["samples"]]


def median(row, name, key):
    present = [value for value in values(row, name, key) if value is not None]
    return statistics.median(present) if present else None


def ratio(row, name, other, metric):
    """Of two servers under one shape, block by block."""
    key = METRICS[metric][0]
    return ratios.estimate(values(row, name, key), values(row, other, key))


def noise(row, metric):
    return ratio(row, AGAIN, BASE, metric)


def means_nothing(row, metric):
    return (metric == "rate" and row["fixed_rate"]) or (
        metric == "p50" and all(v is None for v in values(row, BASE, "p50_us")))


def libraries(row):
    """The rivals that are libraries."""
    return [name for name in row["servers"] if name not in (*LIMITS, AGAIN, OURS)]


def best_library(row, metric):
    """The one with the best median ratio to the base."""
    key, less, _ = METRICS[metric]
    present = [(found.ratio, name) for name in libraries(row)
               if (found := ratios.estimate(values(row, name, key), values(row, BASE, key)))]
    return (min(present) if less else max(present))[1] if present else None


def verdict(row, metric, other):
    """Ours against `other`."""
    if OURS not in row["servers"]:
        return None
    return ratios.judge(ratio(row, OURS, other, metric), noise(row, metric), METRICS[metric][1])


def tally(rows, metric="cpu"):
    """How often ours is what against the best library: {"better": [shape, ...], ...}."""
    found = {"better": [], "same": [], "cannot tell": [], "worse": []}
    for row in rows:
        best = best_library(row, metric)
        if OURS in row["servers"] and best is not None and not means_nothing(row, metric):
            found[verdict(row, metric, best)].append(label(row))
    return found


def label(row):
    return row["shape"] + ("" if row["workers"] == 1 else f", {row['workers']} workers")


def count_text(number, noun):
    return f"{number} {noun}" + ("" if number == 1 else "s")


def headline(rows):
    found = tally(rows)
    total = sum(map(len, found.values()))
    if total == 0:
        return "Nothing to compare"
    return (f"Server CPU against the best library of each row: Spindle is better in {len(found['better'])}"
            f" of {count_text(total, 'row')}, the same within 5 % in {len(found['same'])}, worse in"
            f" {len(found['worse'])}; {len(found['cannot tell'])} cannot be told")


def absolute(row, name, key):
    """A median for people."""
    value = median(row, name, key)
    if value is None:
        return "n/a"
    if key == "cpu_ns":
        return f"{value / 1000:.3g} us"
    if key == "rate":
        return f"{value / 1000:.3g} k/s" if value >= 1000 else f"{value:.3g} /s"
    if key == "p50_us":
        return f"{value / 1000:.3g} ms" if value >= 1000 else f"{value:.3g} us"
    return f"{value:.0f}"


def failures(rows):
    """[(label, server, error), ...]"""
    return [(label(row), name, sample["error"]) for row in rows
            for name, server in row["servers"].items() for sample in server["samples"]
            if "error" in sample]


def machine_text(rows):
    """What else ran meanwhile."""
    samples = [sample for row in rows for server in row["servers"].values()
               for sample in server["samples"] if "others" in sample]
    if not samples:
        return "no run has succeeded"
    others = statistics.median(sample["others"] for sample in samples)
    steal = statistics.median(sample["steal"] for sample in samples)
    text = f"others used {others:.2f} processors and the host took {steal:.2f} (medians of all runs)"
    return text + (": a busy machine, only ratios mean something" if others > 0.06 else "")


def text(rows):
    """All of it as a table: ratios to the base, and ours against the best library."""
    lines = [headline(rows) + ".", machine_text(rows) + ".", ""]
    for row in rows:
        lines.append(f"{label(row)}: {row['what']}; {BASE}: " + ", ".join(
            absolute(row, BASE, METRICS[metric][0]) for metric in METRICS))
        lines.append(f"  {'':<12} {'CPU / ' + BASE:<20} {'rate / ' + BASE:<20} {'p50 / ' + BASE:<20}"
                     f" {'peak RSS':>10}  verdict on Spindle's CPU against it")
        for name, server in row["servers"].items():
            if name == BASE:
                continue
            cells = ["-" if means_nothing(row, metric) else str(ratio(row, name, BASE, metric) or "-")
                     for metric in METRICS]
            idle = median(row, name, "idle_bytes")
            lines.append(f"  {name:<12} {cells[0]:<20} {cells[1]:<20} {cells[2]:<20}"
                         f" {server.get('peak_rss_kib', 0):>6} KiB  "
                         + ("noise" if name == AGAIN else "" if name == OURS
                            else verdict(row, "cpu", name) or "")
                         + (f"; {idle:.0f} B for an idle connection" if idle is not None else ""))
        if OURS in row["servers"]:
            lines.append(f"  Spindle's CPU against {BASE}: {verdict(row, 'cpu', BASE)}")
        lines.append("")
    for where, name, error in failures(rows):
        lines.append(f"failed: {where}, {name}: {error}")
    return "\n".join(lines)
