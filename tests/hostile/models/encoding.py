"""Bytes that readers of protocol buffers understand differently, or not at all."""

from __future__ import annotations

from . import wire as w
from .family import Fate, family

GATE = Fate.GATE
DAMAGED = "not an ONNX model"


def small() -> bytes:
    """A small model that is as it should be."""
    return w.model(w.graph((5, w.tensor("w")), (1, w.node("Add", ("x", "w"), ("s",)))))


@family(GATE, "files that are none", DAMAGED + "|unknown or not taken")
def not_a_model() -> list[bytes]:
    others = [b"\x89PNG\r\n\x1a\n" + bytes(100), b"PK\x03\x04" + bytes(100), b"hello", b"\x1f\x8b\x08" + bytes(50)]
    return [*others, bytes(1000), b"\xff" * 1000, b"{}", b"\x08"]


@family(GATE, "a model that ends at each of its bytes", "", seconds=30.0)
def truncated() -> list[bytes]:
    whole = small()
    return [whole[:size] for size in range(1, len(whole))]


@family(GATE, "fields that no version of onnx has", "unknown or not taken")
def unknown_fields() -> list[bytes]:
    more = w.field(99, "x")
    far = w.field(536870911, 1)
    return [
        w.model(w.graph(), (99, "x")),
        small() + far,
        w.model(w.graph((99, 1))),
        w.model(w.graph((1, w.node("Relu", ("x",), ("a",)) + more))),
        w.model(w.graph((5, w.tensor("w") + more))),
        w.model(w.graph((5, w.tensor("w") + w.field(3, w.fields((1, 0), (2, 4)))))),
        w.model(w.graph((11, w.value_info("z") + more))),
        w.model(w.graph((1, w.node("Relu", ("x",), ("a",), w.attribute("a", 2, (3, 1)) + more)))),
    ]


@family(GATE, "groups, and wire types that do not exist", DAMAGED)
def groups_and_wire_types() -> list[bytes]:
    out = []
    for wire in (3, 4, 6, 7):
        out.append(small() + w.varint(14 << 3 | wire))
        out.append(w.model(w.graph() + w.varint(10 << 3 | wire)))
    return [*out, small() + b"\x00\x01", small() + w.varint(0 << 3 | 2) + b"\0"]


@family(GATE, "known fields in a wire type that is not theirs: skipped by some readers, refused by others", "wire type")
def wrong_wire_types() -> list[bytes]:
    fixed32 = bytes(4)
    return [
        small() + w.field(6, 1),
        small() + w.varint(5 << 3 | 5) + fixed32,
        w.model(w.graph((1, w.node("Relu", ("x",), ("a",)) + w.field(4, 1)))),
        w.model(w.graph((5, w.tensor("w", (), None) + w.varint(1 << 3 | 5) + fixed32 + w.field(9, b"")))),
        w.model(w.graph((5, w.tensor("w") + w.varint(14 << 3 | 1) + bytes(8)))),
    ]


@family(GATE, "a field twice: the last counts for some, the first for others", "stands twice")
def singular_fields_twice() -> list[bytes]:
    honest, other = w.tensor("w"), w.field(9, bytes(15) + b"\1")
    return [
        small() + w.field(1, 9),
        w.model(w.graph((5, honest + other))),
        w.model(w.graph((5, honest + w.field(2, 7)))),
        w.model(w.graph((5, honest + w.field(8, "v")))),
        w.model(w.graph((1, w.node("Relu", ("x",), ("a",)) + w.field(4, "Abs")))),
        w.model(w.graph((1, w.node("Relu", ("x",), ("a",)) + w.field(7, "a") + w.field(7, "")))),
    ]


@family(GATE, "a message twice: protobuf merges them into one that stands nowhere", "stands twice")
def messages_merged() -> list[bytes]:
    half = w.field(5, w.tensor("", (2,), None))
    other = w.field(5, w.field(9, bytes(8)))
    split = w.field(1, "value") + w.field(20, 4) + half + other
    types = w.field(1, "z") + w.field(2, w.field(1, w.field(1, 1))) + w.field(2, w.field(1, w.field(2, b"")))
    return [
        small() + w.field(7, w.graph()),
        w.model(w.graph((1, w.node("Constant", (), ("c",), split)))),
        w.model(w.graph((11, types))),
    ]


@family(GATE, "two of a oneof: the last counts, or the message is damaged", "only one of this field")
def oneof_twice() -> list[bytes]:
    dim = w.field(1, w.field(1, 4) + w.field(2, "n"))
    shaped = w.field(1, "z") + w.field(2, w.field(1, w.field(1, 1) + w.field(2, dim)))
    two = w.field(1, "z") + w.field(2, w.field(1, w.field(1, 1)) + w.field(4, w.field(1, w.field(1, w.field(1, 1)))))
    return [w.model(w.graph((11, shaped))), w.model(w.graph((11, two)))]


