"""Tensors that are not what they say."""

from __future__ import annotations

from . import wire as w
from .family import Fate, family

GATE = Fate.GATE


def with_initialiser(tensor: bytes) -> bytes:
    return w.model(w.graph((5, tensor)))


def typed(kind: int, dims: tuple[int, ...], number: int, value: w.Value) -> bytes:
    """A tensor with data in the field of that number."""
    return w.tensor("w", dims, None, kind) + w.field(number, value)


@family(GATE, "more bytes than the shape makes", "its type and shape make 16|its shape makes")
def initialiser_too_long() -> list[bytes]:
    raw = [w.tensor("w", (2, 2), bytes(size)) for size in (17, 20, 4096)]
    return [with_initialiser(one) for one in [*raw, typed(7, (2,), 7, b"\1\2\3")]]


@family(GATE, "fewer bytes than the shape makes: the engine would read what lies behind them", "make")
def initialiser_too_short() -> list[bytes]:
    raw = [w.tensor("w", (2, 2), bytes(size)) for size in (0, 4, 15)]
    more = [w.tensor("w", (1_000_000_000,), b""), w.tensor("w", (4,), None), typed(1, (4,), 4, bytes(12))]
    return [with_initialiser(one) for one in [*raw, *more]]


@family(GATE, "dimensions whose product wraps around to what is there", "more elements than can be counted")
def dims_overflow() -> list[bytes]:
    shapes = ((1 << 32, 1 << 32), (1 << 62, 4), (3, 1 << 62, 2, 2), (1 << 61, 2, 2, 2, 2))
    return [with_initialiser(w.tensor("w", dims, bytes(4))) for dims in shapes]


@family(GATE, "negative dimensions", "negative")
def dims_negative() -> list[bytes]:
    return [with_initialiser(w.tensor("w", dims, bytes(4))) for dims in ((-1,), (-1, -4), (-(2**63),))]


@family(GATE, "a rank beyond any tensor", "more than 16 dimensions")
def rank_bomb() -> list[bytes]:
    packed = w.field(1, bytes([1]) * 1_000_000) + w.field(2, 1) + w.field(8, "w") + w.field(9, bytes(4))
    return [with_initialiser(w.tensor("w", (1,) * rank, bytes(4))) for rank in (17, 1000)] + [with_initialiser(packed)]


@family(GATE, "an input or output of such a rank", "more than 16 dimensions")
def rank_bomb_of_inputs() -> list[bytes]:
    value = w.value_info("z", shape=(1,) * 200)
    return [w.model(w.graph((11, value))), w.model(w.graph((12, w.value_info("x", shape=(1,) * 17))))]


@family(GATE, "an input with a negative size", "has the dimension -")
def input_with_negative_dims() -> list[bytes]:
    return [w.model(w.graph((11, w.value_info("z", shape=(size,))))) for size in (-2, -(2**63))]


@family(GATE, "data as raw bytes and as numbers: readers differ in which they take", "twice")
def data_raw_and_typed() -> list[bytes]:
    both = w.tensor("w") + w.field(4, bytes(16))
    also_external = w.tensor("w") + w.field(13, w.fields((1, "location"), (2, "m"))) + w.field(14, 1)
    return [with_initialiser(both), with_initialiser(also_external)]


@family(GATE, "numbers in the field of another type", "field of another element type")
def data_in_the_wrong_field() -> list[bytes]:
    wrong = [
        typed(1, (1,), 7, b"\1"),
        typed(7, (1,), 5, b"\1"),
        typed(11, (1,), 4, bytes(4)),
        typed(6, (1,), 11, b"\1"),
    ]
    return [with_initialiser(one) for one in [*wrong, typed(1, (1,), 6, "x")]]


@family(GATE, "element types that do not exist", "unknown element type")
def element_type_unknown() -> list[bytes]:
    return [with_initialiser(w.tensor("w", (1,), bytes(4), kind)) for kind in (0, 27, 99, 2**31 - 1)]


