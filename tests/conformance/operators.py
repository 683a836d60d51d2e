"""What becomes of the cases of ONNX's conformance suite in a service, and the table of it, docs/operators.md.

.venv/bin/python -m tests.conformance.operators            says what differs from the table
.venv/bin/python -m tests.conformance.operators --write    writes the table
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import textwrap
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blindai
import numpy as np
import onnxruntime
import pytest

from tests.conformance.operator_cases import Case, all_cases
from tests.e2e.conftest import Service

TARGET = Path(__file__).resolve().parents[2] / "docs/operators.md"
WIDTH = 120
FATES = {
    "passed": "passed",
    "gate": "refused by the gate",
    "engine": "refused by the engine",
    "failed": "error",
    "differs": "other answer",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a case, and why: in the service's words, without the names of the case."""

    fate: str
    reason: str = ""


def general(text: str) -> str:
    """A sentence of the service without the place that it speaks of, so that cases with one reason have one."""
    text = re.sub(r"the engine refused the model: (?=the engine)", "", text.strip())
    text = text.removeprefix("the model refused the request: the model could not run on these inputs: ")
    text = re.sub(r"^(?:node|tensor|attribute|function) .*?: (?=[a-z])", "", text)
    text = re.sub(r"/onnxruntime_src/.*", "a check inside the engine", text)
    text = re.sub(r"(input or output|input|output) '[^']*'", r"\1", text)
    return re.sub(r"[|`*<>]", "", text).strip()


def plain(value: Any) -> Any:
    """An array as the SDK gives it: bfloat16 as the float32 that it is, text as bytes."""
    if value.dtype.name == "bfloat16":
        return value.astype(np.float32)
    if value.dtype.kind in "OSU":
        flat = [element if isinstance(element, bytes) else str(element).encode() for element in value.reshape(-1)]
        return np.array(flat, dtype=object).reshape(value.shape)
    return value


def difference(have: Any, want: Any, case: Case) -> str:
    """How an output differs from the suite's by the suite's own measure; empty where it does not."""
    have, want = plain(have), plain(want)
    if have.shape != want.shape:
        return f"shape {list(have.shape)} and not {list(want.shape)}"
    if have.dtype != want.dtype:
        return f"type {have.dtype} and not {want.dtype}"
    if want.dtype == object:
        return "" if (have == want).all() else "other text"
    if not np.allclose(have, want, rtol=case.rtol, atol=case.atol, equal_nan=True):
        return "other numbers"
    return ""


def compare(have: list[Any], want: list[Any], case: Case) -> Outcome:
    if len(have) != len(want):
        return Outcome("differs", "another number of outputs")
    for one, other in zip(have, want, strict=True):
        if said := difference(one, other, case):
            return Outcome("differs", said)
    return Outcome("passed")


def gate_takes(case: Case, folder: Path) -> Outcome | None:
    """Nothing, or the refusal of the gate alone."""
    path = folder / "case.onnx"
    path.write_bytes(case.model.SerializeToString())
    report = blindai.check_model(path)
    return None if report["accepted"] else Outcome("gate", general(report["refusal"]))


def run(client: blindai.Connection, case: Case, folder: Path) -> Outcome:
    """Uploads a case, predicts with each of its inputs, and takes it away again. A worker that ends is an error."""
    if refused := gate_takes(case, folder):
        return refused
    try:
        client.upload_model(folder / "case.onnx", "case")
    except blindai.BlindAIError as error:
        if "worker ended" in str(error):
            raise AssertionError(f"{case.id} ended its worker") from error
        return Outcome("engine", general(str(error)))
    outcome = Outcome("passed")
    for inputs, wanted in case.data_sets():
        try:
            response = client.predict("case", inputs)
        except blindai.UnavailableError:  # of a worker that ended, or a machine that is too slow: no outcome
            raise
        except blindai.BlindAIError as error:
            outcome = Outcome("failed", general(str(error)))
            break
        outcome = compare([tensor.as_numpy() for tensor in response.output], wanted, case)
        if outcome.fate != "passed":
            break
    restarts = client.model("case")["restarts"]
    client.delete_model("case")
    assert restarts == 0, f"{case.id} ended its worker"
    return outcome


