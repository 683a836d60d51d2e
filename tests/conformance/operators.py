"""What becomes of the cases of the conformance suite in a service, and the table of it, docs/operators.md.

    .venv/bin/python -m tests.conformance.operators          says what differs from the table
    .venv/bin/python -m tests.conformance.operators --write  writes the table
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blindai
import numpy as np
import onnx
import pytest

from tests.conformance.operator_cases import Case, all_cases
from tests.e2e.conftest import Service

TARGET = Path(__file__).resolve().parents[2] / "docs/operators.md"
WIDTH = 120


@dataclass(frozen=True)
class Outcome:
    """What became of a case, and why in the service's words without the names of the case."""

    fate: str
    reason: str = ""


FATES = {
    "passed": "passed",
    "gate": "refused by the gate",
    "engine": "refused by the engine",
    "failed": "an error where there should be an answer",
    "differs": "another answer than the suite's",
}


def general(text: str) -> str:
    """A sentence of the service without where, so that cases with one reason have one."""
    text = text.removeprefix("the model refused the request: ").partition("; node")[0]
    text = re.sub(r"^(?:node|tensor|attribute) .*?: (?=\w+ )", "", text)
    return re.sub(r"'[^']{24,}'", "'...'", text).replace("|", "/").strip()


def plain(value: Any) -> Any:
    """An array as the SDK gives it: bfloat16 as the float32 that it is, text in bytes."""
    if value.dtype.name == "bfloat16":
        return value.astype(np.float32)
    if value.dtype.kind in "OU":
        flat = [element if isinstance(element, bytes) else str(element).encode() for element in value.reshape(-1)]
        return np.array(flat, dtype=object).reshape(value.shape)
    return value


def difference(have: Any, want: Any, case: Case) -> str:
    """How an output differs from the suite's by the suite's own measure; empty where it does not."""
    have, want = plain(have), plain(np.asarray(want))
    if have.shape != want.shape:
        return f"shape {list(have.shape)} and not {list(want.shape)}"
    if have.dtype != want.dtype:
        return f"type {have.dtype} and not {want.dtype}"
    if want.dtype == object:
        return "" if (have == want).all() else "other text"
    if not np.allclose(have, want, rtol=case.rtol, atol=case.atol, equal_nan=True):
        return "other numbers"
    return ""


def run(client: blindai.Connection, case: Case, folder: Path) -> Outcome:
    """Uploads a case, predicts with each of its inputs, and takes it away again. A worker that ends is an error."""
    path = folder / "case.onnx"
    path.write_bytes(case.model.SerializeToString())
    report = blindai.check_model(path)
    if not report["accepted"]:
        return Outcome("gate", general(report["refusal"]))
    try:
        client.upload_model(path, "case")
    except blindai.BlindAIError as error:
        return Outcome("engine", general(str(error)))
    try:
        return answers(client, case)
    finally:
        restarts = client.model("case")["restarts"]
        client.delete_model("case")
        assert restarts == 0, f"{case.id} ended its worker"


def answers(client: blindai.Connection, case: Case) -> Outcome:
    for inputs, wanted in case.data_sets():
        try:
            response = client.predict("case", inputs)
        except blindai.BlindAIError as error:
            return Outcome("failed", general(str(error)))
        if len(response.output) != len(wanted):
            return Outcome("differs", "another number of outputs")
        for tensor, want in zip(response.output, wanted, strict=True):
            if said := difference(tensor.as_numpy(), want, case):
                return Outcome("differs", said)
    return Outcome("passed")


def run_all(cases: Iterable[Case], client: blindai.Connection) -> dict[str, Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        return {case.id: run(client, case, Path(folder)) for case in cases}
