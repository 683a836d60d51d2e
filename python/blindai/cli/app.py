"""The commands."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from .. import __version__, keys, policy, profiles
from ..admission import check_model
from ..errors import BlindAIError, ConfigurationError, InputError
from ..modelfile import find_model_files
from ..nearby import near_match
from ..response import PredictResponse
from . import serve as server
from .admission import print_report
from .bench import bench
from .collateral import collateral_app
from .evidence import evidence_app
from .output import FAILED, connected, console, errors, failures, print_json, report_table, shorten

app = typer.Typer(
    name="blindai",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Confidential AI inference: verify the service first, then send the data.",
    epilog="Exit status: 0 success, 1 refused or failed, 2 wrong usage, 3 the service did not prove itself.",
)
keys_app = typer.Typer(no_args_is_help=True, help="API keys: make them, and see or remove those of your tenant.")
policy_app = typer.Typer(no_args_is_help=True, help="Policies: what you accept before you send anything.")
app.add_typer(keys_app, name="keys")
app.add_typer(policy_app, name="policy")
app.add_typer(evidence_app, name="evidence")
app.add_typer(collateral_app, name="collateral")

ProfileOption = Annotated[
    str | None, typer.Option("--profile", "-p", help="Profile to use; else $BLINDAI_PROFILE, else 'default'.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def serve(context: typer.Context) -> None:
    """Start a SIMULATED server on this machine, with a profile that leads to it.

    All options of blindai-server may follow, such as --port 0 or --auth proof bearer; --help lists them.
    """
    with failures():
        raise SystemExit(server.run(context.args))


@app.command()
def verify(profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Connect, verify, and show every check. Exit status 3 where one failed."""
    with failures(as_json), connected(profile) as client:
        report = client.report
        if as_json:
            print_json(report.to_dict())
        else:
            console.print(report_table(report))
            console.print(f"accepted under the policy with digest {report.policy_digest}")


