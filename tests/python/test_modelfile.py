"""The files that make up a model on disk."""

from __future__ import annotations

import os

import numpy as np
import pytest
from blindai.errors import ModelError
from blindai.modelfile import MAX_DEPTH, MAX_FILES, find_model_files

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def external(name, location):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "16"}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def model(initializers=(), nodes=None, functions=()):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    nodes = nodes if nodes is not None else [helper.make_node("Identity", ["x"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y], list(initializers))
    return helper.make_model(graph, functions=list(functions), opset_imports=[helper.make_opsetid("", 17)])


def write(path, proto):
    path.write_bytes(proto.SerializeToString())
    return path


def names(path):
    return [file.name for file in find_model_files(path)]


def test_a_model_in_one_file_is_one_file(tmp_path):
    weights = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    path = write(tmp_path / "m.onnx", model([weights]))
    (file,) = find_model_files(path)
    assert (file.name, file.path, file.size) == ("m.onnx", path, path.stat().st_size)


def test_what_torch_exports_by_default_is_found(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    path = tmp_path / "m.onnx"
    torch.onnx.export(torch.nn.Linear(64, 64).eval(), (torch.zeros(1, 64),), path, dynamo=True, verbose=False)
    assert names(path) == ["m.onnx", "m.onnx.data"]


def test_sidecars_come_by_name_and_once(tmp_path):
    for name in ("b.bin", "a.bin"):
        (tmp_path / name).write_bytes(bytes(16))
    proto = model([external("1", "b.bin"), external("2", "a.bin"), external("3", "b.bin")])
    assert names(write(tmp_path / "m.onnx", proto)) == ["m.onnx", "a.bin", "b.bin"]


def test_a_sidecar_in_a_folder_below_is_found(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w").write_bytes(bytes(16))
    assert names(write(tmp_path / "m.onnx", model([external("w", "weights/w")])))[1] == "weights/w"


@pytest.mark.parametrize("where", ["attribute", "attribute list", "subgraph", "function", "sparse"])
def test_references_are_found_wherever_a_tensor_may_stand(tmp_path, where):
    (tmp_path / "w.bin").write_bytes(bytes(16))
    tensor = external("w", "w.bin")
    constant = helper.make_node("Constant", [], ["y"], value=tensor)
    if where == "attribute":
        proto = model(nodes=[constant])
    elif where == "attribute list":
        attribute = onnx.AttributeProto(name="t", type=onnx.AttributeProto.TENSORS)
        attribute.tensors.append(tensor)
        node = helper.make_node("Identity", ["x"], ["y"])
        node.attribute.append(attribute)
        proto = model(nodes=[node])
    elif where == "subgraph":
        inner = helper.make_graph([constant], "inner", [], [])
        proto = model(nodes=[helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)])
    elif where == "function":
        function = helper.make_function("d", "F", [], ["y"], [constant], [helper.make_opsetid("", 17)])
        proto = model(functions=[function])
    else:
        sparse = onnx.SparseTensorProto()
        sparse.values.CopyFrom(tensor)
        proto = model()
        proto.graph.sparse_initializer.append(sparse)
    assert names(write(tmp_path / "m.onnx", proto)) == ["m.onnx", "w.bin"]


def test_an_entry_of_a_tensor_that_is_not_external_is_no_reference(tmp_path):
    tensor = external("w", "gone.bin")
    tensor.data_location = TensorProto.DEFAULT
    assert names(write(tmp_path / "m.onnx", model([tensor]))) == ["m.onnx"]


def test_a_missing_sidecar_is_named_with_the_way_out(tmp_path):
    path = write(tmp_path / "m.onnx", model([external("w", "m.onnx.data")]))
    with pytest.raises(ModelError, match=r'"m\.onnx\.data".*same folder.*external_data=False'):
        find_model_files(path)


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../secret", "a/../../secret", "..", "", "..\\secret", "a\0b", "."]
)
def test_a_reference_out_of_the_folder_is_refused_though_the_file_exists(tmp_path, location):
    (tmp_path / "secret").write_bytes(bytes(16))
    folder = tmp_path / "models" / "a"
    folder.mkdir(parents=True)
    path = write(folder / "m.onnx", model([external("w", location)]))
    with pytest.raises(ModelError, match="outside its folder"):
        find_model_files(path)


def test_a_model_that_names_itself_is_refused(tmp_path):
    path = write(tmp_path / "m.onnx", model([external("w", "m.onnx")]))
    with pytest.raises(ModelError, match="itself"):
        find_model_files(path)


def test_a_file_not_found_names_the_near_match(tmp_path):
    (tmp_path / "distilbert-base-uncased.onnx").write_bytes(b"x")
    (tmp_path / "resnet.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match=r'not found.*did you mean ".*distilbert-base-uncased\.onnx"') as caught:
        find_model_files(tmp_path / "distilbert.onnx")
    assert caught.value.code == "not_found"


def test_nothing_alike_is_named_where_nothing_is(tmp_path):
    with pytest.raises(ModelError) as caught:
        find_model_files(tmp_path / "distilbert.onnx")
    assert "did you mean" not in str(caught.value)


def test_an_empty_file_a_folder_and_a_pipe_are_refused(tmp_path):
    (tmp_path / "e.onnx").touch()
    with pytest.raises(ModelError, match="empty"):
        find_model_files(tmp_path / "e.onnx")
    with pytest.raises(ModelError, match="folder"):
        find_model_files(tmp_path)
    os.mkfifo(tmp_path / "p.onnx")
    with pytest.raises(ModelError, match="regular"):
        find_model_files(tmp_path / "p.onnx")


def test_a_model_cut_off_anywhere_is_refused(tmp_path):
    whole = model([numpy_helper.from_array(np.ones(64, np.float32), "w")]).SerializeToString()
    path = tmp_path / "m.onnx"
    refused = 0
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        try:
            find_model_files(path)
        except ModelError:
            refused += 1
    # Cut between two top-level fields after the graph, the rest is still a model.
    assert refused >= len(whole) - 4


@pytest.mark.parametrize("junk", [b"hello, I am no model\n", b"\x00" * 64, b"\xff" * 64, b"PK\x03\x04" * 8, b"{}"])
def test_what_is_not_onnx_is_refused(tmp_path, junk):
    path = tmp_path / "m.onnx"
    path.write_bytes(junk)
    with pytest.raises(ModelError, match="not an ONNX model"):
        find_model_files(path)


def nested(depth):
    def field(number, body):
        length = len(body)
        out = bytes([number << 3 | 2])
        while length >= 0x80:
            out += bytes([length & 0x7F | 0x80])
            length >>= 7
        return out + bytes([length]) + body

    body = b""
    for _ in range(depth):
        body = field(1, field(5, field(6, body)))  # graph.node.attribute.graph
    return field(7, body)


def test_depth_is_limited(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(nested(MAX_DEPTH // 3 - 1))
    assert names(path) == ["m.onnx"]
    for depth in (MAX_DEPTH // 3 + 1, 300):
        path.write_bytes(nested(depth))
        with pytest.raises(ModelError, match="too deep"):
            find_model_files(path)


def test_the_count_of_files_is_limited(tmp_path):
    path = tmp_path / "m.onnx"
    write(path, model([external(str(i), f"w{i}") for i in range(MAX_FILES + 1)]))
    with pytest.raises(ModelError, match="refers to more than"):
        find_model_files(path)
    write(path, model([external(str(i), f"w{i}") for i in range(MAX_FILES)]))
    with pytest.raises(ModelError, match="not beside it"):
        find_model_files(path)
