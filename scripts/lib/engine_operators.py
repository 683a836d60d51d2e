"""Writes src/gate/engine_operators.inc: the operators that the pinned ONNX Runtime runs on a CPU, by opset.

An operator is on the list at an opset where the version of it that this opset means has a kernel, or a body of other
operators that the engine puts in its place. tests/conformance/test_operator_list.py holds the list to the engine.

    .venv/bin/python scripts/lib/engine_operators.py
"""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.defs
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as engine

TARGET = Path(__file__).resolve().parents[2] / "src/gate/engine_operators.inc"
DOMAINS = ("", "ai.onnx.ml", "com.microsoft")  # others are the engine's own
CONSTANT = ("", "Constant")  # becomes an initialiser; it has no kernel


def loads(opset: int) -> bool:
    """Whether the engine loads a model of this opset: it refuses those that were not released when it was."""
    onnxruntime.set_default_logger_severity(4)
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=10)
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except engine.Fail:
        return False
    return True


def versions() -> dict[str, int]:
    """The newest opset of each domain that the engine runs."""
    newest = dict.fromkeys(DOMAINS, 1)
    for schema in engine.get_all_operator_schema():
        if schema.domain in newest:
            newest[schema.domain] = max(newest[schema.domain], schema.since_version)
    while not loads(newest[""]):
        newest[""] -= 1
    return newest


def has_body(domain: str, name: str, opset: int) -> bool:
    """Whether onnx defines the operator by others."""
    try:
        schema = onnx.defs.get_schema(name, opset, domain)
    except onnx.defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)


def runs() -> list[tuple[str, str, int, int]]:
    """(domain, name, first opset, last opset), sorted."""
    kernels: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for kernel in engine.get_all_opkernel_def():
        kernels.setdefault((kernel.domain, kernel.op_name), []).append(kernel.version_range)
    schemas: dict[tuple[str, str], dict[int, bool]] = {}
    for schema in engine.get_all_operator_schema():
        if schema.domain in DOMAINS:
            schemas.setdefault((schema.domain, schema.name), {})[schema.since_version] = schema.deprecated
    newest = versions()
    out: list[tuple[str, str, int, int]] = []
    for (domain, name), since in sorted(schemas.items()):
        for opset in range(1, newest[domain] + 1):
            version = max((v for v in since if v <= opset), default=0)
            if version == 0 or since[version]:
                continue
            ranges = kernels.get((domain, name), [])
            # A kernel without an end serves the version that it names and no later one.
            kernel = any(first == version or (last < 2**31 - 1 and first <= version <= last) for first, last in ranges)
            if not kernel and not has_body(domain, name, opset) and (domain, name) != CONSTANT:
                continue
            if out and out[-1][:2] == (domain, name) and out[-1][3] == opset - 1:
                out[-1] = (*out[-1][:3], opset)
            else:
                out.append((domain, name, opset, opset))
    return out


def text() -> str:
    """The file as it must be."""
    lines = [
        f"// Operators of ONNX Runtime {onnxruntime.__version__} on CPUs: domain, name, first and last opset. Made by",
        "// scripts/lib/engine_operators.py.",
        *(f'{{"{domain}", "{name}", {first}, {last}}},' for domain, name, first, last in runs()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
    print(f"{len(runs())} entries, newest opsets {versions()}")