@family(GATE, "numbers of more bytes than they need", "longer than it needs|cut off")
def overlong_varints() -> list[bytes]:
    name, raw = w.field(8, "w"), w.field(9, bytes(16))
    tails = [
        w.varint(8) + w.varint(4, 2),
        w.varint(8) + w.varint(4, 10),
        w.varint(8, 3) + w.varint(4),
        w.varint(10) + w.varint(1, 4) + b"\4",
        w.field(1, w.varint(4, 5)),
        w.field(1, b"\x84"),
        w.field(1, b"\xff" * 9 + b"\2"),
        w.field(1, b"\xff" * 11),
    ]
    return [w.model(w.graph((5, dims + w.field(2, 1) + name + raw))) for dims in tails]


@family(GATE, "lengths that point past the end, or wrap around", DAMAGED)
def lengths_beyond() -> list[bytes]:
    lengths = (100, 2**31 - 1, 2**32, 2**63 - 1, 2**64 - 1)
    return [w.field(1, 8) + w.varint(7 << 3 | 2) + w.varint(length) + w.graph() for length in lengths]


@family(GATE, "texts that are not UTF-8", "not UTF-8")
def invalid_utf8() -> list[bytes]:
    bad = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xc3")
    out = []
    for text in bad:
        node = w.field(1, "x") + w.field(2, text) + w.field(4, "Relu")
        out += [w.model(w.graph((1, node))), small() + w.field(2, text), w.model(w.graph(), (14, w.field(1, text)))]
    return out


@family(GATE, "names with a zero byte: another name for whoever reads them as C does", "zero byte")
def zero_bytes_in_names() -> list[bytes]:
    return [
        w.model(w.graph((1, w.node("Relu", ("x",), ("y\0other",))))),
        w.model(w.graph((5, w.tensor("w\0a")), (5, w.tensor("w\0b")))),
        w.model(w.graph((1, w.node("Relu\0Abs", ("x",), ("a",))))),
    ]


@family(GATE, "names of many kilobytes", "over 4096 bytes")
def huge_strings() -> list[bytes]:
    long = "n" * 100_000
    return [
        w.model(w.graph((1, w.node("Relu", ("x",), (long,))))),
        w.model(w.graph((1, w.node(long, ("x",), ("a",))))),
        w.model(w.graph((1, w.node("Relu", ("x",), ("a",)) + w.field(3, long)))),
        w.model(w.graph((11, w.value_info("z", shape=(long,))))),
        w.model(w.graph(), (8, w.opset(1, long))),
        w.model(w.graph((5, w.tensor(long)))),
    ]


@family(GATE, "attributes of a type that does not exist, or that is not theirs", "none of those|type|no value")
def attribute_types() -> list[bytes]:
    wrong = [
        w.attribute("a", 99, (3, 1)),
        w.attribute("a", -1, (3, 1)),
        w.attribute("a", 2, (4, b"text")),
        w.attribute("a", 2, (3, 1), (5, w.tensor("t"))),
        w.attribute("a", 4),
        w.field(1, "a") + w.field(3, 1),
        w.attribute("", 2, (3, 1)),
    ]
    return [w.model(w.graph((1, w.node("Relu", ("x",), ("b",), one)))) for one in wrong]


@family(GATE, "a data location that does not exist", "none of those")
def enums_unknown() -> list[bytes]:
    return [w.model(w.graph((5, w.tensor("w") + w.field(14, value)))) for value in (2, 2**32, -1)]


@family(GATE, "versions that are none", "lacks a version|none of those|operator set")
def versions_that_are_none() -> list[bytes]:
    graph = w.graph()
    return [
        w.model(graph, ir=0),
        w.model(graph, ir=-1),
        w.model(graph, ir=2**40),
        w.field(8, w.opset()) + w.field(7, graph),
        w.field(1, 8) + w.field(7, graph),
        w.field(1, 8) + w.field(8, w.opset()),
    ]


@family(Fate.ENGINE, "a version of the file format that the engine does not know yet", "refused the model")
def version_of_tomorrow() -> bytes:
    return w.model(w.graph(), ir=999)


@family(GATE, "notes and metadata of hundreds of megabytes", "over the limit", seconds=30.0, slow=True)
def enormous_metadata() -> list[bytes]:
    note = "n" * (257 << 20)
    return [w.model(w.graph((10, note))), w.model(w.graph(), (14, w.fields((1, "k"), (2, note))))]


@family(Fate.HARMLESS, "notes, metadata and training that nobody needs: left out, and never shown to the engine")
def metadata_and_training() -> list[bytes]:
    entry = w.fields((1, "k" * 10_000), (2, "v" * 1_000_000))
    return [
        w.model(w.graph((10, "n" * 1_000_000)), *((14, entry) for _ in range(4)), (20, w.field(1, w.field(2, "g"))))
    ]
