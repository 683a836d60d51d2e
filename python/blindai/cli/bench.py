"""`blindai bench`: how fast a model of a service answers. Runs blindai-bench, a load generator, once for each load."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .. import __version__, profiles
from ..errors import BlindAIError, ConfigurationError, InputError
from . import plots
from .output import connected, console, errors, failures, print_json
from .programs import find_program

_MAX_CALLERS = 1024
_INPUT = re.compile(r"[^=\s]+=[A-Z0-9]+\[[0-9]*(,[0-9]+)*\]")
_GRACE_SECONDS = 180  # for connections, and for what is in flight at the end


def numbers(text: str, what: str, kind: type, most: float) -> list[Any]:
    """ "1,2,4" as numbers, in order, each once."""
    try:
        found = sorted({kind(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or not all(0 < number <= most for number in found):
        raise InputError(f"{what} takes numbers above 0 and up to {most:g}, with commas between: not {text!r}")
    return found


def inputs_of(described: dict[str, Any]) -> list[str]:
    """One row of each input that the model takes, in the notation of --input."""
    found = []
    for spec in described.get("inputs", []):
        shape = [int(size) if int(size) > 0 else 1 for size in spec.get("shape", [])]
        found.append(f"{spec.get('name')}={spec.get('datatype')}[{','.join(map(str, shape))}]")
    return found


def checked_inputs(given: list[str]) -> list[str]:
    for text in given:
        if not _INPUT.fullmatch(text):
            raise InputError(f"--input is written NAME=DATATYPE[dim,dim], not {text!r}")
    return given


def run_once(program: Path, arguments: list[str], seconds: float) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [str(program), *arguments], capture_output=True, text=True, check=False, timeout=seconds + _GRACE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise BlindAIError("blindai-bench did not end in time", code="deadline_exceeded") from None
    if done.returncode != 0:
        raise BlindAIError(done.stderr.strip() or f"blindai-bench ended with status {done.returncode}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def results_table(document: dict[str, Any]) -> Table:
    opened = document["loop"] == "open"
    table = Table(title=f"{document['model']}: {document['loop']} loop, {document['seconds']:g} s each")
    for heading in ("offered/s" if opened else "callers", "answered/s", "p50", "p90", "p99", "p99.9", "max", "failed"):
        table.add_column(heading, justify="right")
    for run in document["runs"]:
        failed = ", ".join(f"{count} {word}" for word, count in run["failed"].items())
        if run.get("unserved"):
            failed = ", ".join(filter(None, (failed, f"{run['unserved']} not begun")))
        load = run["offered_per_second"] if opened else run["callers"]
        times = [plots._duration(run[f"{key}_us"]) for key in ("p50", "p90", "p99", "p999", "max")]
        table.add_row(f"{load:g}", f"{run['per_second']:,.1f}", *times, failed or "-")
    return table


def load_of(file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(file.read_text())
        if not isinstance(document["runs"], list):
            raise TypeError
        return document
    except FileNotFoundError:
        raise InputError(f"there is no file {file}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{file} holds no results of `blindai bench`") from None


def measure(
    model_id: str,
    given: list[str],
    loads: list[float],
    callers: int,
    seconds: float,
    warmup: float,
    profile: str | None,
) -> dict[str, Any]:
    """One run for each load. `callers` 0: the loads are callers; else rates, which so many callers serve."""
    program = find_program("blindai-bench", "build it with scripts/setup")
    chosen = profiles.load(profile)
    with connected(profile) as client:
        described = client.model(model_id)
    inputs = checked_inputs(given) or inputs_of(described)
    target = ["predict", "--url", chosen.url, "--policy", str(chosen.policy), "--model", model_id]
    if chosen.api_key_file is not None:
        target += ["--key-file", str(chosen.api_key_file)]
    for text in inputs:
        target += ["--input", text]
    target += ["--seconds", f"{seconds:g}", "--warmup", f"{warmup:g}"]
    runs = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("", total=len(loads))
        for load in loads:
            shape = ["--callers", f"{load:g}"] if not callers else ["--callers", str(callers), "--rate", f"{load:g}"]
            progress.update(task, description=f"{load:g} {'requests/s' if callers else 'callers'}")
            runs.append(run_once(program, target + shape, seconds + warmup))
            progress.advance(task)
    return {
        "model": model_id,
        "digest": described.get("digest"),
        "inputs": inputs,
        "loop": "open" if callers else "closed",
        "seconds": seconds,
        "version": __version__,
        "cpus": os.cpu_count(),
        "runs": runs,
    }


def bench(
    model_id: Annotated[
        str | None, typer.Argument(help="The model; another tenant's shared one is 'tenant/id'.")
    ] = None,
    callers: Annotated[str, typer.Option(help="Closed loop: how many call at a time.")] = "1,2,4,8,16,32,64",
    rate: Annotated[
        str | None,
        typer.Option(
            help="Open loop: requests per second, whether they are answered or not; --callers is then one number."
        ),
    ] = None,
    input: Annotated[
        list[str] | None,
        typer.Option(help="NAME=DATATYPE\\[dim,dim], for each input; else one row of what the model takes."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=300, help="Counted time of each run.")] = 5.0,
    warmup: Annotated[float, typer.Option(min=0, max=60, help="Time before it.")] = 1.0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for results.json and the plots, as SVG and PNG.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--from", help="Draw these results again, and measure nothing.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Profile to use; else $BLINDAI_PROFILE, else 'default'.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Measure latency and throughput of a model over verified channels, and draw them.

    The load is real: use a model and a service that may be loaded. Inputs are small numbers that every model takes.
    """
    with failures(as_json):
        if out is not None:
            plots.require()  # before a minute is spent
        if results is not None:
            document = load_of(results)
        else:
            if model_id is None:
                raise InputError("say which model: `blindai models` lists them")
            if rate is None:
                document = measure(
                    model_id, input or [], numbers(callers, "--callers", int, _MAX_CALLERS), 0, seconds, warmup, profile
                )
            else:
                most = max(numbers(callers, "--callers", int, _MAX_CALLERS))
                rates = numbers(rate, "--rate", float, 1e6)
                document = measure(model_id, input or [], rates, most, seconds, warmup, profile)
        written = [] if out is None else write(document, out)
        if as_json:
            print_json(document)
            return
        console.print(results_table(document))
        for path in written:
            console.print(f"  {path}", markup=False, highlight=False)


def write(document: dict[str, Any], folder: Path) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder {folder} cannot be made: {error.strerror}") from None
    path = folder / "results.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return [path, *plots.write(document, folder)]
