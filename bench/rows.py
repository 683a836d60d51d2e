"""A line of the table: two sides that were sampled in turn, their ratios, and what those should be."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from bench.cpu import Spent


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
    ours_spent: list[Spent] = field(default_factory=list)
    theirs_spent: list[Spent] = field(default_factory=list)

    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)]

    def reached(self) -> bool:
        ratio = statistics.median(self.ratios())
        return ratio >= self.limit if self.better_is == "higher" else ratio <= self.limit

    def others(self) -> float | None:
        """Share of the machine that other programs took meanwhile, or nothing where it was not looked at."""
        shares = [spent.others for spent in self.ours_spent + self.theirs_spent]
        return statistics.median(shares) if shares else None
