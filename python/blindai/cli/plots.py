"""What `blindai bench` measured, drawn: latency by percentile, throughput and latency over load. SVG and PNG.

matplotlib is imported here alone, and only when something is drawn: it comes with `pip install 'blindai[bench]'`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError

Run = dict[str, Any]

_DPI = 160
_SIZE = (8.0, 5.0)  # inches
_INK = "#222222"
_GRID = "#d9d9d9"
_FAST, _SLOW = "#1b7f5c", "#b5452c"  # p50, p99: told apart by colour-blind readers too, and by their marks
_PERCENTILES = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def require() -> Any:
    """matplotlib; says how to get it where it is not there."""
    try:
        import matplotlib  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError("plots need matplotlib: pip install 'blindai[bench]', or leave --out away") from None
    return matplotlib


def write(document: dict[str, Any], folder: Path) -> list[Path]:
    """Draws both figures into a folder: latency.svg, latency.png, throughput.svg, throughput.png."""
    matplotlib = require()
    style = {
        "svg.hashsalt": "blindai",
        "svg.fonttype": "none",
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    paths = []
    with matplotlib.rc_context(style):
        for name, figure in (("latency", latency(document)), ("throughput", throughput(document))):
            for kind in ("svg", "png"):
                path = folder / f"{name}.{kind}"
                figure.savefig(path, dpi=_DPI, metadata={"Date": None} if kind == "svg" else None)
                paths.append(path)
    return paths


def _load(run: Run) -> float:
    return float(run["offered_per_second"] if "offered_per_second" in run else run["callers"])


def _load_label(document: dict[str, Any]) -> str:
    return "offered requests per second" if document["loop"] == "open" else "concurrent callers"


def _subtitle(document: dict[str, Any]) -> str:
    inputs = ", ".join(document["inputs"])
    return f"{document['model']}   {inputs}   {document['loop']} loop, {document['seconds']:g} s each"


def _figure(document: dict[str, Any], title: str) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=_SIZE, layout="constrained")
    engine: Any = figure.get_layout_engine()  # the one just named, whose settings are its own
    engine.set(w_pad=0.12, h_pad=0.08, wspace=0.06)
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=13, fontweight="bold", color=_INK)
    figure.text(0.01, 0.915, _subtitle(document), fontsize=9, color="#555555")
    return figure


def _duration(microseconds: float, _position: object = None) -> str:
    for limit, factor, unit in ((1e3, 1.0, "µs"), (1e6, 1e-3, "ms"), (float("inf"), 1e-6, "s")):
        if microseconds < limit * 0.9995:
            return f"{microseconds * factor:.3g} {unit}"
    raise AssertionError("infinity is above everything")


def _rate(value: float, _position: object = None) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2g}"


def _time_axis(axes: Any, values: Iterable[float]) -> None:
    """A logarithmic axis of times with as many ticks as there is room for."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    seen = [value for value in values if value > 0] or [1.0]
    low, high = min(seen) / 1.25, max(seen) * 1.25
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 200 else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(_duration))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color=_GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def curve(histogram: list[list[float]]) -> tuple[list[float], list[float]]:
    """Points of the distribution: 1 / (1 - share of requests that took at most so long), and how long in microseconds.

    The last bucket has no such share below 1: it is drawn where the slowest request stands, at the count of all.
    """
    total = sum(count for _, count in histogram)
    xs, ys, seen = [], [], 0.0
    for microseconds, count in histogram:
        seen += count
        xs.append(total / max(total - seen, 1.0))
        ys.append(float(microseconds))
    if xs:
        xs.insert(0, 1.0)
        ys.insert(0, ys[0])
    return xs, ys


def latency(document: dict[str, Any]) -> Any:
    """Latency by percentile, the percentiles on a logarithmic axis of what is left above them."""
    from matplotlib import colormaps  # noqa: PLC0415
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator  # noqa: PLC0415

    runs = [run for run in document["runs"] if run["histogram"]]
    figure = _figure(document, "Latency by percentile")
    axes = figure.add_subplot()
    lines, furthest = [], 100.0
    for index, run in enumerate(runs):
        xs, ys = curve(run["histogram"])
        colour = colormaps["viridis"](0.9 * (1 - index / max(len(runs) - 1, 1)))
        lines.extend(axes.plot(xs, ys, color=colour, linewidth=1.8, drawstyle="steps-pre", label=_rate(_load(run))))
        furthest = max(furthest, xs[-1])
    _time_axis(axes, (value for line in lines for value in line.get_ydata()))
    shown = [p for p in _PERCENTILES if 100 / (100 - p) <= furthest * 1.01]
    axes.set_xscale("log")
    axes.set_xlim(1, furthest * 1.1)
    axes.xaxis.set_major_locator(FixedLocator([100 / (100 - p) for p in shown]))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{p:g} %" for p in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color=_GRID, linewidth=0.7)
    axes.set_xlabel("share of requests")
    axes.set_ylabel("answered within")
    if lines:
        axes.legend(
            handles=lines[::-1],
            title=_load_label(document)
            .replace("offered requests per second", "offered\nrequests/s")
            .replace("concurrent callers", "callers"),
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            frameon=False,
            alignment="left",
        )
    return figure


def throughput(document: dict[str, Any]) -> Any:
    """Requests answered per second, and the time that they took, over the load."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: PLC0415

    runs = sorted(document["runs"], key=_load)
    loads = [_load(run) for run in runs]
    figure = _figure(document, "Throughput and latency over load")
    left, right = figure.subplots(1, 2)
    rates = [float(run["per_second"]) for run in runs]
    left.plot(loads, rates, color=_FAST, marker="o", markersize=5, linewidth=1.8)
    if document["loop"] == "open":
        left.plot(loads, loads, color="#888888", linewidth=1, linestyle="--", label="offered", zorder=1)
        left.legend(frameon=False, loc="upper left")
        left.set_yscale("log", base=2)
        left.yaxis.set_major_locator(FixedLocator(loads))
        left.yaxis.set_minor_locator(NullLocator())
    else:
        left.set_ylim(0, max(rates, default=1.0) * 1.1 or 1.0)
    left.yaxis.set_major_formatter(FuncFormatter(_rate))
    left.grid(axis="y", color=_GRID, linewidth=0.7)
    left.set_axisbelow(True)
    left.set_title("answered requests per second")
    times = []
    for key, colour, mark in (("p99_us", _SLOW, "s"), ("p50_us", _FAST, "o")):
        values = [float(run[key]) for run in runs]
        times.extend(values)
        right.plot(loads, values, color=colour, marker=mark, markersize=5, linewidth=1.8, label=key.removesuffix("_us"))
    right.legend(frameon=False, loc="upper left")
    _time_axis(right, [*times, max(times, default=1.0) * 1.6])  # room for the legend
    right.set_title("latency")
    for axes in (left, right):
        if min(loads, default=0) > 0:
            axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(loads))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_rate))
        axes.set_xlabel(_load_label(document))
    return figure
