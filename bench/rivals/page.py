"""A session of tools/rivals as one HTML page that needs nothing else, in the manner of
bench/report: its style sheet and script, SVG whose x is in percent and whose y is in pixels.
"""

import html
import json
import math
import pathlib

import findings
from servers import BASE, LIMITS, OURS, ROOT
from session import AGAIN

ROW = 26  # Pixels.
CHIPS = {"better": "good", "same": "neutral", "cannot tell": "unknown", "worse": "bad"}
STYLE = """
.forest .box { padding-left: 108px; }
.forest .box svg.points { left: 108px; width: calc(100% - 124px); }
td .chip { margin: 0; padding: 0 9px; font-size: 13px; }
"""


def escape(text):
    return html.escape(str(text), quote=True)


class Axis:
    """Ratios on a logarithmic scale, 1 somewhere within."""

    TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 7, 10, 20, 50, 100)

    def __init__(self, estimates):
        ends = [1.0]
        for found in estimates:
            ends += [found.ratio, found.low or found.ratio,
                     found.ratio if math.isinf(found.high) else found.high]
        self.low = math.log(max(min(*ends, 0.9) / 1.05, 0.05))
        self.high = math.log(min(max(*ends, 1.1) * 1.05, 200))

    def at(self, value):
        """In percent of the width."""
        value = math.log(value) if value > 0 else self.low
        return 100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)

    def ticks(self):
        chosen = [1]
        for tick in sorted(self.TICKS, key=lambda tick: abs(math.log(tick))):
            inside = self.low <= math.log(tick) <= self.high
            if inside and all(abs(self.at(tick) - self.at(other)) >= 11 for other in chosen):
                chosen.append(tick)
        return sorted(chosen)


def style_of(name):
    return 0 if name == OURS else 3 if name in LIMITS or name == AGAIN else 1


SHAPES_OF_MARKS = {0: "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", 1: "M-4-4H4V4H-4z",
                   3: "M0-5.5L5.5 0L0 5.5L-5.5 0z"}


def _point(axis, y, name, found):
    style = style_of(name)
    left = axis.at(found.ratio) > 50
    label = f"{name}: {found} times {BASE}, {found.blocks} blocks"
    return (f'<svg x="{axis.at(found.ratio):.2f}%" y="{y}" class="at"><g class="point" tabindex="0" '
            f'role="listitem" aria-label="{escape(label)}"><circle class="hit" r="11"/>'
            f'<path class="mark s{style}" d="{SHAPES_OF_MARKS[style]}"/>'
            f'<text class="value" text-anchor="{"end" if left else "start"}" aria-hidden="true">'
            f'<tspan x="{-12 if left else 12}" y="-8">{escape(name)} {escape(found)}</tspan></text>'
            "</g></svg>")


def _whisker(axis, y, name, found):
    if math.isinf(found.high):  # There is no interval.
        return ""
    high, style = found.high, style_of(name)
    return "".join(
        f'<line class="whisker s{style}" x1="{axis.at(x1):.2f}%" x2="{axis.at(x2):.2f}%" y1="{y + y1}"'
        f' y2="{y + y2}"/>'
        for x1, x2, y1, y2 in ((found.low, high, 0, 0), (found.low, found.low, -5, 5),
                               (high, high, -5, 5)))


def chart(row, metric, number):
    """The servers below each other, ratios to the base from left to right; the noise as a band."""
    estimates = {name: found for name in row["servers"]
                 if name != BASE and (found := findings.ratio(row, name, BASE, metric)) is not None}
    if not estimates or findings.means_nothing(row, metric):
        return ""
    axis = Axis(estimates.values())
    height = ROW * len(estimates)
    title = f"{findings.label(row)}: {findings.METRICS[metric][2]}"
    back, marks = [], []
    floor = estimates.get(AGAIN)
    if floor is not None and not math.isinf(floor.high):
        back.append(f'<rect class="band" x="{axis.at(floor.low):.2f}%" height="{height}" '
                    f'width="{axis.at(floor.high) - axis.at(floor.low):.2f}%"/>')
    for tick in axis.ticks():
        x = f"{axis.at(tick):.2f}%"
        back.append(f'<line class="{"axis" if tick == 1 else "grid"}" x1="{x}" x2="{x}" y2="{height}"/>'
                    f'<text class="tick" x="{x}" y="{height + 18}" text-anchor="middle">{tick}</text>')
    for index, (name, found) in enumerate(estimates.items()):
        y = ROW * index + ROW // 2
        back.append(f'<text x="-8" y="{y}" dy=".35em" text-anchor="end">{escape(name)}</text>')
        back.append(_whisker(axis, y, name, found))
        marks.append(_point(axis, y, name, found))
    base = findings.absolute(row, BASE, findings.METRICS[metric][0])
    rows = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(found)}</td></tr>'
                   for name, found in estimates.items())
    frame = '<g transform="translate(0 8)">'
    return (f'<figure class="chart forest"><figcaption><h4>{escape(title)}</h4><p class="axis-name">'
            f'times {BASE}, which took {base}; {escape(row["what"])}</p></figcaption><div class="box">'
            f'<svg class="drawing" width="100%" height="{height + 34}" role="img" '
            f'aria-labelledby="c{number}-t"><title id="c{number}-t">{escape(title)}</title>'
            f'{frame}{"".join(back)}</g></svg><svg class="points" width="100%" height="{height + 34}" '
            f'role="list" aria-label="{escape(title)}, values">{frame}{"".join(marks)}</g></svg></div>'
            f'<details><summary>Values</summary><div class="scroll"><table><caption>{escape(title)}'
            f'</caption><thead><tr><th scope="col">Server</th><th scope="col">times {BASE}</th></tr>'
            f"</thead><tbody>{rows}</tbody></table></div></details></figure>\n")


