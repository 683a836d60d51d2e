"""Who used the CPUs while something was measured: the second witness beside the clock, on a machine that is shared."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def of_process(pid: int) -> float:
    """Seconds that the threads of a process have run; 0 where it is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return 0.0
    nanoseconds = 0
    for task in tasks:
        try:
            nanoseconds += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return nanoseconds / 1e9


def of_machine() -> float:
    """Seconds that all CPUs together have been busy since the start."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _waiting, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _of_children() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


@dataclass(frozen=True)
class Spent:
    """CPU seconds of a sample."""

    clients: float  # this program, and what it started and waited for
    service: float  # server and workers
    others: float  # share of the machine, 0 to 1, that everybody else took


def measure(what: Callable[[], T], pids: Callable[[], list[int]]) -> tuple[T, Spent]:
    """Runs `what`; `pids` are those of the service. Of a process that ends meanwhile the last moments are not seen."""

    def service() -> dict[int, float]:
        return {pid: of_process(pid) for pid in pids()}

    begun, machine, children, before = time.monotonic(), of_machine(), _of_children(), service()
    result = what()
    used = sum(seconds - before.get(pid, 0.0) for pid, seconds in service().items() if seconds > 0)
    clients = _of_children() - children
    others = of_machine() - machine - clients - used
    whole = (time.monotonic() - begun) * (os.cpu_count() or 1)
    return result, Spent(clients, used, min(1.0, max(0.0, others / whole)))
