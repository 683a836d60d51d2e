"""Rows about serving itself: large tensors, idle connections, many models at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench import connections, models, service
from bench.rows import Row

if TYPE_CHECKING:
    from bench.run import Bench

_MIB = 1024 * 1024
_MODELS = 64


@contextmanager
def another(folder: Path, *arguments: str) -> Iterator[service.Service]:
    """A service beside that of the benchmark, whose profile is in force again afterwards."""
    kept = dict(os.environ)
    folder.mkdir()
    try:
        with service.Service(folder, *arguments) as running:
            yield running
    finally:
        os.environ.clear()
        os.environ.update(kept)
        shutil.rmtree(folder)


def large(bench: Bench) -> None:
    """1 MiB both ways, beside an echo of OpenSSL that has read all before it answers."""
    model = models.identity_1mb(bench.folder)
    bench.service.upload(model.path, model.name)
    request = ("predict", *bench.target(), "--model", model.name, *bench.inputs(model), "--seconds", "3")
    row = Row("1 MiB both ways, 1 caller", "a second", baseline="raw TLS echo of 1 MiB", bound=">= 0.85", limit=0.85)
    bench.in_turn(
        row,
        lambda: 1e6 / bench.sample(*request)["p50_us"],
        lambda: 1e6 / bench.sample("tls-echo", "--bytes", str(_MIB), "--seconds", "3")["p50_us"],
    )
    bench.service.delete(model.name)


def idle(bench: Bench) -> None:
    for protocol in ("http/1.1", "h2"):
        name = f"idle connection, one of {connections.COUNT:,}, {protocol}"
        row = Row(name, "bytes of PSS", baseline="100 KiB", bound="<= 1", better_is="lower", limit=1.0)
        for pair in range(bench.pairs):
            with another(bench.folder / f"idle-{protocol[-1]}-{pair}", "--auth", "proof", "bearer") as running:
                row.ours.append(connections.bytes_each(running, protocol))
            row.theirs.append(100 * 1024.0)
        bench.rows.append(row)


def crowded(bench: Bench) -> None:
    """One model among as many as a tenant may have, beside the same one alone, each in a service of its own."""
    model = models.tiny_mlp(bench.folder)
    row = Row(
        f"tiny MLP, 1 caller, {_MODELS} models loaded",
        "us (median)",
        baseline="the same model alone",
        bound="<= 1.1",
        better_is="lower",
        limit=1.1,
    )
    measure = ("--measure-ms", "100")
    with another(bench.folder / "alone", *measure) as alone:
        alone.upload(model.path, model.name)
        with another(bench.folder / "crowded", *measure) as full:
            for number in range(_MODELS - 1):
                full.upload(model.path, f"other-{number}")
            full.upload(model.path, model.name)

            def p50(running: service.Service) -> float:
                target = ("--url", running.url, "--policy", str(running.policy), "--key-file", str(running.key_file))
                request = ("predict", *target, "--model", model.name, *bench.inputs(model), "--seconds", "2")
                median: float = bench.sample(*request)["p50_us"]
                return median

            bench.in_turn(row, lambda: p50(full), lambda: p50(alone))
            bench.facts["pss_of_64_models_bytes"] = full.pss_bytes()
