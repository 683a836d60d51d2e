"""Makes seeds of real models for the fuzz target gate_graph: model_seeds.py FOLDER writes to FOLDER/gate_graph the
graphs of tests/data/models, and of the zoo where $BLINDAI_ZOO names its folder, each tensor cut to one element. Only
the standard library, so that any Python 3 runs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 256 * 1024  # of a seed
GRAPH, INITIALISER = 7, 5  # in ModelProto, and in GraphProto
DIMS, TYPE, NAME = 1, 2, 8  # in TensorProto
SIZES = {1: 4, 6: 4, 12: 4, 7: 8, 11: 8, 13: 8, 10: 2, 4: 2, 5: 2, 16: 2, 2: 1, 3: 1, 9: 1}  # of an element, by type

Field = tuple[int, int, int, bytes]  # number, wire type, value of a varint, bytes as they stand


def take_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


def put_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        start = at
        tag, at = take_varint(data, at)
        value = 0
        if tag & 7 == 0:
            value, at = take_varint(data, at)
        elif tag & 7 == 2:
            size, start = take_varint(data, at)
            at = start + size
        else:
            at += 8 if tag & 7 == 1 else 4
        yield tag >> 3, tag & 7, value, data[start:at]


def put_field(number: int, data: bytes) -> bytes:
    return put_varint(number << 3 | 2) + put_varint(len(data)) + data


def short_tensor(data: bytes) -> bytes:
    """One element, where the type has elements of one size."""
    name, kind = b"", 0
    for number, _, value, raw in fields(data):
        name = raw if number == NAME else name
        kind = value if number == TYPE else kind
    if kind not in SIZES:
        return data
    return b"\x08\x01" + b"\x10" + put_varint(kind) + put_field(NAME, name) + put_field(9, bytes(SIZES[kind]))


def rewritten(data: bytes, number: int, change: object) -> bytes:
    """A message with each field of that number changed."""
    out = b""
    for found, wire, value, raw in fields(data):
        if wire == 2:
            out += put_field(found, change(raw) if found == number else raw)  # type: ignore[operator]
        elif wire == 0:
            out += put_varint(found << 3) + put_varint(value)
        else:
            out += raw
    return out


def seed_of(model: bytes) -> bytes:
    return rewritten(model, GRAPH, lambda graph: rewritten(graph, INITIALISER, short_tensor))


def main() -> None:
    target = Path(sys.argv[1]) / "gate_graph"
    target.mkdir(parents=True, exist_ok=True)
    found = {path.stem: path for path in (ROOT / "tests/data/models").glob("*.onnx")}
    if os.environ.get("BLINDAI_ZOO"):
        found |= {path.parent.name: path for path in Path(os.environ["BLINDAI_ZOO"]).glob("*/model.onnx")}
    for name, path in sorted(found.items()):
        seed = seed_of(path.read_bytes())
        if len(seed) <= MOST_BYTES:
            (target / name).write_bytes(seed)


if __name__ == "__main__":
    main()
