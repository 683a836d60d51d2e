"""What a service holds while it runs: sampled from /proc, and whether it grows."""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.service import Service


@dataclass(frozen=True)
class Sample:
    """Bytes and counts at `second` after the start. Workers come and go with their models; some models stay."""

    second: float
    server_rss: int
    server_pss: int
    standing_pss: int  # of workers of models that stay
    all_pss: int  # server and every worker, with those of models that come and go
    workers: int
    server_fds: int
    server_threads: int


def _rollup(pid: int) -> tuple[int, int]:
    """RSS and PSS, bytes; nothing of a process that is gone."""
    try:
        lines = [line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    except OSError:
        return 0, 0
    sizes = {line[0]: int(line[1]) * 1024 for line in lines[1:] if len(line) > 1 and line[1].isdigit()}
    return sizes.get("Rss:", 0), sizes.get("Pss:", 0)


class Watch:
    """Samples every few seconds in a thread of its own, until stop()."""

    def __init__(self, service: Service, standing: set[int], every: float) -> None:
        self._service, self._standing, self._every = service, standing, every
        self._stop = threading.Event()
        self._begun = time.monotonic()
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.samples.append(self._sample())
            self._stop.wait(self._every)

    def _sample(self) -> Sample:
        pids = self._service.pids()
        server = pids[0]
        rss, pss = _rollup(server)
        workers = {pid: _rollup(pid)[1] for pid in pids[1:]}
        return Sample(
            second=time.monotonic() - self._begun,
            server_rss=rss,
            server_pss=pss,
            standing_pss=sum(size for pid, size in workers.items() if pid in self._standing),
            all_pss=pss + sum(workers.values()),
            workers=len(workers),
            server_fds=len(list(Path(f"/proc/{server}/fd").iterdir())),
            server_threads=len(list(Path(f"/proc/{server}/task").iterdir())),
        )

    def stop(self) -> list[Sample]:
        self._stop.set()
        self._thread.join()
        return self.samples


def slope(samples: list[Sample], member: str, warm_up: float) -> dict[str, Any]:
    """How `member` goes on after `warm_up` seconds: the median of the slopes of all pairs (Theil and Sen), which a few
    peaks do not move; the medians of the first and the last quarter; what that is for an hour."""
    points = [(s.second, float(getattr(s, member))) for s in samples if s.second >= warm_up]
    if len(points) < 8:
        return {"points": len(points)}
    step = max(1, len(points) // 400)
    thin = points[::step]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(thin) for b in thin[i + 1 :]]
    quarter = len(points) // 4
    first = statistics.median(value for _, value in points[:quarter])
    last = statistics.median(value for _, value in points[-quarter:])
    return {
        "points": len(points),
        "median": statistics.median(value for _, value in points),
        "peak": max(value for _, value in points),
        "first_quarter": first,
        "last_quarter": last,
        "per_hour": statistics.median(slopes) * 3600,
    }


def rows(samples: list[Sample], warm_up: float) -> dict[str, dict[str, Any]]:
    """slope() of every member but the time."""
    return {member: slope(samples, member, warm_up) for member in asdict(samples[0]) if member != "second"}
