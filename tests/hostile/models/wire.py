"""Protocol buffers written by hand, for what no library writes; and ONNX messages made of them.

A message is bytes; `field(number, value)` is one field of it: an int as a varint, bytes or str with a length.
"""

from __future__ import annotations

Value = int | bytes | str

FLOAT, INT64 = 1, 7


def varint(value: int, size: int = 0) -> bytes:
    """`value`, modulo 2^64, in the fewest bytes, or in `size` of them."""
    value %= 1 << 64
    out = bytearray()
    while value >= 0x80 or len(out) + 1 < size:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: Value) -> bytes:
    """One field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(*pairs: tuple[int, Value]) -> bytes:
    """Fields one behind the other."""
    return b"".join(field(number, value) for number, value in pairs)


def opset(version: int = 17, domain: str = "") -> bytes:
    """OperatorSetIdProto."""
    return (field(1, domain) if domain else b"") + field(2, version)


def value_info(name: str, kind: int = FLOAT, shape: tuple[int | str, ...] = (4,)) -> bytes:
    """ValueInfoProto of a tensor."""
    dims = b"".join(field(1, field(1 if isinstance(d, int) else 2, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def attribute(name: str, kind: int, *values: tuple[int, Value]) -> bytes:
    """AttributeProto. Kinds: 2 int, 4 tensor, 5 graph, 7 ints, 11 sparse tensor; values by their fields' numbers."""
    return field(1, name) + fields(*values) + field(20, kind)


def node(kind: str, inputs: tuple[str, ...], outputs: tuple[str, ...], *more: bytes, domain: str = "") -> bytes:
    """NodeProto with these attributes."""
    out = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs) + field(4, kind)
    return out + b"".join(field(5, one) for one in more) + (field(7, domain) if domain else b"")


def tensor(name: str, dims: tuple[int, ...] = (4,), raw: bytes | None = bytes(16), kind: int = FLOAT) -> bytes:
    """TensorProto with raw data, or none."""
    head = b"".join(field(1, dim) for dim in dims) + field(2, kind) + field(8, name)
    return head if raw is None else head + field(9, raw)


def external(name: str, entries: dict[str, str], dims: tuple[int, ...] = (4,)) -> bytes:
    """TensorProto whose data lies elsewhere."""
    head = tensor(name, dims, None)
    return head + b"".join(field(13, fields((1, k), (2, v))) for k, v in entries.items()) + field(14, 1)


def graph(*parts: tuple[int, Value], output: str = "y") -> bytes:
    """GraphProto: y = Relu(x), and more. Numbers: 1 node, 5 initialiser, 11 input, 12 output, 15 sparse initialiser."""
    return fields(
        *parts,
        (1, node("Relu", ("x",), ("y",))),
        (2, "g"),
        (11, value_info("x")),
        (12, value_info(output)),
    )


def model(content: bytes, *parts: tuple[int, Value], version: int = 17, ir: int = 8) -> bytes:
    """ModelProto of that graph, and more. Numbers: 8 operator set, 14 metadata, 20 training, 25 function."""
    return field(1, ir) + field(8, opset(version)) + field(7, content) + fields(*parts)


def function(name: str, *nodes: bytes, domain: str = "d", more: bytes = b"") -> bytes:
    """FunctionProto from a to b."""
    body = b"".join(field(7, one) for one in nodes)
    sets = field(9, opset()) + field(9, opset(1, domain))
    return field(1, name) + field(4, "a") + field(5, "b") + body + sets + field(10, domain) + more
