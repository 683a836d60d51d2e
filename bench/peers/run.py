"""Measures this server beside what a user would pick instead, on one machine and interleaved in one run.

Sides: BlindAI over attested TLS; bare ONNX Runtime in a loop, at the best of its settings; ONNX Runtime in FastAPI;
MLServer; Triton's front end with its Python backend. The peers speak plain HTTP on loopback. One load generator,
blindai-bench, drives all. What is compared is sampled in turn; the table has the median of the ratios, round by round,
and their spread.

    scripts/bench --only peers                          all of it: half an hour on a quiet machine
    python -m bench.peers.run --models tiny-mlp --callers 1 --rounds 1 --seconds 1
    python -m bench.peers.run --write docs/performance.md --json peers.json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from bench import cpu, models, service
from bench.peers import environments, messages, servers, table
from bench.peers.session import specs

OURS, ENGINE = "BlindAI", "bare engine"
_MODELS = {
    "tiny-mlp": models.tiny_mlp,
    "distilbert-128": models.distilbert,
    "resnet-50": models.resnet50,
    "identity-1mb": models.identity_1mb,
}
# Of the slow ones a sample has to hold many rounds of 64 callers.
_SECONDS = {"tiny-mlp": 3.0, "distilbert-128": 10.0, "resnet-50": 10.0, "identity-1mb": 3.0}
_TOLERANCE = 1e-3
_GRACE_SECONDS = 300


class Sides:
    """What is measured for one model: a name, and a function that gives one sample."""

    def __init__(self, binary: Path, running: service.Service, model: models.BenchModel, folder: Path) -> None:
        self.binary, self.service, self.model, self.folder = binary, running, model, folder
        self.inputs = " ".join(model.inputs)
        self.peers: list[servers.Peer] = []
        self.missing: dict[str, str] = {}

    def __enter__(self) -> Sides:
        outputs = reference(self.model.path, self.inputs)
        self.service.upload(self.model.path, self.model.name)
        for name, start in (
            ("FastAPI", servers.fastapi),
            ("MLServer", servers.mlserver),
            ("Triton", lambda *a: servers.triton(*a, outputs=[(n, "FP32", v.ndim) for n, v in outputs])),
        ):
            try:
                peer = start(self.model.path, self.inputs, self.folder)
                self.peers.append(peer)
                peer.wait()
                found = peer.ask()
                wanted = np.concatenate([value.reshape(-1) for _, value in outputs])
                if found.shape != wanted.shape or not np.allclose(found, wanted, atol=_TOLERANCE, rtol=_TOLERANCE):
                    raise servers.NotStarted(f"{name} gives another answer than the engine")
                peer.arguments = self._http(peer, found.nbytes)
            except (environments.NotInstalled, servers.NotStarted, OSError) as error:
                self.missing[name] = str(error)
                self.peers = [peer for peer in self.peers if peer.name != name or peer.stop()]
                print(f"  {name} is left out: {error}", file=sys.stderr, flush=True)
        return self

    def __exit__(self, *_: object) -> None:
        for peer in self.peers:
            peer.stop()
        self.service.delete(self.model.name)

    def _http(self, peer: servers.Peer, answer_bytes: int) -> list[str]:
        body = self.folder / f"{peer.name}.body"
        body.write_bytes(peer.body)
        arguments = ["http", "--url", peer.url, "--body-file", str(body)]
        for header in peer.headers:
            arguments += ["--header", header]
        # In JSON a number may take a byte and its comma, in binary it takes all it has.
        return [*arguments, "--answer-bytes", str(answer_bytes if peer.kind != "v2-json" else answer_bytes // 2)]

    def pids(self) -> list[int]:
        return [*self.service.pids(), *(pid for peer in self.peers for pid in peer.pids())]

    def all(self, callers: int, seconds: float, warmup: float) -> dict[str, Callable[[], dict[str, Any]]]:
        shape = ["--callers", str(callers), "--seconds", f"{seconds:g}", "--warmup", f"{warmup:g}"]
        inputs = [part for text in self.model.inputs for part in ("--input", text)]
        where = ["--url", self.service.url, "--policy", str(self.service.policy)]
        where += ["--key-file", str(self.service.key_file), "--model", self.model.name]
        sides: dict[str, Callable[[], dict[str, Any]]] = {
            OURS: lambda: self._sample(["predict", *where, *inputs, *shape]),
            ENGINE: lambda: self._engine(inputs, callers, seconds),
        }
        for peer in self.peers:
            sides[peer.name] = lambda peer=peer: self._sample([*peer.arguments, *shape])  # type: ignore[misc]
        return sides

    def _sample(self, arguments: list[str]) -> dict[str, Any]:
        done = subprocess.run(
            [str(self.binary), *arguments], capture_output=True, text=True, check=False, timeout=_GRACE_SECONDS
        )
        if done.returncode != 0:
            raise SystemExit(f"blindai-bench {' '.join(arguments)}: {done.stderr.strip()}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def _engine(self, inputs: list[str], callers: int, seconds: float) -> dict[str, Any]:
        """The best of the ways to share the CPUs out among at most so many runs at a time."""
        cpus = os.cpu_count() or 1
        ways = sorted({(cpus, 1), (1, min(cpus, callers))})
        samples = []
        for threads, parallel in ways:
            share = ["--threads", str(threads), "--parallel", str(parallel)]
            time_ = ["--seconds", f"{seconds:g}", "--warmup", "0.5"]
            samples.append(self._sample(["engine", "--model", str(self.model.path), *inputs, *share, *time_]))
        return max(samples, key=lambda sample: float(sample["per_second"]))


def reference(path: Path, inputs: str) -> list[tuple[str, messages.Array]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return list(zip(names, session.run(names, dict(messages.tensors(specs(inputs)))), strict=True))


def measure(options: argparse.Namespace, folder: Path, running: service.Service) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    for name in options.models:
        model = _MODELS[name](folder)
        seconds = options.seconds or _SECONDS[name]
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        work = folder / f"peers-{name}"
        work.mkdir()
        with Sides(options.binary, running, model, work) as sides:
            missing |= sides.missing
            for callers in options.callers:
                begun = time.monotonic()
                line: dict[str, Any] = {"model": name, "callers": callers, "sides": {}, "others": []}
                for number in range(options.rounds):
                    turn = list(sides.all(callers, seconds, min(seconds / 2, 3.0)).items())
                    turn = turn[number % len(turn) :] + turn[: number % len(turn)]
                    for side, sample in turn:
                        result, spent = cpu.measure(sample, sides.pids)
                        kept = {key: result.get(key, 0) for key in ("per_second", "p50_us", "p99_us", "failures")}
                        line["sides"].setdefault(side, []).append(kept)
                        line["others"].append(spent.others)
                lines.append(line)
                print(f"  {callers} callers: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return {"lines": lines, "missing": missing, "rounds": options.rounds, "cpus": os.cpu_count()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(_MODELS), default=list(_MODELS))
    parser.add_argument("--callers", nargs="+", type=int, default=[1, 8, 64])
    parser.add_argument("--rounds", type=int, default=3, help="samples of each side (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="of a sample; else 3 for small models and 10 for large ones")
    parser.add_argument("--json", type=Path, help="write the samples to this file")
    parser.add_argument("--write", type=Path, help="put the table between the marks of this document")
    parser.add_argument("--binary", type=Path, default=Path("build/dev/bin/blindai-bench"))
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="blindai-peers-")))
        running = stack.enter_context(service.Service(folder))
        document = measure(options, folder, running)
    text = table.markdown(document)
    print(text)
    others = [share for line in document["lines"] for share in line["others"]]
    print(f"others took {statistics.median(others):.0%} of the CPUs", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.write:
        table.put(options.write, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
