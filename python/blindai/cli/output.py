"""What commands print: tables for people, JSON for programs, errors that say what to do next."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .. import Connection
from ..errors import AttestationError, BlindAIError, SimulationModeWarning
from ..report import Report

console = Console()
errors = Console(stderr=True)

FAILED = 1
NOT_PROVEN = 3

_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow", "not applicable": "dim"}


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def say_simulated() -> None:
    errors.print("[bold black on yellow] SIMULATED [/] no hardware protects this service: for development only")


def shorten(text: str, width: int = 44) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def report_table(report: Report) -> Table:
    table = Table(title="Verification report" + (" (SIMULATED)" if report.simulated else ""))
    table.add_column("check", no_wrap=True, min_width=27)
    table.add_column("outcome", no_wrap=True, min_width=14)
    for column in ("expected", "found", "who vouches"):
        table.add_column(column, overflow="fold")
    room = max(12, (console.width - 88) // 2)  # of the two columns in the middle, beside the others and the lines
    for check in report.checks:
        style = _STYLES.get(check.outcome, "")
        outcome = f"[{style}]{check.outcome}[/]" if style else check.outcome
        width = 200 if check.outcome == "failed" else room
        cells = (shorten(check.expected, width), shorten(check.found, width), check.voucher)
        table.add_row(check.name, outcome, *(escape(cell) for cell in cells))
    return table


@contextmanager
def failures(as_json: bool = False) -> Iterator[None]:
    """Turns the SDK's errors into a message and an exit status."""
    try:
        yield
        sys.stdout.flush()
    except AttestationError as error:
        report = getattr(error, "report", None)
        if as_json:
            print_json({"error": str(error), "code": error.code, "report": report.to_dict() if report else None})
        else:
            if report is not None:
                errors.print(report_table(report))
            errors.print(f"[bold red]not proven:[/] {escape(str(error))}")
            errors.print("Nothing was sent. Do not use this service until the failed check is explained.")
        raise SystemExit(NOT_PROVEN) from None
    except BlindAIError as error:
        if as_json:
            print_json({"error": str(error), "code": error.code})
        else:
            errors.print(f"[bold red]error:[/] {escape(str(error))}")
        raise SystemExit(FAILED) from None
    except OSError as error:
        # Of standard output, where no file is named: what it did not take must not be tried again when Python ends.
        if error.filename is None:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = f"{error.filename}: " if error.filename is not None else "the output cannot be written: "
        errors.print(f"[bold red]error:[/] {escape(what + (error.strerror or str(error)))}")
        raise SystemExit(FAILED) from None


@contextmanager
def connected(profile: str | None, timeout: float = 60.0) -> Iterator[Connection]:
    """A verified connection; a simulated service is named as such, once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SimulationModeWarning)
        client = Connection(profile=profile, timeout=timeout)
    with client:
        if client.report.simulated:
            say_simulated()
        yield client