def verdicts(rows):
    """Each row against raw and the best library."""
    out = []
    for row in rows:
        best = findings.best_library(row, "cpu")
        if OURS not in row["servers"]:
            continue
        cells = []
        for other in (BASE, best):
            if other is None:
                cells.append("<td>n/a</td><td></td>")
                continue
            found = findings.ratio(row, OURS, other, "cpu")
            word = findings.verdict(row, "cpu", other)
            against = "" if other == BASE else f" of {escape(other)}"
            cells.append(f"<td>{escape(found or 'n/a')}{against}</td>"
                         f'<td><span class="chip {CHIPS[word]}">{word}</span></td>')
        floor = findings.noise(row, "cpu")
        out.append(f'<tr><th scope="row">{escape(findings.label(row))}</th>{"".join(cells)}'
                   f"<td>{escape(floor or 'n/a')}</td></tr>")
    return ("<section><h2>Spindle&#39;s CPU per message</h2><div class=\"scroll\"><table><thead><tr>"
            f'<th scope="col">Shape</th><th scope="col">times {BASE}</th><th scope="col">Verdict</th>'
            '<th scope="col">times the best library</th><th scope="col">Verdict</th>'
            f'<th scope="col">{AGAIN} (noise)</th></tr></thead><tbody>{"".join(out)}</tbody></table>'
            "</div></section>\n")


def table(rows, heading, cell):
    """A table of rows by servers."""
    names = list(dict.fromkeys(name for row in rows for name in row["servers"]))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{escape(findings.label(row))}</th>'
        + "".join(f"<td>{escape(cell(row, name)) if name in row['servers'] else ''}</td>"
                  for name in names) + "</tr>" for row in rows)
    return (f'<section><h2>{escape(heading)}</h2><div class="scroll"><table><thead><tr>'
            f'<th scope="col">Shape</th>{head}</tr></thead><tbody>{body}</tbody></table></div></section>\n')


def facts(results):
    host = results["host"]
    pairs = {"Command": " ".join(results["cmd"]), "Commit": results["commit"], "Seed": results["seed"],
             "Blocks": results["blocks"], "Each run": f"{results['seconds']} s after "
             f"{results['warmup']} s of warm-up", "Kernel": host["kernel"],
             "Processors": f"{host['cpus']}, {host['cpu_model']}", "Started": results["started"],
             "Meanwhile": findings.machine_text(results["rows"])}
    return ('<section><h2>How this was measured</h2><p>In each block every server runs once, in random '
            f'order; ratios are to <em>{BASE}</em> in the same block: their median with a 95 % bootstrap '
            f'interval. The band is {BASE} against itself: what no difference looks like here.</p>'
            '<dl class="facts">' + "".join(
                f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
                for name, value in pairs.items()) + "</dl></section>\n")


def page(results):
    """The whole page."""
    rows = results["rows"]
    folder = pathlib.Path(ROOT, "bench/report")
    style = (folder / "page.css").read_text(encoding="utf-8") + STYLE
    script = (folder / "page.js").read_text(encoding="utf-8")
    title = findings.headline(rows)
    failed = "".join(f'<li class="bad">{escape(f"failed: {where}, {name}: {error}")}</li>'
                     for where, name, error in findings.failures(rows))
    charts = "".join(chart(row, "cpu", number) for number, row in enumerate(rows))
    idle = [row for row in rows if findings.median(row, BASE, "idle_bytes") is not None]
    tables = "".join(
        table([row for row in rows if not findings.means_nothing(row, metric)],
              f"{heading[0].upper() + heading[1:]}, times {BASE}",
              lambda row, name, metric=metric: "1" if name == BASE
              else findings.ratio(row, name, BASE, metric) or "n/a")
        for metric, (_, _, heading) in findings.METRICS.items())
    tables += table(rows, "Peak resident memory, KiB",
                    lambda row, name: row["servers"][name].get("peak_rss_kib", "n/a"))
    if idle:
        tables += table(idle, "Resident memory for an idle connection, bytes",
                        lambda row, name: findings.absolute(row, name, "idle_bytes"))
    data = json.dumps(results, separators=(",", ":")).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(title)}. spindle</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header><p class="brand"><svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">\
<path d="M2 5H20M2 11H14M2 17H8"/></svg>spindle</p><p class="kind">rivals</p>\
<button type="button" id="theme" hidden>Dark</button></header>
<main id="main">
<div class="headline"><h1>{escape(title)}</h1></div>
<div class="notices"><ul><li>{escape(findings.machine_text(rows))}</li>{failed}</ul></div>
{verdicts(rows)}<section><h2>Server CPU per message, each row</h2><div class="charts">
{charts}</div></section>
{tables}{facts(results)}<p><button type="button" class="download" data-for="run-json" \
data-name="spindle-rivals.json" hidden>Download the data (JSON)</button></p>
<script type="application/json" id="run-json">
{data}
</script>
</main>
<script>
{script}
</script>
</body>
</html>
"""
