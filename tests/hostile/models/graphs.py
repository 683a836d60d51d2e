"""Graphs that lead nowhere, in circles, or too far."""

from __future__ import annotations

from . import wire as w
from .family import Fate, family

GATE = Fate.GATE


def relu(source: str, target: str) -> tuple[int, bytes]:
    return 1, w.node("Relu", (source,), (target,))


def inner(*parts: tuple[int, w.Value], output: str) -> bytes:
    """The graph of a branch."""
    return w.fields(*parts, (2, "g"), (12, w.value_info(output)))


def branch(graph: bytes, output: str = "o") -> bytes:
    return w.node("If", ("x",), (output,), w.attribute("then_branch", 5, (6, graph)))


@family(GATE, "nodes that wait for each other", "reads 'b'")
def cyclic_names() -> list[bytes]:
    two = w.model(w.graph(relu("b", "a"), relu("a", "b")))
    ring = w.model(
        w.graph(
            (1, w.node("Relu", ("b",), ("n0",))), *(relu(f"n{i}", f"n{i + 1}") for i in range(50)), relu("n50", "b")
        )
    )
    return [two, ring]


@family(GATE, "a node that reads itself", "reads 'a'")
def cycle_of_one() -> bytes:
    return w.model(w.graph(relu("a", "a")))


@family(GATE, "values that nothing makes", "reads 'nobody'")
def missing_names() -> list[bytes]:
    in_branch = w.model(w.graph((1, branch(inner(relu("nobody", "b"), output="b")))))
    in_function = w.model(w.graph(), (25, w.function("f", w.node("Relu", ("nobody",), ("b",)))))
    return [w.model(w.graph(relu("nobody", "a"))), in_branch, in_function]


@family(GATE, "an output that nothing makes", "gives its output 'nobody'")
def missing_outputs() -> list[bytes]:
    in_branch = w.model(w.graph((1, branch(inner(relu("x", "b"), output="nobody")))))
    return [w.model(w.graph(output="nobody")), in_branch]


@family(GATE, "a value that two nodes make", "stands twice")
def duplicate_names() -> list[bytes]:
    as_input = w.model(w.graph(relu("x", "x")))
    as_weight = w.model(w.graph((5, w.tensor("w")), relu("x", "w")))
    hidden = w.model(w.graph(relu("x", "a"), (1, branch(inner(relu("x", "a"), output="a")))))
    return [w.model(w.graph(relu("x", "a"), relu("x", "a"))), as_input, as_weight, hidden]


@family(GATE, "an input or an output twice", "stands twice")
def duplicate_boundary() -> list[bytes]:
    return [w.model(w.graph((11, w.value_info("x")))), w.model(w.graph((12, w.value_info("y"))))]


@family(GATE, "nodes of the same name, attributes of the same name", "two nodes|stands twice")
def duplicate_nodes_and_attributes() -> list[bytes]:
    named = [(1, w.node("Relu", ("x",), (name,)) + w.field(3, "same")) for name in "ab"]
    ints = w.attribute("axes", 7, (8, 0))
    return [w.model(w.graph(*named)), w.model(w.graph((1, w.node("Relu", ("x",), ("a",), ints, ints))))]


def many(count: int) -> bytes:
    """So many nodes that give nothing, beside the one that gives y."""
    return w.model(w.graph() + w.field(1, w.node("Relu", ("x",), ("",))) * count)


@family(GATE, "a million nodes", "more than 200000 nodes", seconds=10.0)
def a_million_nodes() -> bytes:
    return many(1_000_000)


@family(GATE, "one node more than may be", "more than 200000 nodes", seconds=10.0)
def nodes_just_above_the_limit() -> bytes:
    return many(200_000)


def nested(depth: int) -> bytes:
    graph = inner(relu("x", "deepest"), output="deepest")
    for level in range(depth):
        graph = inner((1, branch(graph, f"o{level}")), output=f"o{level}")
    return w.model(w.graph((1, branch(graph))))


@family(GATE, "graphs in graphs in graphs: a reader that recurses runs out of stack", "nested deeper than 16")
def nested_subgraphs() -> list[bytes]:
    return [nested(depth) for depth in (15, 100, 3000)]


@family(GATE, "types in types", "nested too deep")
def nested_types() -> bytes:
    kind = w.field(1, w.field(1, 1))
    for _ in range(5000):
        kind = w.field(4, w.field(1, kind))
    return w.model(w.graph((13, w.field(1, "v") + w.field(2, kind))))


@family(GATE, "a message cut into millions of fields", "more than 20000000 fields", seconds=60.0, slow=True)
def fields_without_end() -> bytes:
    ints = w.field(1, "axes") + w.field(20, 7) + w.field(8, 1) * 20_000_001
    return w.model(w.graph((1, w.node("Relu", ("x",), ("a",), ints))))


@family(GATE, "more inputs or outputs than a request may carry", "more than 64 inputs or outputs")
def inputs_without_end() -> list[bytes]:
    inputs = w.model(w.graph(*((11, w.value_info(f"x{i}")) for i in range(64))))
    outputs = w.model(
        w.graph(
            *((1, w.node("Relu", ("x",), (f"y{i}",))) for i in range(64)),
            *((12, w.value_info(f"y{i}")) for i in range(64)),
        )
    )
    return [inputs, outputs]


