"""One caller through the Python SDK."""

from __future__ import annotations

import statistics
import time

import numpy as np

from bench.service import Service


def median_us(running: Service, model_id: str, seconds: float) -> float:
    x = np.zeros((1, 4), dtype=np.float32)
    with running.connect() as client:
        for _ in range(50):
            client.predict(model_id, x)
        times: list[int] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.perf_counter_ns()
            client.predict(model_id, x)
            times.append(time.perf_counter_ns() - begin)
    return statistics.median(times) / 1000
