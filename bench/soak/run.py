"""Half an hour of 64 callers with random shapes, loads, unloads, uploads, and clients that are killed at any stage.

Does resident memory grow, and does any good call fail? Server and workers are looked at every few seconds; growth is
the median slope after a warm-up. Good callers check every number of every answer.

    scripts/bench --only soak
    python -m bench.soak.run --minutes 1 --json soak.json --plot soak.svg
"""

from __future__ import annotations

import argparse
import json
import re
import ssl
import sys
import tempfile
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import blindai
import tritonclient.grpc as triton
from rich.console import Console
from rich.table import Table

from bench import service
from bench.soak import callers, killed, memory, plot, relay

PREDICT, GRPC, TURNOVER = 40, 8, 4  # good callers
KILLED, KILLED_GRPC, BARE, PROCESSES = 6, 2, 3, 1
_MIB = 1024 * 1024


def crowd(running: service.Service, way: relay.Relay, binary: Path, folder: Path, good: blindai.Connection) -> Any:
    """All 64."""
    key = running.key_file.read_text().strip()
    port = int(re.search(r":(\d+)$", running.url)[1])  # type: ignore[index]
    certificate = folder / "leaf.pem"
    certificate.write_text(ssl.get_server_certificate(("localhost", port)))
    people = callers.Crowd(callers.Count())
    for _ in range(PREDICT):
        people.add("predict", callers.predict(good, "standing"), good=True)
    for _ in range(GRPC):
        client = triton.InferenceServerClient(f"localhost:{port}", ssl=True, root_certificates=str(certificate))
        people.add("predict over gRPC", callers.predict_grpc(client, key, "standing"), good=True)
    for number in range(TURNOVER):
        people.add("upload to deletion", callers.turnover(good, f"turnover-{number}", folder), good=True)
    url = f"https://127.0.0.1:{way.port}"
    for number in range(KILLED):
        step = killed.client(url, running.policy, key, good, f"killed-{number}", folder)
        people.add("killed client", step, good=False)
    for _ in range(KILLED_GRPC):
        people.add("killed gRPC client", killed.grpc(f"localhost:{way.port}", certificate, key), good=False)
    for _ in range(BARE):
        people.add("bare socket", killed.bare(port), good=True)
    command = [str(binary), "predict", "--url", running.url, "--policy", str(running.policy)]
    command += ["--key-file", str(running.key_file), "--model", "standing", "--input", "x=FP32[16,1024]"]
    for _ in range(PROCESSES):
        people.add("killed process", killed.process([*command, "--callers", "4", "--seconds", "60"]), good=True)
    return people


def soak(minutes: float, every: float, binary: Path) -> dict[str, Any]:
    arguments = ("--auth", "proof", "bearer", "--measure-ms", "200")
    with (
        tempfile.TemporaryDirectory(prefix="blindai-soak-") as name,
        service.Service(Path(name), *arguments) as running,
        blindai.connect() as good,
    ):
        folder = Path(name)
        good.upload_model(callers.scale(folder / "standing.onnx"), "standing")
        port = int(running.url.rpartition(":")[2])
        with relay.Relay(port, seed=1) as way:
            people = crowd(running, way, binary, folder, good)
            watch = memory.Watch(running, set(running.pids()[1:]), every)
            people.run(minutes * 60)
            samples = watch.stop()
        count = people.count
        log = (folder / "server.log").read_text(errors="replace")
        return {
            "minutes": minutes,
            "callers": len(people),
            "good": dict(count.good),
            "failed": dict(count.failed),
            "failed_at": count.failed_at,
            "spoilt": dict(count.spoilt),
            "longest_wait_for_cpu": max(b.second - a.second for a, b in pairwise(samples)) - every,
            "cut": way.cut,
            "warm_up_seconds": minutes * 60 / 5,
            "memory": memory.rows(samples, minutes * 60 / 5),
            "samples": [asdict(sample) for sample in samples],
            "log_tail": log[-2000:],
        }


def table(result: dict[str, Any]) -> Table:
    out = Table(title=f"{result['minutes']:g} minutes, {result['callers']} callers")
    for heading in ("", "median", "peak", "first quarter", "last quarter", "slope an hour"):
        out.add_column(heading, justify="left" if not heading else "right")
    for member, row in result["memory"].items():
        size, unit = (_MIB, " MiB") if member.endswith(("rss", "pss")) else (1, "")
        keys = ("median", "peak", "first_quarter", "last_quarter", "per_hour")
        out.add_row(member, *(f"{row[key] / size:,.2f}{unit}" if key in row else "" for key in keys))
    return out


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: %(default)s)")
    parser.add_argument("--every", type=float, default=3, help="seconds between looks (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write counts and samples to this file")
    parser.add_argument("--plot", type=Path, help="draw memory over time, as its ending says (.svg, .png)")
    parser.add_argument("--binary", type=Path, default=Path("build/dev/bin/blindai-bench"))
    options = parser.parse_args(argv)
    result = soak(options.minutes, options.every, options.binary)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.plot:
        plot.write(result, options.plot)
    console = Console(width=140)
    console.print(table(result))
    for title in ("good", "spoilt", "failed"):
        console.print(f"{title}: {sum(result[title].values()):,}")
        for word, times in sorted(result[title].items()):
            console.print(f"  {times:,} {word}", markup=False)
    console.print(f"connections cut by the relay: {result['cut']:,}")
    console.print(f"longest that a look at memory came late: {result['longest_wait_for_cpu']:.1f} s")
    if result["failed_at"]:
        console.print(f"failed after {', '.join(f'{second:.0f}' for second in result['failed_at'][:40])} s")
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