@family(GATE, "inputs and outputs that are no tensors", "sequences, maps and optionals are not served")
def inputs_that_are_no_tensors() -> list[bytes]:
    tensor = w.field(1, w.field(1, 1))
    kinds = [w.field(4, w.field(1, tensor)), w.field(5, w.fields((1, 7), (2, tensor))), w.field(9, w.field(1, tensor))]
    return [w.model(w.graph((11, w.field(1, "z") + w.field(2, kind)))) for kind in kinds]


# Functions.


def calling(name: str, *functions: bytes) -> bytes:
    call = (1, w.node(name, ("x",), ("z",), domain="d"))
    return w.model(w.graph(call), (8, w.opset(1, "d")), *((25, one) for one in functions))


def calls(name: str, *callees: str) -> bytes:
    nodes = [w.node(callee, ("a",), (f"c{i}",), domain="d") for i, callee in enumerate(callees)]
    return w.function(name, *nodes, w.node("Relu", ("a",), ("b",)))


@family(GATE, "a function that calls itself", "calls itself")
def function_self_referencing() -> bytes:
    return calling("f", calls("f", "f"))


@family(GATE, "functions that call each other", "calls itself")
def functions_mutual() -> list[bytes]:
    ring = [calls(f"f{i}", f"f{(i + 1) % 40}") for i in range(40)]
    return [calling("f", calls("f", "g"), calls("g", "f")), calling("f0", *ring)]


@family(GATE, "functions that double at each step: 2^60 nodes of four kilobytes", "expand to more than 200000 nodes")
def functions_doubling() -> list[bytes]:
    return [
        calling("f0", *(calls(f"f{i}", *[f"f{i + 1}"] * width) for i in range(60)), calls("f60")) for width in (2, 10)
    ]


@family(GATE, "a function with a tensor of its own, called thousands of times", "bytes of tensors")
def functions_multiply_tensors() -> bytes:
    value = w.attribute("value", 4, (5, w.tensor("", (250_000,), bytes(1_000_000))))
    heavy = w.function("f", w.node("Constant", (), ("b",), value))
    nodes = [(1, w.node("f", ("x",), (f"z{i}",), domain="d")) for i in range(1000)]
    return w.model(w.graph(*nodes), (8, w.opset(1, "d")), (25, heavy))


@family(GATE, "a function twice", "stands twice")
def function_twice() -> bytes:
    return calling("f", calls("f"), calls("f"))


@family(GATE, "a function in the place of an operator", "operator of the engine")
def function_as_an_operator() -> list[bytes]:
    body = w.node("Abs", ("a",), ("b",))
    return [w.model(w.graph(), (25, w.function("Relu", body, domain=domain))) for domain in ("ai.onnx",)]


@family(GATE, "a function that reads the graph around it, or gives nothing", "reads 'x'|gives its output 'b'")
def function_reaching_outside() -> list[bytes]:
    outside = w.function("f", w.node("Relu", ("x",), ("b",)))
    nothing = w.function("f", w.node("Relu", ("a",), ("c",)))
    return [calling("f", outside), calling("f", nothing)]


@family(GATE, "a reference to an attribute of a function, where there is none", "stands in none")
def attribute_reference_outside_a_function() -> bytes:
    return w.model(
        w.graph((1, w.node("Relu", ("x",), ("a",), w.field(1, "alpha") + w.field(20, 1) + w.field(21, "p"))))
    )


# Operators.


@family(GATE, "operators that nobody has", "lacks operator")
def operators_unknown() -> list[bytes]:
    unknown = w.model(w.graph((1, w.node("Frobnicate", ("x",), ("z",)))))
    too_new = w.model(w.graph((1, w.node("Gelu", ("x",), ("z",)))))
    return [unknown, too_new, w.model(w.graph((1, w.node("", ("x",), ("z",)))))]


@family(GATE, "operators that load what the model does not hold, and the engine's own ones", "lacks operator|import")
def operators_of_the_engine_alone() -> list[bytes]:
    own = [
        ("EPContext", "com.microsoft"),
        ("Snpe", "com.microsoft"),
        ("Conv", "com.microsoft.nchwc"),
        ("PyOp", "ai.onnx.contrib"),
    ]
    return [
        w.model(w.graph((1, w.node(kind, ("x",), ("z",), domain=domain))), (8, w.opset(1, domain)))
        for kind, domain in own
    ]


@family(GATE, "a domain that the model does not import", "does not import")
def domain_not_imported() -> bytes:
    return w.model(w.graph((1, w.node("Scaler", ("x",), ("z",), domain="ai.onnx.ml"))))


@family(GATE, "operator sets of no version, of one that does not exist, and twice", "operator set")
def opset_versions() -> list[bytes]:
    return [w.model(w.graph(), version=version) for version in (0, 28, 1_000_000)] + [
        w.model(w.graph(), (8, w.opset(13))),
        w.model(w.graph(), (8, w.opset(13, "ai.onnx"))),
        w.model(w.graph(), *((8, w.opset(1, f"d{i}")) for i in range(64))),
    ]
