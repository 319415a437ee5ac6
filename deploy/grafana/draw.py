#!/usr/bin/env python3
"""Draws the dashboard from a Prometheus, without a Grafana: the panels of ringway.json with their
own queries, in their own places, as one picture. It is how ringway.png was made.

    pip install matplotlib
    deploy/grafana/draw.py --prometheus http://localhost:9090 --minutes 5 --out ringway.png

A query that fails is told on stderr, and the exit code is 1; a panel without data says so.
"""

import argparse
import json
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates as dates  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import matplotlib.ticker as ticker  # noqa: E402

BACKGROUND, PANEL, TEXT, FAINT = "#111217", "#181b1f", "#d8d9da", "#6e7681"
COLOURS = ["#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#b877d9", "#f2495c", "#8ab8ff", "#96d98d"]
SERIES_MAX = 8
ROW_INCHES = 0.3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--prometheus", default="http://localhost:9090")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--dashboard", default=pathlib.Path(__file__).with_name("ringway.json"))
    parser.add_argument("--sections", type=int, default=99, help="how many rows, from the first")
    parser.add_argument("--out", default="ringway.png")
    return parser.parse_args()


class Prometheus:
    def __init__(self, url, minutes):
        self.url, self.end = url.rstrip("/"), time.time()
        self.begin, self.step = self.end - 60 * minutes, max(1, round(minutes * 60 / 150))
        self.failed = 0

    def ask(self, expression):
        """Series of the window: their labels, and (time, value) pairs."""
        expression = re.sub(r"\$__(rate_)?interval", f"{max(10, 4 * self.step)}s", expression)
        expression = re.sub(r"\$__range", f"{round(self.end - self.begin)}s", expression)
        expression = re.sub(r"\$\{?(job|instance)\}?", ".*", expression)
        query = {"query": expression, "start": self.begin, "end": self.end, "step": self.step}
        url = f"{self.url}/api/v1/query_range?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]["result"]
        except OSError as error:
            self.failed += 1
            print(f"{error}: {expression}", file=sys.stderr)
            return []


def readable(value, unit):
    if unit in ("percentunit", "percent"):
        return f"{value * (100 if unit == 'percentunit' else 1):.3g} %"
    scales = {
        "s": [(1, "s"), (1e-3, "ms"), (1e-6, "us"), (0, "ns")],
        "bytes": [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (0, "B")],
        "Bps": [(2**30, "GiB/s"), (2**20, "MiB/s"), (2**10, "KiB/s"), (0, "B/s")],
    }
    sizes = {"ns": 1e-9, "B": 1, "B/s": 1}
    for least, name in scales.get(unit, [(1e9, "G"), (1e6, "M"), (1e3, "k"), (0, "")]):
        if abs(value) >= least and (value or not least):
            ends = {"reqps": "/s", "ops": "/s"}.get(unit, "")
            return f"{value / (least or sizes.get(name, 1)):.3g} {name}{ends}".strip()
    return f"{value:.3g}"


def name_of(target, labels):
    form = target.get("legendFormat", "")
    if form in ("", "__auto"):
        return ", ".join(f"{k}={v}" for k, v in labels.items() if k != "__name__")
    return re.sub(r"{{\s*(\w+)\s*}}", lambda match: labels.get(match[1], ""), form)


def draw_series(axes, panel, prometheus, unit):
    lines = []
    for target in panel["targets"]:
        for series in prometheus.ask(target["expr"]):
            points = [(float(at), float(value)) for at, value in series["values"]]
            lines.append((name_of(target, series["metric"]), points))
    lines.sort(key=lambda line: -max((v for _, v in line[1] if v == v), default=0))
    for place, (name, points) in enumerate(lines[:SERIES_MAX]):
        times = [at / 86400 for at, _ in points]
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(times, [v for _, v in points], color=colour, linewidth=0.9, label=name[:34])
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda v, _: readable(v, unit)))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
    axes.xaxis.set_major_locator(ticker.MaxNLocator(4))
    axes.grid(color="#2c3235", linewidth=0.4)
    if lines:
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
        axes.legend(fontsize=4.5, loc="upper left", framealpha=0.3, facecolor=PANEL,
                    edgecolor="none", labelcolor=TEXT, ncols=2)
    return bool(lines)


