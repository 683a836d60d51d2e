"""Real models with their structure changed at random: what the gate takes, onnx.checker takes too.

The changes follow from a seed ($BLINDAI_MUTANTS_SEED), which a failure names. Where the two differ for a reason,
docs/models.md has it.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import pytest
from blindai import _core
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.hostile.test_model_corpus import TAKEN, checked

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("BLINDAI_MUTANTS_SEED", "1"))
CHANGED = 150  # models made of each of tests/data/models
CHANGED_OF_THE_ZOO = 20  # which is slow to check
MOST_ELEMENTS = 16  # of a tensor that is kept
MOST_MESSAGES = 3000  # that a change chooses from

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def sources() -> list[Path]:
    found = sorted((ROOT / "tests/data/models").glob("*.onnx"))
    if os.environ.get("BLINDAI_ZOO"):
        found += sorted(Path(os.environ["BLINDAI_ZOO"]).glob("*/model.onnx"))
    return found


def small(path: Path) -> onnx.ModelProto:
    """The model with one element of each large tensor: the checker takes what shapes an operator does not want."""
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        elements = 1
        for dim in tensor.dims:
            elements *= dim
        if elements > MOST_ELEMENTS or tensor.data_location == onnx.TensorProto.EXTERNAL:
            short = onnx.helper.make_tensor(tensor.name, onnx.TensorProto.FLOAT, [1], [0.5])
            tensor.CopyFrom(short)
    return model


def messages(root: Message) -> list[Message]:
    """The message, and those in it."""
    found = [root]
    for message in found:
        if len(found) > MOST_MESSAGES:
            break
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                found += value if field.is_repeated else [value]
    return found


def names(found: list[Message]) -> list[str]:
    return sorted({value for message in found for value in texts(message)})


def texts(message: Message) -> list[str]:
    out: list[str] = []
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            out += value if field.is_repeated else [value]
    return out


def some_value(field: Any, known: list[str], draw: random.Random) -> Any:
    kinds = FieldDescriptor
    if field.type == kinds.TYPE_STRING:
        return draw.choice([*draw.sample(known, min(3, len(known))), "", "new", "../x"])
    if field.type == kinds.TYPE_BYTES:
        return draw.randbytes(draw.choice([0, 1, 4, 8]))
    if field.type in (kinds.TYPE_FLOAT, kinds.TYPE_DOUBLE):
        return draw.choice([0.0, 1.0, float("nan")])
    if field.type == kinds.TYPE_ENUM:
        return draw.choice([value.number for value in field.enum_type.values])
    return draw.choice([0, 1, 2, 3, 7, 17, 26, 100, 2**31 - 1])


def change(model: onnx.ModelProto, draw: random.Random) -> str:
    """One change, and what it was."""
    found = messages(model)
    message = draw.choice(found)
    fields = message.ListFields()
    kind = draw.choice(["drop", "double", "swap", "other", "value", "value", "value"])
    if not fields:
        kind = "value"
    field, value = draw.choice(fields) if fields else (None, None)
    if kind == "drop" and field is not None:
        if field.is_repeated:
            del value[draw.randrange(len(value))]
        else:
            message.ClearField(field.name)
    elif kind in ("double", "swap", "other") and field is not None and field.is_repeated:
        one, other = draw.randrange(len(value)), draw.randrange(len(value))
        if kind == "double":
            value.append(value[one])
        elif field.type != FieldDescriptor.TYPE_MESSAGE:
            value[one], value[other] = value[other], value[one]
        elif kind == "swap":
            copy = type(value[one])()
            copy.CopyFrom(value[one])
            value[one].CopyFrom(value[other])
            value[other].CopyFrom(copy)
        else:
            value[one].CopyFrom(draw.choice([each for each in found if type(each) is type(value[one])]))
    else:
        set_value(message, names(found), draw)
    return f"{kind} in a {message.DESCRIPTOR.name}"


def set_value(message: Message, known: list[str], draw: random.Random) -> None:
    candidates = [field for field in message.DESCRIPTOR.fields if field.type != FieldDescriptor.TYPE_MESSAGE]
    if not candidates:
        return
    field = draw.choice(candidates)
    value = some_value(field, known, draw)
    if not field.is_repeated:
        setattr(message, field.name, value)
        return
    values = getattr(message, field.name)
    if len(values) and draw.random() < 0.8:
        values[draw.randrange(len(values))] = value
    else:
        values.append(value)


def verdict_on(model: onnx.ModelProto, path: Path) -> dict[str, Any]:
    path.write_bytes(model.SerializeToString())
    judged: dict[str, Any] = json.loads(_core.check_model([("model.onnx", str(path))]))
    return judged


def test_what_the_gate_takes_of_changed_models_the_checker_takes_too(tmp_path):
    counts: Counter[str] = Counter()
    wrong = []
    for source in sources():
        whole = small(source)
        for number in range(CHANGED if source.parent.name == "models" else CHANGED_OF_THE_ZOO):
            draw = random.Random(f"{SEED} {source.name} {number}")
            model = onnx.ModelProto()
            model.CopyFrom(whole)
            what = [change(model, draw) for _ in range(draw.choice([1, 1, 2, 3]))]
            accepted = verdict_on(model, tmp_path / "model.onnx")["accepted"]
            counts["accepted" if accepted else "refused"] += 1
            refusal = checked(model.SerializeToString()) if accepted else None
            if refusal is not None and not TAKEN.search(refusal):
                wrong.append((source.name, number, what, refusal))
    assert not wrong, (SEED, len(wrong), wrong[:3])
    assert counts["accepted"] > CHANGED
    assert counts["refused"] > CHANGED