@family(GATE, "an element type that is float in 32 bits and another thing in 64", "none of those")
def element_type_wraps() -> list[bytes]:
    return [with_initialiser(w.tensor("w", (1,), bytes(4), kind)) for kind in ((1 << 32) + 1, -(2**63) + 1)]


@family(GATE, "texts whose count is not that of the shape, or which are raw", "texts")
def texts_that_do_not_fit() -> list[bytes]:
    two = w.tensor("w", (3,), None, 8) + w.field(6, "a") + w.field(6, "b")
    return [with_initialiser(two), with_initialiser(w.tensor("w", (1,), b"a", 8))]


def sparse(indices: bytes, dims: tuple[int, ...], values: int = 1) -> bytes:
    return w.fields((1, w.tensor("s", (values,), bytes(4 * values))), (2, indices)) + b"".join(
        w.field(3, dim) for dim in dims
    )


def at(*places: int) -> bytes:
    return w.tensor("i", (len(places),), None, w.INT64) + b"".join(w.field(7, place) for place in places)


@family(GATE, "sparse tensors that write outside themselves", "inside its shape")
def sparse_index_out_of_range() -> list[bytes]:
    bad = [sparse(at(4), (4,)), sparse(at(-1), (4,)), sparse(at(2**62), (4,)), sparse(at(3, 3), (4,), 2)]
    pair = w.tensor("i", (1, 2), None, w.INT64) + w.field(7, bytes([0, 9]))
    return [w.model(w.graph((15, one))) for one in [*bad, sparse(pair, (2, 2)), sparse(at(0), (4,), 2)]]


@family(GATE, "a sparse tensor of a few bytes that is terabytes when dense", "counted|over the limit")
def sparse_bomb() -> list[bytes]:
    out = []
    for dims in ((1 << 40,), (1 << 31, 1 << 31), (100_000, 100_000)):
        bomb = sparse(at(0), dims)
        constant = w.attribute("sparse_value", 11, (22, bomb))
        out.append(w.model(w.graph((15, bomb))))
        out.append(w.model(w.graph((1, w.node("Constant", (), ("c",), constant)))))
    return out


@family(GATE, "a sparse tensor without values, indices or shape", "needs values|no shape")
def sparse_in_part() -> list[bytes]:
    parts = [w.field(3, 4), w.fields((1, w.tensor("s", (1,), bytes(4))), (3, 4)), sparse(at(0), ())]
    return [
        w.model(w.graph((1, w.node("Constant", (), ("c",), w.attribute("sparse_value", 11, (22, p)))))) for p in parts
    ]


@family(GATE, "tensors of the wrong size wherever one may stand", "has 3 bytes of data")
def tensor_too_short_in_every_place() -> list[bytes]:
    bad = w.tensor("v", (4,), bytes(3))
    inner = w.fields((2, "g"), (5, bad))
    out = []
    for number, kind, value in ((5, 4, bad), (10, 9, bad), (6, 5, inner), (11, 10, inner)):
        holder = w.attribute("value", kind, (number, value))
        out.append(w.model(w.graph((1, w.node("Constant", (), ("c",), holder)))))
        out.append(w.model(w.graph(), (25, w.function("f", w.node("Constant", (), ("b",), holder)))))
    out.append(w.model(w.graph(), (20, w.field(1, inner))))
    return out


@family(GATE, "the same initialiser twice, or one without a name", "stands twice or has no name")
def initialiser_twice() -> list[bytes]:
    return [w.model(w.graph((5, w.tensor("w")), (5, w.tensor("w")))), with_initialiser(w.tensor(""))]


@family(GATE, "so many tensors that counting them is the work", "more than 100000 tensors", seconds=10.0)
def tensors_without_end() -> bytes:
    return w.model(w.graph(*((5, w.tensor(f"w{i}", (1,), bytes(4))) for i in range(100_001))))


@family(GATE, "numbers that take eight times their bytes when they are read", "over the limit", seconds=30.0, slow=True)
def typed_data_without_end() -> bytes:
    size = 300_000_000
    return with_initialiser(w.tensor("w", (size,), None, w.INT64) + w.field(7, bytes(size)))
