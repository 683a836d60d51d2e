"""`blindai evidence`: judge and show what platforms say. No network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from .. import evidence, profiles
from ..report import Report
from .output import FAILED, console, failures, print_json, report_table

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence of SGX, TDX and SEV-SNP: judge it offline, or show it.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
UNVERIFIED = "[bold black on yellow] UNVERIFIED [/] as the bytes say it: no signature was checked"


@evidence_app.command("check")
def check(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", exists=True, file_okay=False, help="quote.bin or report.bin, and collateral beside it."
        ),
    ],
    at: Annotated[int | None, typer.Option("--at", help="Time to judge at, in seconds since 1970; else now.")] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", exists=True, dir_okay=False, help="Else: up-to-date hardware, any measurement."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge the evidence in a folder. Exit status 0 where the policy accepts it, 1 where not."""
    with failures(as_json):
        text = evidence.DEFAULT_POLICY if policy is None else profiles.read_text(policy, "policy")
        moment = int(time.time()) if at is None else at
        report = evidence.appraise(evidence.read_folder(folder), at=moment, policy=text)
        if as_json:
            print_json(report.to_dict())
        else:
            console.print(report_table(report))
            for line in _verdict(report):
                console.print(line)
    if report.verdict != "accept":
        raise SystemExit(FAILED)


def _verdict(report: Report) -> Iterator[str]:
    if report.tcb:
        yield from _describe_tcb(report.tcb)
    if report.verdict == "accept":
        yield f"[bold green]accept[/] under the policy with digest {report.policy_digest}"
        return
    yield "[bold red]reject[/]"
    for reason in report.reasons:
        yield f"  {escape(reason)}"


def _part(tcb: dict[str, Any], name: str, title: str) -> str | None:
    status = tcb.get(f"{name}_status")
    date = tcb.get(f"{name}_tcb_date")
    if status is None:
        return None
    return f"{title} {status}" + (f" of {str(date)[:10]}" if date else "")


def _describe_tcb(tcb: dict[str, Any]) -> Iterator[str]:
    if "status" in tcb:
        level = tcb.get("platform_level")
        matched = "no level matches" if level is None else f"level {level + 1} from the highest"
        parts = [_part(tcb, "platform", "platform"), _part(tcb, "tdx_module", "TDX module"), _part(tcb, "qe", "QE")]
        yield f"TCB [bold]{tcb['status']}[/]: {matched}; " + ", ".join(part for part in parts if part)
        yield f"  evaluation data number {tcb.get('tcb_evaluation_data_number')}"
    for name in ("reported_tcb", "committed_tcb", "current_tcb", "launch_tcb"):
        if isinstance(tcb.get(name), dict):
            yield f"{name} " + ", ".join(f"{component} {svn}" for component, svn in tcb[name].items())
    for shortfall in tcb.get("shortfalls", []):
        found, wanted = shortfall["found"], shortfall["wanted"]
        yield f"  {shortfall['component']} is {found}, {wanted - found} below {wanted}"
    for advisory in tcb.get("advisories", []):
        yield f"  {advisory['id']} ({advisory['origin']})"
    yield f"holds from {tcb.get('valid_from')} until {tcb.get('valid_until')}"


@evidence_app.command("show")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A quote or a report.")],
    as_json: JsonOption = False,
) -> None:
    """Print each field of a quote or report. Nothing is verified."""
    with failures(as_json):
        with file.open("rb") as source:
            decoded = evidence.decode(source.read(evidence.MAX_FILE_BYTES))
        if as_json:
            print_json(decoded)
            return
        console.print(UNVERIFIED)
        console.print(f"[bold]{decoded.pop('type')}[/]")
        for name in ("verified", "note"):
            del decoded[name]
        for line in _lines(decoded, ""):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(value: dict[str, Any], indent: str) -> Iterator[str]:
    for name, member in value.items():
        if isinstance(member, dict):
            yield f"{indent}{name}"
            yield from _lines(member, indent + "  ")
        else:
            text = " ".join(map(str, member)) if isinstance(member, list) else str(member)
            yield f"{indent}{name:<24} {text}"