@app.command()
def upload(
    model: Annotated[Path, typer.Argument(help="An .onnx file; the files of its weights are found beside it.")],
    model_id: Annotated[str | None, typer.Option("--id", help="What to call it; else the name of the file.")] = None,
    weights: Annotated[
        Literal["auto", "packed", "in-place"] | None,
        typer.Option(help="Weights packed for speed, in place for memory, or as measured; else as the service does."),
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Upload a model over a verified channel."""
    with failures(as_json):
        find_model_files(model)  # says what is wrong with the file before it connects
        with connected(profile) as client:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=errors, transient=True, disable=as_json) as progress:
                task = progress.add_task(f"uploading {model.name}", total=None)

                def advance(sent: int, total: int) -> None:
                    progress.update(task, completed=sent, total=total)
                    if sent == total:
                        progress.update(task, description="loading and warming up")

                answer = client.upload_model(model, model_id, weights=weights, progress=advance)
        if as_json:
            print_json(answer.document)
            return
        report = answer.admission
        console.print(f"[green]ready[/] {answer.document.get('id')}  {answer.digest}")
        console.print(f"  {report.get('parameters', 0):,} parameters, {report.get('nodes', 0):,} nodes")
        for kind in ("inputs", "outputs"):
            for tensor in answer.document.get(kind, []):
                console.print(f"  {kind[:-1]} {tensor['name']}: {tensor['datatype']} {tensor['shape']}", markup=False)
        console.print(f"  weights {answer.document.get('weights')}: {answer.document.get('weights_because')}")
        for warning in report.get("warnings", []):
            console.print(f"  [yellow]warning[/] {warning['text']}")


@app.command("check-model")
def check_model_command(
    model: Annotated[Path, typer.Argument(help="An .onnx file; the files of its weights are found beside it.")],
    as_json: JsonOption = False,
) -> None:
    """Say what the service's gate would make of a model, without a service. Exit status 1 where it refuses."""
    with failures(as_json):
        report = check_model(model)
        if as_json:
            print_json(report)
        else:
            print_report(model.name, report)
        if not report["accepted"]:
            raise SystemExit(FAILED)


def _read_inputs(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"input file not found: {path}{near_match(path)}")
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        if path.suffix == ".json":
            return json.loads(path.read_text())
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    raise InputError(
        f"{path}: inputs are read from .npy, .npz (by input name) or .json (a list, or lists by input name)"
    )


def _write_outputs(path: Path, response: PredictResponse) -> BlindAIError | None:
    """Writes them whole or not at all. The error comes back: what was computed is still to be shown."""
    path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    arrays: dict[str, Any] = {tensor.name: tensor.as_numpy() for tensor in response.output}
    try:
        try:
            with draft.open("xb") as file:
                np.savez(file, **arrays)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        return ConfigurationError(f"the outputs cannot be written to {path}: {error.strerror}")
    return None


@app.command()
def predict(
    model_id: Annotated[str, typer.Argument(help="The model; another tenant's shared one is 'tenant/id'.")],
    inputs: Annotated[Path, typer.Argument(help="Inputs: .npy, .npz or .json.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the outputs to this .npz file.")] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a model on inputs from a file."""
    with failures(as_json):
        data = _read_inputs(inputs)
        with connected(profile) as client:
            response = client.predict(model_id, data)
        unwritten = None if output is None else _write_outputs(output, response)
        if as_json:
            outputs = [
                {"name": t.name, "datatype": str(t.dtype), "shape": list(t.shape), "data": t.as_flat()}
                for t in response.output
            ]
            print_json({"model_id": response.model_id, "digest": response.model_digest, "outputs": outputs})
        else:
            for tensor in response.output:
                console.print(f"[bold]{tensor.name}[/] {tensor.dtype} {list(tensor.shape)}")
                console.print(np.array2string(tensor.as_numpy(), threshold=50), markup=False)
        if unwritten is not None:
            raise unwritten


def _note(model: dict[str, Any]) -> str:
    """Why it is in its state, and with whom it is shared."""
    notes = [model["reason"]] if model.get("reason") else []
    if end := model.get("last_end"):
        notes.append(f"last ended {end['seconds_ago']} s ago: {end['reason']}")
    notes += [f"shared with {name}" for name in model.get("shared_with", [])]
    return "; ".join(notes)


@app.command()
def models(profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """List the models of your tenant."""
    with failures(as_json):
        with connected(profile) as client:
            listed = client.models()
        if as_json:
            print_json({"models": listed})
            return
        table = Table(title=f"{len(listed)} model(s)")
        for column in ("id", "state", "restarts", "digest", "size", "weights", "uploaded", "note"):
            table.add_column(column)
        for model in listed:
            size = f"{model.get('bytes', 0) / 1e6:,.1f} MB"
            restarts = str(model.get("restarts", ""))
            cells = (model.get("id", ""), model.get("state", ""), restarts, shorten(model.get("digest", ""), 20), size)
            table.add_row(*cells, model.get("weights", ""), model.get("uploaded", ""), _note(model))
        console.print(table)


@app.command()
def delete(model_id: str, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Unload a model and forget it."""
    with failures(as_json):
        with connected(profile) as client:
            client.delete_model(model_id)
        if as_json:
            print_json({"deleted": model_id})
        else:
            console.print(f"deleted {model_id}")


app.command()(bench)


@contextlib.contextmanager
def _kept(key: keys.ApiKey, out: Path | None) -> Iterator[None]:
    """The secret is on disk before anybody registers its public half, and gone where that fails."""
    if out is not None and not server.write_new(out, key.text + "\n", 0o600):
        raise BlindAIError(f"{out} is there already; it is not replaced", code="already_exists")
    try:
        yield
    except BaseException:
        if out is not None:
            out.unlink(missing_ok=True)
        raise


@keys_app.command("new")
def keys_new(
    role: Annotated[str, typer.Option(help="owner (may change models and keys) or caller.")] = "caller",
    out: Annotated[Path | None, typer.Option("--out", help="Write the key to this file, mode 0600.")] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key here and register its public half: the secret never leaves this machine."""
    with failures(as_json):
        key = keys.generate()
        if out is not None and out.exists():
            raise BlindAIError(f"{out} is there already; it is not replaced", code="already_exists")
        with connected(profile) as client, _kept(key, out):
            client.request("POST", "/blindai/v1/keys", {"id": key.id, "public_key": key.public_key, "role": role})
        if as_json:
            print_json(
                {"id": key.id, "role": role, "key": None if out else key.text, "file": str(out) if out else None}
            )
        elif out is not None:
            console.print(f"key {key.id} ({role}) is in {out}")
        else:
            errors.print("Keep this key: it is shown once.")
            console.print(key.text, markup=False, highlight=False, soft_wrap=True)


@keys_app.command("list")
def keys_list(profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """List the keys of your tenant."""
    with failures(as_json):
        with connected(profile) as client:
            listed = client.request("GET", "/blindai/v1/keys").get("keys", [])
        if as_json:
            print_json({"keys": listed})
            return
        table = Table(title=f"{len(listed)} key(s)")
        table.add_column("id")
        table.add_column("role")
        for key in listed:
            table.add_row(key.get("id", ""), key.get("role", ""))
        console.print(table)


@keys_app.command("remove")
def keys_remove(key_id: str, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Remove a key of your tenant; what it had opened ends."""
    with failures(as_json):
        with connected(profile) as client:
            client.request("DELETE", f"/blindai/v1/keys/{key_id}")
        if as_json:
            print_json({"removed": key_id})
        else:
            console.print(f"removed {key_id}")


@policy_app.command("check")
def policy_check(file: Path, as_json: JsonOption = False) -> None:
    """Read a policy and check it against its closed schema."""
    with failures(as_json):
        summary = policy.check(file)
        if as_json:
            print_json({"name": summary.name, "digest": summary.digest, "production": summary.production})
            return
        kind = "production" if summary.production else "SIMULATED: accepts a server that no hardware protects"
        console.print(f"[green]valid[/] {summary.name}  {summary.digest}\n  {kind}")


@policy_app.command("show")
def policy_show(profile: ProfileOption = None) -> None:
    """Print the policy of a profile."""
    with failures():
        chosen = profiles.load(profile)
        errors.print(f"[dim]{chosen.policy}[/]")
        sys.stdout.write(profiles.read_text(chosen.policy, "policy"))


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"blindai {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that every command shares."""


def main() -> None:
    """Entry point of the command."""
    app()
