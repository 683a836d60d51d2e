"""The cases of ONNX's own conformance suite: a model, inputs, and the outputs that an engine must come to.

Two editions, since a case stands in the opset that its operator had last changed in. That of the `onnx` package beside
us (in requirements/dev.txt anyway) has the newest, and makes most of its cases in memory; some are of an opset that the
engine does not know yet. That of Debian's package libonnx-testdata has files up to opset 17; $BLINDAI_ONNX_DATA says
where, and without them those cases are left out.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case import node as node_cases

DEBIAN = Path(os.environ.get("BLINDAI_ONNX_DATA", "/usr/share/libonnx-testdata/data"))
PACKAGE = Path(onnx.__file__).parent / "backend/test/data"
KINDS = ("pytorch-converted", "pytorch-operator", "simple")
RTOL, ATOL = 1e-3, 1e-7  # the suite's own, where a case has no others
DATA_SETS = 3  # of one case, where files have more


@dataclass
class Case:
    """One case. `data`: pairs of inputs and outputs by position, or the folder that holds them."""

    id: str  # "onnx/test_abs"
    operator: str  # under test; a kind of whole models where there is not one
    model: onnx.ModelProto
    data: list[tuple[list[Any], list[Any]]] | Path
    rtol: float = RTOL
    atol: float = ATOL

    def data_sets(self) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        """Inputs by name, and outputs in order."""
        initialisers = {tensor.name for tensor in self.model.graph.initializer}
        declared = [value for value in self.model.graph.input if value.name not in initialisers]
        for inputs, outputs in self._read() if isinstance(self.data, Path) else self.data:
            named = {value.name: array_of(one, value) for value, one in zip(declared, inputs, strict=False)}
            yield named, [array_of(one, value) for value, one in zip(self.model.graph.output, outputs, strict=False)]

    def _read(self) -> Iterator[tuple[list[Any], list[Any]]]:
        for folder in sorted(Path(str(self.data)).glob("test_data_set_*"))[:DATA_SETS]:
            yield read_tensors(folder, "input"), read_tensors(folder, "output")


def read_tensors(folder: Path, what: str) -> list[Any]:
    files = sorted(folder.glob(f"{what}_*.pb"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return [onnx.TensorProto.FromString(path.read_bytes()) for path in files]


def array_of(value: Any, declared: onnx.ValueInfoProto) -> Any:
    """As numpy has it. Files of old write bfloat16 as the 16-bit integers that it looks like."""
    if isinstance(value, list):
        return value
    array = numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)
    if array.dtype == np.uint16 and declared.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
        return array.view(ml_dtypes.bfloat16)
    return array


def operator_of(name: str, model: onnx.ModelProto, operators: dict[str, str]) -> str:
    """The operator that a case is about. One with its operator expanded into others is named after its sibling."""
    nodes = model.graph.node
    sibling = operators.get(re.sub(r"_expanded.*", "", name))
    if sibling is None:
        operators[name] = sibling = f"{nodes[0].domain}.{nodes[0].op_type}".lstrip(".") if nodes else "none"
    return sibling


def node_cases_of(modules: list[str] | None = None) -> list[Case]:
    """Cases of one operator each from the onnx package; of all its modules, or of these."""
    np.random.seed(20)
    folder = Path(node_cases.__file__).parent
    names = modules or sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    names += [f"ai_onnx_ml.{path.stem}" for path in sorted(folder.glob("ai_onnx_ml/*.py")) if modules is None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, where a case is about an overflow
        for name in names:
            if not name.endswith("__init__"):
                importlib.import_module(f"{node_cases.__name__}.{name}")
    operators: dict[str, str] = {}
    return [
        Case(f"onnx/{made.name}", operator_of(made.name, made.model, operators), made.model, made.data_sets or [])
        for made in node_cases._NodeTestCases
    ]


def stored_cases(root: Path, edition: str, kinds: tuple[str, ...]) -> Iterator[Case]:
    """Cases that stand in files."""
    for kind in kinds:
        operators: dict[str, str] = {}
        for path in sorted((root / kind).glob("test_*/model.onnx")):
            name, model = path.parent.name, onnx.ModelProto.FromString(path.read_bytes())
            operator = operator_of(name, model, operators) if kind == "node" else f"models of kind {kind}"
            yield Case(f"{edition}/{name}", operator, model, path.parent)


def content(case: Case) -> bytes:
    """The same for two editions of one case where nothing but the version of the file's format differs."""
    plain = onnx.ModelProto()
    plain.CopyFrom(case.model)
    plain.ClearField("ir_version")
    return hashlib.sha256(plain.SerializeToString(deterministic=True)).digest()


@functools.cache
def all_cases() -> dict[str, Case]:
    """Both editions by id; what both have alike stands once."""
    cases = [*node_cases_of(), *stored_cases(PACKAGE, "onnx", KINDS)]
    seen = {content(case) for case in cases}
    cases += [case for case in stored_cases(DEBIAN, "debian", ("node", *KINDS)) if content(case) not in seen]
    return {case.id: case for case in cases}