def draw_heat(axes, panel, prometheus, unit):
    series = prometheus.ask(panel["targets"][0]["expr"])
    rows = sorted((float(s["metric"].get("le", "inf")), s["values"]) for s in series)
    if not rows:
        return False
    table, before = [], {}
    for _, values in rows:
        now = {at: float(value) for at, value in values}
        table.append([max(0, now[at] - before.get(at, 0)) for at in sorted(now)])
        before = now
    table = [row[: min(map(len, table))] for row in table]
    axes.imshow(table, aspect="auto", origin="lower", cmap="magma", interpolation="nearest")
    axes.set_yticks(range(0, len(rows), 3))
    axes.set_yticklabels([readable(rows[at][0], unit) for at in range(0, len(rows), 3)])
    axes.set_xticks([])
    return True


def draw_stat(axes, panel, prometheus, unit):
    axes.axis("off")
    said = []
    for target in panel["targets"]:
        for series in prometheus.ask(target["expr"]):
            value = readable(float(series["values"][-1][1]), unit)
            name = name_of(target, series["metric"])
            said.append(f"{name}: {value}" if name and len(panel["targets"]) > 1 else value)
            if "{{" in target.get("legendFormat", ""):
                said[-1] = name
    text = "\n".join(said[:3])
    axes.text(0.5, 0.45, text, transform=axes.transAxes, color="#73bf69", ha="center",
              va="center", fontsize=11 if len(text) < 12 else 7, fontweight="bold")
    return bool(said)


def first_sections(panels, count):
    titles = [place for place, panel in enumerate(panels) if panel["type"] == "row"]
    return panels[: titles[count]] if count < len(titles) else panels


def main():
    options = arguments()
    dashboard = json.loads(pathlib.Path(options.dashboard).read_text())
    prometheus = Prometheus(options.prometheus, options.minutes)
    panels = first_sections(dashboard["panels"], options.sections)
    height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels)
    figure = plt.figure(figsize=(16, height * ROW_INCHES), facecolor=BACKGROUND)
    for panel in panels:
        grid = panel["gridPos"]
        left, width = grid["x"] / 24, grid["w"] / 24
        top, tall = 1 - grid["y"] / height, grid["h"] / height
        if panel["type"] == "row":
            figure.text(left + 0.004, top - tall / 2, panel["title"], color=TEXT, fontsize=10,
                        fontweight="bold", va="center")
            continue
        is_stat = panel["type"] == "stat"
        inset = 0.002 if is_stat else 0.028
        box = [left + inset, top - tall * (0.95 if is_stat else 0.86),
               width - inset - 0.006, tall * (0.75 if is_stat else 0.68)]
        axes = figure.add_axes(box, facecolor=PANEL)
        axes.tick_params(colors=FAINT, labelsize=5, length=2, width=0.4)
        for spine in axes.spines.values():
            spine.set_visible(False)
        figure.text(left + width / 2 if is_stat else left + 0.006, top - tall * 0.09,
                    panel["title"], color=TEXT, fontsize=6.5, va="center",
                    ha="center" if is_stat else "left")
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
        draw = {"stat": draw_stat, "heatmap": draw_heat}.get(panel["type"], draw_series)
        if not draw(axes, panel, prometheus, unit):
            axes.text(0.5, 0.5, "no data", transform=axes.transAxes, color=FAINT, ha="center")
    figure.savefig(options.out, dpi=100, facecolor=BACKGROUND)
    print(f"{options.out}: {len(panels)} panels, {prometheus.failed} queries failed")
    return 1 if prometheus.failed else 0


if __name__ == "__main__":
    sys.exit(main())
