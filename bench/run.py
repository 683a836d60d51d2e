"""Measures the server beside the bare engine and raw TLS, and prints ratios.

The machine is assumed to be shared and noisy: what is compared is sampled in turn, A B A B, within one run; the table
shows the median of each side, the median of the ratios pair by pair, their spread, and the share of the CPUs that other
programs took meanwhile ("others"). Absolute times are for orientation only.

    scripts/bench                 all measurements, about five minutes
    scripts/bench --only mlp      one of them
    scripts/bench --only peers    this server beside others that a user would pick: half an hour, and not part of all
    scripts/bench --only soak     half an hour of random calls and killed clients: does memory grow, does a call fail
    scripts/bench --json FILE     the samples and the table as JSON
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import cpu, evidence, gate, models, python_load, service, serving
from bench.peers import run as peers
from bench.rows import Row
from bench.soak import run as soak

Sample = dict[str, Any]
DEADLINE_SECONDS = 30.0  # of a service that is told nothing else


class Bench:
    """Runs `blindai-bench` and keeps the rows."""

    def __init__(self, binary: Path, running: service.Service, folder: Path, pairs: int) -> None:
        self.binary = binary
        self.service = running
        self.folder = folder
        self.pairs = pairs
        self.rows: list[Row] = []
        self.facts: dict[str, Any] = {}

    def sample(self, *arguments: str) -> Sample:
        run = subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=600, check=False)
        if run.returncode != 0:
            raise SystemExit(f"blindai-bench {' '.join(arguments)}: {run.stderr.strip()}")
        result: Sample = json.loads(run.stdout)
        return result

    def target(self) -> tuple[str, ...]:
        return (
            *("--url", self.service.url),
            *("--policy", str(self.service.policy)),
            *("--key-file", str(self.service.key_file)),
        )

    def inputs(self, model: models.BenchModel) -> list[str]:
        return [part for text in model.inputs for part in ("--input", text)]

    def in_turn(self, row: Row, ours: Callable[[], float], theirs: Callable[[], float]) -> None:
        for _ in range(self.pairs):
            for side, rates, spent in ((theirs, row.theirs, row.theirs_spent), (ours, row.ours, row.ours_spent)):
                rate, seconds = cpu.measure(side, self.service.pids)
                rates.append(rate)
                spent.append(seconds)
        self.rows.append(row)

    # One method for each line of the table.

    def distilbert(self) -> None:
        model = models.distilbert(self.folder)
        self.service.upload(model.path, model.name)
        time = ("--seconds", "6", "--warmup", "1")
        loops: dict[str, list[float]] = {}

        def engine() -> float:
            """The best of the ways to share the CPUs out, rows a second: all to one run, half to each of two, one to
            each run; a row at a time, and four."""
            cpus = os.cpu_count() or 1
            best = 0.0
            for threads in sorted({cpus, max(1, cpus // 2), 1}):
                for rows in (1, 4):
                    share = ("--threads", str(threads), "--parallel", str(cpus // threads))
                    inputs = [part.replace("[1,", f"[{rows},") for part in self.inputs(model)]
                    sample = self.sample("engine", "--model", str(model.path), *inputs, *share, *time)
                    rate = rows * sample["per_second"]
                    loops.setdefault(f"engine_loop_{threads}_threads_{rows}_rows_per_second", []).append(rate)
                    best = max(best, rate)
            return best

        for callers in ("8", "64"):
            row = Row(
                f"DistilBERT-128, {callers} callers",
                "requests/s",
                baseline="bare engine loop, best",
                bound=">= 0.98",
                limit=0.98,
            )
            request = ("predict", *self.target(), "--model", model.name, *self.inputs(model), "--callers", callers)
            self.in_turn(row, lambda request=request: self.sample(*request, *time)["per_second"], engine)  # type: ignore[misc]
        self.facts |= {name: statistics.median(rates) for name, rates in loops.items()}
        self.service.delete(model.name)

    def overload(self) -> None:
        """Requests that come at twice the rate that can be served, whether or not others have been answered."""
        model = models.distilbert(self.folder)
        self.service.upload(model.path, model.name)
        request = ("predict", *self.target(), "--model", model.name, *self.inputs(model))
        row = Row(
            "goodput at 2 times capacity, open loop",
            "requests/s",
            baseline="closed loop, 64 callers",
            bound=">= 0.9",
            limit=0.9,
        )
        peaks: list[float] = []
        p99s: list[float] = []

        def peak() -> float:
            peaks.append(self.sample(*request, "--callers", "64", "--seconds", "10", "--warmup", "3")["per_second"])
            return peaks[-1]

        def over() -> float:
            rate = ("--rate", f"{2 * peaks[-1]:.1f}", "--callers", "512", "--seconds", "20", "--warmup", "25")
            sample = self.sample(*request, *rate)
            p99s.append(sample["p99_us"] / 1e6)
            rate_served: float = sample["per_second"]
            return rate_served

        self.in_turn(row, over, peak)
        late = Row(
            "p99 of what was answered meanwhile", "s", baseline="deadline", bound="<= 1", better_is="lower", limit=1
        )
        late.ours, late.theirs = p99s, [DEADLINE_SECONDS] * len(p99s)
        self.rows.append(late)
        self.service.delete(model.name)

    def mlp(self) -> None:
        model = models.tiny_mlp(self.folder)
        self.service.upload(model.path, model.name)
        engine = lambda: self.sample(  # noqa: E731
            "engine", "--model", str(model.path), *self.inputs(model), "--threads", "1", "--seconds", "1"
        )["p50_us"]
        echo = lambda: self.sample("tls-echo", "--seconds", "1")["p50_us"]  # noqa: E731
        cpp = lambda: self.sample(  # noqa: E731
            "predict", *self.target(), "--model", model.name, *self.inputs(model), "--seconds", "2"
        )["p50_us"]
        python = lambda: python_load.median_us(self.service, model.name, 2.0)  # noqa: E731
        for name, ours, echoes in (("from C++", cpp, 3), ("from Python", python, 8)):
            row = Row(
                f"tiny MLP, 1 caller, {name}",
                "us (median)",
                baseline=f"bare engine + {echoes} raw TLS echoes",
                bound="<= 1",
                better_is="lower",
                limit=1.0,
            )
            self.in_turn(row, ours, lambda echoes=echoes: engine() + echoes * echo())  # type: ignore[misc]
        self.facts["engine_us"] = engine()
        self.facts["tls_echo_us"] = echo()
        self.service.delete(model.name)

    def sandbox(self) -> None:
        """What process, ring and sandbox add to a run of a tiny model, of which 20 us are allowed."""
        model = models.tiny_mlp(self.folder)
        allowed_us = 20

        def side(name: str) -> float:
            binary = self.binary.with_name("blindai-worker-bench")
            command = [binary, name, "--model", str(model.path), *self.inputs(model), "--seconds", "2"]
            run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            median: float = json.loads(run.stdout)["p50_us"]
            return median

        row = Row(
            "tiny MLP in a worker, without the server",
            "us (median)",
            baseline=f"bare engine + {allowed_us} us",
            bound="<= 1",
            better_is="lower",
            limit=1.0,
        )
        self.in_turn(row, lambda: side("worker"), lambda: side("engine") + allowed_us)

    def connect(self) -> None:
        row = Row(
            "connect to first verified answer",
            "us (median)",
            baseline="4 full TLS handshakes",
            bound="<= 1",
            better_is="lower",
            limit=1.0,
        )
        self.in_turn(
            row,
            lambda: self.sample("connect", *self.target(), "--count", "100")["p50_us"],
            lambda: 4 * self.sample("tls-handshake", "--count", "100")["p50_us"],
        )

    def upload(self) -> None:
        model = models.distilbert(self.folder)
        size = model.path.stat().st_size
        row = Row("upload of 268 MB", "bytes/s", baseline="raw TLS sink", bound=">= 0.5", limit=0.5)
        ready: list[float] = []

        def ours() -> float:
            sample = self.sample("upload", *self.target(), "--file", str(model.path), "--model", "upload-probe")
            ready.append(sample["ready_seconds"])
            self.service.delete("upload-probe")
            rate: float = sample["bytes_per_second"]
            return rate

        self.in_turn(row, ours, lambda: self.sample("tls-sink", "--bytes", str(size))["bytes_per_second"])
        self.facts["upload_until_ready_seconds"] = statistics.median(ready)
        for name, seconds in (
            ("upload_cpu_seconds_of_client", [spent.clients for spent in row.ours_spent]),
            ("upload_cpu_seconds_of_server_and_worker", [spent.service for spent in row.ours_spent]),
            ("tls_sink_cpu_seconds_of_both", [spent.clients for spent in row.theirs_spent]),
        ):
            self.facts[name] = statistics.median(seconds)

    def memory(self) -> None:
        model = models.distilbert(self.folder)
        row = Row(
            "peak memory while loading (sum of PSS)",
            "bytes",
            baseline="size of the file",
            bound="<= 1.7",
            better_is="lower",
            limit=1.7,
        )
        self.service.settle()
        without = self.service.pss_bytes()
        tiny = models.tiny_mlp(self.folder)
        self.service.upload(tiny.path, tiny.name)
        self.facts["pss_added_by_tiny_mlp_bytes"] = self.service.pss_bytes() - without
        self.service.delete(tiny.name)
        for _ in range(self.pairs):
            self.service.settle()
            without = self.service.pss_bytes()
            with self.service.watch_pss() as watch:
                self.service.upload(model.path, "memory-probe")
            row.ours.append(float(watch.peak))
            row.theirs.append(float(model.path.stat().st_size))
            self.facts["pss_added_by_distilbert_bytes"] = self.service.pss_bytes() - without
            self.service.delete("memory-probe")
        self.rows.append(row)

    def large(self) -> None:
        serving.large(self)

    def idle(self) -> None:
        serving.idle(self)

    def crowded(self) -> None:
        serving.crowded(self)

    def evidence(self) -> None:
        evidence.Appraisals(self.binary.with_name("blindai-evidence-bench"), self.facts).rows(self.in_turn)

    def gate(self) -> None:
        gate.rows(self.in_turn)


def table(bench: Bench) -> Table:
    out = Table(title=f"BlindAI, ratios over {bench.pairs} interleaved pairs")
    for heading in ("measurement", "ours", "baseline", "ratio", "spread", "wanted", "", "others"):
        out.add_column(heading, justify="left" if heading in ("measurement", "baseline") else "right")
    for row in bench.rows:
        ratios, others = row.ratios(), row.others()
        out.add_row(
            row.name,
            f"{statistics.median(row.ours):,.1f} {row.unit}",
            f"{row.baseline}: {statistics.median(row.theirs):,.1f}",
            f"{statistics.median(ratios):.3f}",
            f"{min(ratios):.3f} .. {max(ratios):.3f}",
            row.bound,
            "reached" if row.reached() else "[red]missed[/red]",
            "" if others is None else f"{others:.0%}",
        )
    return out


def main() -> int:
    names = (
        "connect",
        "mlp",
        "sandbox",
        "upload",
        "memory",
        "large",
        "idle",
        "crowded",
        "distilbert",
        "overload",
        "evidence",
        "gate",
    )
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=names, action="append", help="this measurement alone; may be repeated")
    parser.add_argument("--pairs", type=int, default=5, help="interleaved pairs (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write samples and table to this file")
    parser.add_argument("--binary", type=Path, default=Path("build/dev/bin/blindai-bench"))
    if sys.argv[1:3] == ["--only", "peers"]:  # with options of its own
        return peers.main(sys.argv[3:])
    if sys.argv[1:3] == ["--only", "soak"]:
        return soak.main(sys.argv[3:])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="blindai-bench-") as folder, service.Service(Path(folder)) as running:
        bench = Bench(arguments.binary, running, Path(folder), arguments.pairs)
        bench.facts["seconds_from_start_to_listening"] = running.seconds_to_listening
        bench.facts["idle_pss_bytes"] = running.pss_bytes()
        for name in arguments.only or names:
            begin = time.monotonic()
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            getattr(bench, name)()
            print(f"  {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
    console = Console(width=150)
    console.print(table(bench))
    for key, value in bench.facts.items():
        console.print(f"{key}: {value:,.3f}" if isinstance(value, float) else f"{key}: {value:,}")
    if arguments.json:
        rows = [asdict(row) | {"ratios": row.ratios(), "reached": row.reached()} for row in bench.rows]
        arguments.json.write_text(json.dumps({"rows": rows, "facts": bench.facts}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