def run_all(cases: Iterable[Case], client: blindai.Connection) -> dict[str, Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        return {case.id: run(client, case, Path(folder)) for case in cases}


def engine_alone(case: Case, *, runs: bool) -> bool:
    """Whether ONNX Runtime itself, asked without a service, loads a case, or comes to what the suite wants."""
    onnxruntime.set_default_logger_severity(4)
    try:
        session = onnxruntime.InferenceSession(case.model.SerializeToString(), providers=["CPUExecutionProvider"])
        if not runs:
            return True
        names = {one.name for one in session.get_inputs()}
        return all(
            compare(
                [np.asarray(one) for one in session.run(None, {k: v for k, v in inputs.items() if k in names})],
                wanted,
                case,
            ).fate
            == "passed"
            for inputs, wanted in case.data_sets()
        )
    except Exception:
        return False


HEAD = """\
# Operators: what of ONNX's conformance suite a service runs

Written by `python -m tests.conformance.operators --write`; `tests/conformance/test_operators.py` holds it to a real
server: each case is uploaded, run with its inputs, and its outputs compared with those that the suite stores, by the
suite's tolerances (relative 1e-3, absolute 1e-7). Two editions of the suite are run: that of the `onnx` package {onnx},
to the newest opset (`onnx/...`), and that of Debian's `libonnx-testdata` 1.12, to opset 17 (`debian/...`), where it is
installed; what both have alike counts once. No case ends a worker.

What operators there are in which opset stands in [engine_operators.inc](../src/gate/engine_operators.inc), made from
the engine.
"""


def render(cases: dict[str, Case], outcomes: dict[str, Outcome]) -> str:
    """The whole of docs/operators.md."""
    import onnx  # noqa: PLC0415

    total = Counter(outcome.fate for outcome in outcomes.values())
    lines = [HEAD.format(onnx=onnx.__version__)]
    lines += [f"| cases | {' | '.join(FATES.values())} |", "| --- " * (len(FATES) + 1) + "|"]
    lines += [f"| {len(outcomes)} | {' | '.join(str(total[fate]) for fate in FATES)} |", "", "## By operator", ""]
    lines += [f"| operator | cases | {' | '.join(FATES.values())} |", "| --- " * (len(FATES) + 2) + "|"]
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for case_id, outcome in outcomes.items():
        rows[cases[case_id].operator][outcome.fate] += 1
    for operator, row in sorted(rows.items()):
        counts = " | ".join(str(row[fate] or "") for fate in FATES)
        lines.append(f"| {operator} | {row.total()} | {counts} |")
    for fate, title in FATES.items():
        if fate != "passed" and total[fate]:
            lines += ["", f"## {title.capitalize()}", "", *reasons(fate, cases, outcomes)]
    return "\n".join(lines) + "\n"


INTRODUCTIONS = {
    "gate": "Each reason, in the gate's own words, and how many of its cases ONNX Runtime by itself would load.",
    "engine": "ONNX Runtime has no kernel for the type or the opset, or says that the model is invalid.",
    "failed": "ONNX Runtime, or the protocol, refuses the request of the case.",
    "differs": "Random numbers, and where ONNX Runtime does otherwise than the suite: the service changes no answer.",
}


def reasons(fate: str, cases: dict[str, Case], outcomes: dict[str, Outcome]) -> list[str]:
    found: dict[str, list[str]] = defaultdict(list)
    for case_id, outcome in outcomes.items():
        if outcome.fate == fate:
            found[outcome.reason].append(case_id)
    lines = [*textwrap.wrap(INTRODUCTIONS[fate], WIDTH)]
    verb = "load" if fate == "gate" else "pass"
    for reason, ids in sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        alone = sum(engine_alone(cases[case_id], runs=fate != "gate") for case_id in ids)
        said = f"**{reason}** ({alone} of {len(ids)} {verb} in ONNX Runtime alone):"
        lines += ["", *textwrap.wrap(said, WIDTH)]
        lines += textwrap.wrap(" ".join(sorted(ids)), WIDTH, break_on_hyphens=False, break_long_words=False)
    return lines


def table() -> dict[str, str]:
    """The fate of each case that docs/operators.md names; it names those that do not pass."""
    fates: dict[str, str] = {}
    titles = {title.capitalize(): fate for fate, title in FATES.items()}
    fate = ""
    for line in TARGET.read_text().splitlines():
        if line.startswith("## "):
            fate = titles.get(line[3:], "")
        elif fate:
            fates |= dict.fromkeys(re.findall(r"\b(?:onnx|debian)/test_\w+", line), fate)
    return fates


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--write", action="store_true", help="write docs/operators.md")
    arguments.add_argument("--only", default="", help="cases whose id has this in it")
    options = arguments.parse_args()
    warnings.simplefilter("ignore", blindai.SimulationModeWarning)
    cases = {case_id: case for case_id, case in all_cases().items() if options.only in case_id}
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        service = Service(Path(home), ["--port", "0"])
        service.use(patch)
        with service, blindai.connect(timeout=600) as client:
            outcomes = run_all(cases.values(), client)
    if options.write:
        TARGET.write_text(render(cases, outcomes))
        return 0
    known = table()
    wrong = {case_id: outcome for case_id, outcome in outcomes.items() if known.get(case_id, "passed") != outcome.fate}
    for case_id, outcome in wrong.items():
        print(f"{case_id}: {known.get(case_id, 'passed')} in the table, now {outcome.fate} ({outcome.reason})")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
