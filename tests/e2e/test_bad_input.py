"""What callers get wrong: each gets a clear error that names the way out, and nothing is lost."""

from __future__ import annotations

import blindai
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from . import models

X = np.arange(8, dtype=np.float32).reshape(2, 4)
pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")


@pytest.fixture
def client(service):
    with blindai.connect() as connection:
        yield connection


@pytest.fixture
def linear(client, tmp_path):
    client.upload_model(models.linear(tmp_path / "linear.onnx"))
    yield "linear"
    # Whatever a test did, the model still answers.
    assert np.allclose(client.predict("linear", X).output[0].as_numpy(), models.linear_result(X), atol=1e-5)
    client.delete_model("linear")


def test_a_wrong_api_key_is_refused(service, linear):
    from blindai import keys  # noqa: PLC0415

    with blindai.connect(api_key=keys.generate().text) as stranger, pytest.raises(blindai.AuthenticationError):
        stranger.predict(linear, X)


def test_a_key_that_is_none_is_refused_at_once(service):
    with pytest.raises(blindai.AuthenticationError, match="bk_"):
        blindai.connect(api_key="my key")


def test_a_missing_api_key_is_named(service, tmp_path):
    import tomllib  # noqa: PLC0415

    profile = tomllib.loads(service.profile.read_text())
    policy = service.profile.parent / profile["policy"]
    with (
        blindai.connect(profile["url"], policy=policy) as client,
        pytest.raises(blindai.AuthenticationError, match="api_key"),
    ):
        client.models()


def test_a_service_that_is_not_there_is_unavailable(service, unused_port):
    with pytest.raises(blindai.UnavailableError):
        blindai.connect(f"https://localhost:{unused_port}", timeout=5)


@pytest.fixture
def unused_port():
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), None, "5"])
def test_a_timeout_that_is_not_finite_is_refused(service, timeout):
    with pytest.raises(blindai.ConfigurationError, match="finite"):
        blindai.connect(timeout=timeout)


@pytest.mark.parametrize("url", ["http://localhost:1", "localhost:1", "https://localhost:1/path", "https://"])
def test_a_url_of_another_form_is_refused(service, url):
    with pytest.raises(blindai.ConfigurationError, match="https://host"):
        blindai.connect(url)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (X.astype(np.float64), "FP64"),
        (X.astype(np.int64), "INT64"),
        (X[:, :3], "4"),
        (X[0], "shape|rank|dimension"),
        ({"z": X}, "z"),
        ([X, X], "takes 1 inputs"),
    ],
    ids=["dtype", "integers", "shape", "rank", "name", "count"],
)
def test_a_wrong_input_is_named_with_what_the_model_wants(client, linear, inputs, says):
    with pytest.raises(blindai.InputError, match=says):
        client.predict(linear, inputs)


def test_text_is_carried_and_named_where_it_is_wrong(client, tmp_path):
    client.upload_model(models.identity(tmp_path / "words.onnx", TensorProto.STRING))
    words = np.array([[b"nul\0inside", b"", b"\xff\xfe"], ["\u00e9", "x" * 5000, b"\0"]], dtype=object)
    answer = client.predict("words", words).output[0]
    assert (answer.datatype, answer.shape) == ("BYTES", (2, 3))
    assert answer.as_flat() == [word.encode() if isinstance(word, str) else word for word in words.reshape(-1)]
    assert client.predict("words", np.empty((0, 3), dtype=object)).output[0].as_numpy().shape == (0, 3)
    with pytest.raises(blindai.InputError, match="BYTES"):
        client.predict("words", X)
    client.delete_model("words")


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(blindai.ModelNotFoundError):
        client.predict("nobody-knows", X)


@pytest.mark.parametrize("model_id", ["", "a b", "../x", "x" * 65, ".x", 7])
def test_an_id_of_another_form_is_refused(client, model_id):
    with pytest.raises(blindai.InputError, match="cannot be an id"):
        client.predict(model_id, X)


def ids_of(client):
    return {model["id"] for model in client.models()}


def test_a_file_that_is_not_there_names_the_near_match(client, tmp_path, monkeypatch):
    models.linear(tmp_path / "distilbert-base-uncased.onnx")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(blindai.ModelError, match=r"distilbert-base-uncased\.onnx"):
        client.upload_model("distilbert.onnx")


def test_an_empty_and_a_truncated_file_are_refused(client, tmp_path):
    whole = models.linear(tmp_path / "m.onnx").read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.onnx").write_bytes(whole[:size])
        with pytest.raises(blindai.ModelError):
            client.upload_model(tmp_path / "cut.onnx", "cut")
    assert "cut" not in ids_of(client)


def test_a_file_that_is_not_onnx_is_refused(client, tmp_path):
    (tmp_path / "cat.onnx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    with pytest.raises(blindai.ModelError, match="not an ONNX model"):
        client.upload_model(tmp_path / "cat.onnx")
    assert "cat" not in ids_of(client)


def test_an_operator_that_does_not_exist_is_named(client, tmp_path):
    graph = helper.make_graph(
        [helper.make_node("Frobnicate", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(tmp_path / "odd.onnx"))
    with pytest.raises(blindai.ModelError, match="Frobnicate"):
        client.upload_model(tmp_path / "odd.onnx")
    assert "odd" not in ids_of(client)


def test_a_missing_sidecar_is_named(client, tmp_path):
    path = models.linear(tmp_path / "m.onnx", columns=64, outputs=64)
    model = onnx.load(str(path))
    onnx.save_model(model, str(path), save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    (tmp_path / "m.onnx.data").unlink()
    with pytest.raises(blindai.ModelError, match=r"m\.onnx\.data"):
        client.upload_model(path)


def test_a_model_in_two_files_is_uploaded_whole(client, tmp_path):
    path = models.linear(tmp_path / "m.onnx", columns=64, outputs=64)
    model = onnx.load(str(path))
    onnx.save_model(model, str(path), save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    client.upload_model(path, "bundle")
    x = np.random.default_rng(1).random((2, 64), dtype=np.float32)
    answer = client.predict("bundle", x).output[0].as_numpy()
    assert np.allclose(answer, models.linear_result(x, 64), rtol=1e-5)
    client.delete_model("bundle")


def test_saving_is_refused_where_there_is_no_store(client, tmp_path):
    with pytest.raises(blindai.BlindAIError) as caught:
        client.upload_model(models.linear(tmp_path / "m.onnx"), "saved", save=True)
    assert caught.value.code == "unimplemented"
    assert "saved" not in ids_of(client)


def test_a_closed_connection_says_so(service):
    client = blindai.connect()
    client.close()
    client.close()
    with pytest.raises(blindai.BlindAIError, match="closed"):
        client.predict("m", X)
