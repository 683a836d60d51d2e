"""A line of the table: two sides that were sampled in turn, their ratios, and what those should be."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass
class Row:
    """One line of the table: a ratio of two sides that were sampled in turn, and what it should be."""

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    baseline: str = ""
    bound: str = ""
    better_is: str = "higher"
    limit: float = 0.0

    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)]

    def reached(self) -> bool:
        ratio = statistics.median(self.ratios())
        return ratio >= self.limit if self.better_is == "higher" else ratio <= self.limit
