"""The table of ratios, for people."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
_PEERS = ("bare engine", "FastAPI", "MLServer", "Triton")


def ratios(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], key: str) -> list[float]:
    """Round by round, where both sides have a number."""
    pairs = zip(ours, theirs, strict=True)
    return [a[key] / b[key] for a, b in pairs if a[key] > 0 and b[key] > 0]


def cell(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def markdown(document: dict[str, Any]) -> str:
    headings = ["model, callers", "requests/s", *(f"of {peer}" for peer in _PEERS)]
    headings += ["p50, of the best Python peer's", "others"]
    rows = [f"| {' | '.join(headings)} |", f"| --- | ---: | {' | '.join('---' for _ in _PEERS)} | --- | ---: |"]
    failures = []
    for line in document["lines"]:
        sides = line["sides"]
        ours = sides["BlindAI"]
        cells = [f"{statistics.median(sample['per_second'] for sample in ours):,.1f}"]
        cells += [cell(ratios(ours, sides[peer], "per_second")) if peer in sides else "-" for peer in _PEERS]
        pythons = [sides[peer] for peer in ("FastAPI", "MLServer") if peer in sides]
        best = min(pythons, key=lambda samples: statistics.median(s["p50_us"] or 1e18 for s in samples), default=None)
        cells.append(cell(ratios(ours, best, "p50_us")) if best is not None else "-")
        cells.append(f"{statistics.median(line['others']):.0%}")
        rows.append(f"| {line['model']}, {line['callers']} | {' | '.join(cells)} |")
        for side, samples in sides.items():
            count = sum(sample["failures"] for sample in samples)
            if count:
                failures.append(f"{side} failed {count:,} requests of {line['model']} at {line['callers']} callers.")
    notes = [*failures, *(f"{name} was left out: it could not be run." for name in document["missing"])]
    return "\n".join([*rows, *(["", *notes] if notes else [])])


def put(path: Path, text: str) -> None:
    """Replaces what stands between the marks of a document."""
    document = path.read_text()
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no {BEGIN} and {END}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
