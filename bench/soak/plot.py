"""Memory over the time of a soak, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blindai.cli import plots

_LINES = {
    "server_pss": ("server", "#1b7f5c"),
    "standing_pss": ("worker of the model that stays", "#b5452c"),
    "all_pss": ("server and all workers", "#777777"),
}


def write(result: dict[str, Any], path: Path) -> None:
    """SVG or PNG, as the ending of `path` says. Error: ConfigurationError without matplotlib."""
    plots.require()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    axes = figure.subplots()
    for member, (label, colour) in _LINES.items():
        xs = [sample["second"] / 60 for sample in result["samples"]]
        ys = [sample[member] / (1024 * 1024) for sample in result["samples"]]
        axes.plot(xs, ys, color=colour, linewidth=1.2, label=label)
    axes.axvline(result["warm_up_seconds"] / 60, color="#d9d9d9", linewidth=1.0)
    axes.set_xlabel("minutes; growth is counted from the line on")
    axes.set_ylabel("PSS, MiB")
    axes.set_ylim(0)
    axes.set_title(f"{result['callers']} callers, {result['minutes']:g} minutes", loc="left")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
