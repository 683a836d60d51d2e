"""The admission report of a model, as a table for people."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from .output import console

THOUSAND = 1000


def _amount(count: int, units: tuple[str, ...] = ("", " k", " M", " G", " T", " P", " E")) -> str:
    value, place = float(count), 0
    while value >= THOUSAND and place + 1 < len(units):
        value, place = value / THOUSAND, place + 1
    return f"{value:.1f}{units[place]}" if place else f"{count}{units[0]}"


def _bytes(count: int) -> str:
    return _amount(count, (" bytes", " kB", " MB", " GB", " TB"))


def _tensors(specs: list[dict[str, Any]]) -> str:
    return "\n".join(f"{spec['name']}: {spec['datatype']} {spec['shape']}" for spec in specs)


def _operators(entries: list[dict[str, Any]]) -> str:
    listed = sorted(entries, key=lambda entry: (-entry["count"], entry["type"]))
    return ", ".join(f"{entry['domain']}.{entry['type']} x{entry['count']}".removeprefix(".") for entry in listed)


def _work(work: dict[str, Any]) -> str:
    text = f"{_amount(work['multiplications'])} multiplications"
    if work["free_dimensions_as_one"]:
        text += ", with each free dimension as 1"
    if work["nodes_not_counted"]:
        text += f"; {work['nodes_not_counted']} nodes not counted, whose shapes the graph does not tell"
    return text


def _memory(memory: dict[str, Any]) -> str:
    text = f"about {_bytes(memory['estimated_peak_bytes'])}, {_bytes(memory['activation_bytes'])} of it between nodes"
    if memory["values_not_counted"]:
        text += f"; {memory['values_not_counted']} values not counted"
    return text


def print_report(name: str, report: dict[str, Any]) -> None:
    """For people."""
    if not report["accepted"]:
        console.print(f"[bold red]refused[/] {escape(name)}")
        console.print(f"  {report['refusal']}", markup=False)
        return
    admission = report["admission"]
    opsets = ", ".join(f"{entry['domain'] or 'ai.onnx'} {entry['version']}" for entry in admission["opsets"])
    batchable = admission["batchable"]
    rows = [
        ("digest", report["digest"]),
        ("size", _bytes(report["bytes"])),
        ("inputs", _tensors(report["inputs"])),
        ("outputs", _tensors(report["outputs"])),
        *((f"classes of {entry['output']}", ", ".join(entry["labels"])) for entry in admission["classes"]),
        ("operator sets", opsets),
        ("nodes", f"{admission['nodes']:,}"),
        ("operators", _operators(admission["operators"])),
        ("parameters", f"{admission['parameters']:,}"),
        ("work of a request", _work(admission["work"])),
        ("memory at its peak", _memory(admission["memory"])),
        ("batchable", ("yes: " if batchable["by_structure"] else "no: ") + batchable["why"]),
        ("rows apart", ("proved: " if batchable["proved"] else "not proved: ") + batchable["proof"]),
    ]
    table = Table(title=f"{escape(name)}: accepted by the gate", show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("value", overflow="fold")
    for what, value in rows:
        table.add_row(what, escape(value))
    for warning in admission["warnings"]:
        table.add_row("[yellow]warning[/]", escape(warning["text"]))
    console.print(table)
