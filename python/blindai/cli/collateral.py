"""`blindai collateral`: fetch and show what vendors publish about platforms. Only fetching asks a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from .. import collateral, evidence
from ..errors import ConfigurationError, InputError
from .evidence import UNVERIFIED, JsonOption
from .output import console, failures, print_json

collateral_app = typer.Typer(no_args_is_help=True, help="Collateral: what vendors publish about platforms.")
SOURCES = collateral.Sources()


@collateral_app.command("fetch")
def fetch(
    source: Annotated[
        Path, typer.Argument(metavar="EVIDENCE", exists=True, dir_okay=False, help="A quote or a report.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the container.")] = Path("collateral.json"),
    cache: Annotated[
        Path | None, typer.Option("--cache", file_okay=False, help="A folder: what is valid there is not asked for.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody; take what the cache has.")] = False,
    product: Annotated[
        str | None, typer.Option("--product", help="Milan, Genoa or Turin, for reports that do not say it.")
    ] = None,
    intel: Annotated[str, typer.Option("--intel", help="Intel's service, or one that caches it.")] = SOURCES.intel,
    intel_root_crl: Annotated[
        str, typer.Option("--intel-root-crl", help="The revocation list of Intel's root.")
    ] = SOURCES.intel_root_crl,
    amd: Annotated[str, typer.Option("--amd", help="AMD's service, or one that caches it.")] = SOURCES.amd,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, max=600, help="Seconds for one answer.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Fetch the collateral for a quote or report. Verifying it is for `blindai evidence check`, without a network."""
    with failures(as_json):
        with source.open("rb") as file:
            data = file.read(evidence.MAX_FILE_BYTES)
        files = collateral.fetch(
            data,
            sources=collateral.Sources(intel=intel, intel_root_crl=intel_root_crl, amd=amd),
            cache=cache,
            offline=offline,
            product=product,
            timeout=timeout,
        )
        _write(out, evidence.pack_collateral(files))
        described = evidence.describe_collateral(files)
        if as_json:
            print_json(described | {"file": str(out)})
        else:
            _print(described)
            console.print(f"written to {escape(str(out))}", highlight=False)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.draft")
    try:
        try:
            draft.write_text(text + "\n")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the container cannot be written to {path}: {error.strerror}") from None


@collateral_app.command("show")
def collateral_show(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, help="A container in JSON, or a folder with the files.")
    ],
    as_json: JsonOption = False,
) -> None:
    """What collateral holds, for whom, and until when. Nothing is verified."""
    with failures(as_json):
        if source.is_dir():
            files = evidence.read_folder(source)
        else:
            with source.open("rb") as file:
                files = {"collateral.json": file.read(evidence.MAX_FILE_BYTES)}
        described = evidence.describe_collateral(files)
        if not described["items"]:
            raise InputError(f"{source} holds no collateral")
        if as_json:
            print_json(described)
        else:
            _print(described)


def _print(described: dict[str, Any]) -> None:
    console.print(UNVERIFIED)
    console.print(_collateral_table(described))
    console.print(f"all of it from {described['valid_from']} until {described['valid_until']}")
    console.print(f"digest {described['digest']}", highlight=False)


def _collateral_table(described: dict[str, Any]) -> Table:
    table = Table()
    for column in ("item", "from", "until", "what it says"):
        table.add_column(column, overflow="fold", no_wrap=column in ("from", "until"))
    for name, item in described["items"].items():
        says = [f"{key} {_short(value)}" for key, value in item.items() if key not in ("valid_from", "valid_until")]
        table.add_row(name, item.get("valid_from", ""), item.get("valid_until", ""), escape("\n".join(says)))
    return table


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(str(item.get("subject", item)) if isinstance(item, dict) else str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {member}" for key, member in value.items())
    return str(value)
