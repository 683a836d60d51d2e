"""gRPC over the same port and the same TLS, as unmodified clients see it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import queue
import re
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import gevent.ssl
import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.http as triton_http
from onnx import TensorProto
from tritonclient.grpc import model_config_pb2, service_pb2
from tritonclient.grpc.service_pb2 import InferTensorContents, ModelInferRequest, ModelInferResponse
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from .conftest import Service
from .models import identity, linear, linear_result
from .test_service import loose_context, port_of

INFERENCE = "/inference.GRPCInferenceService/"


def plain(channel, path):
    """A method that takes and gives bytes."""
    return channel.unary_unary(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)


def field(number, data):
    """A field of bytes in a protocol buffer."""
    size, length = b"", len(data)
    while length >= 128:
        size, length = size + bytes([length % 128 + 128]), length // 128
    return bytes([number * 8 + 2]) + size + bytes([length]) + data


@pytest.fixture(scope="module")
def bearers(tmp_path_factory):
    """A service that takes bearer keys, and the file with its certificate."""
    with Service(tmp_path_factory.mktemp("grpc"), ["--port", "0", "--auth", "proof", "bearer"]) as service:
        pem = ssl.get_server_certificate(("localhost", port_of(service)))
        (service.home / "leaf.pem").write_text(pem)
        yield service


@pytest.fixture
def channel(bearers):
    credentials = grpc.ssl_channel_credentials((bearers.home / "leaf.pem").read_bytes())
    with grpc.secure_channel(f"localhost:{port_of(bearers)}", credentials) as channel:
        yield channel


@pytest.fixture
def client(bearers):
    with triton.InferenceServerClient(
        f"localhost:{port_of(bearers)}", ssl=True, root_certificates=str(bearers.home / "leaf.pem")
    ) as client:
        yield client


@pytest.fixture
def key(bearers):
    return {"authorization": f"Bearer {bearers.api_key}"}


def refused(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_health_is_open(channel, client):
    assert plain(channel, "/grpc.health.v1.Health/Check")(b"") == b"\x08\x01"
    assert plain(channel, "/grpc.health.v1.Health/Check")(field(1, b"inference.GRPCInferenceService")) == b"\x08\x01"
    code, _ = refused(lambda: plain(channel, "/grpc.health.v1.Health/Check")(field(1, b"other")))
    assert code is grpc.StatusCode.NOT_FOUND
    assert client.is_server_live()
    assert client.is_server_ready()


def watch(channel, service=b""):
    """The states of a server, as bytes, as they come."""
    call = channel.unary_stream(
        "/grpc.health.v1.Health/Watch", request_serializer=lambda b: b, response_deserializer=lambda b: b
    )
    return call(field(1, service) if service else b"", timeout=30)


def test_a_watch_tells_the_state_and_stays(channel):
    for service, state in ((b"", b"\x08\x01"), (b"inference.GRPCInferenceService", b"\x08\x01"), (b"x", b"\x08\x03")):
        states = watch(channel, service)
        assert next(states) == state
        assert states.is_active()
        states.cancel()
    assert plain(channel, "/grpc.health.v1.Health/Check")(b"") == b"\x08\x01"


def test_a_watch_ends_with_its_deadline(channel):
    call = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=0.5)
    assert next(call) == b"\x08\x01"
    assert refused(lambda: next(call))[0] is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(("service", "well"), [("", True), ("blindai.v1.Attestation", True), ("other", False)])
def test_grpc_clients_that_watch_health_themselves_take_the_server(bearers, service, well):
    """The C core, told to, sends calls only to a server whose Watch says SERVING."""
    config = {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": service}}
    credentials = grpc.ssl_channel_credentials((bearers.home / "leaf.pem").read_bytes())
    options = [("grpc.service_config", json.dumps(config))]
    with grpc.secure_channel(f"localhost:{port_of(bearers)}", credentials, options) as channel:
        call = plain(channel, INFERENCE + "ServerLive")
        if well:
            assert call(b"", timeout=10, wait_for_ready=True) == b"\x08\x01"
        else:
            assert refused(lambda: call(b"", timeout=10))[0] is grpc.StatusCode.UNAVAILABLE


def test_a_watch_hears_that_the_server_drains(tmp_path):
    with Service(tmp_path, ["--port", "0", "--auth", "proof", "bearer"]) as service:
        pem = ssl.get_server_certificate(("localhost", port_of(service)))
        with grpc.secure_channel(
            f"localhost:{port_of(service)}", grpc.ssl_channel_credentials(pem.encode())
        ) as channel:
            states = watch(channel)
            assert next(states) == b"\x08\x01"
            os.kill(service.server_pid(), signal.SIGTERM)
            assert list(states) == [b"\x08\x02"]
            assert states.code() is grpc.StatusCode.OK


def test_attest_gives_what_rest_gives(channel):
    request = {"nonce": base64.b64encode(os.urandom(32)).decode(), "fresh": True, "have": None}
    answer = plain(channel, "/blindai.v1.Attestation/Attest")(field(1, json.dumps(request).encode()))
    size = len(json.dumps(json.loads(answer[3:]), separators=(",", ":")))
    assert answer == field(1, answer[-size:])
    assert set(json.loads(answer[3:])) == {"keyset", "evidence", "collateral", "path", "session_signature"}
    code, says = refused(lambda: plain(channel, "/blindai.v1.Attestation/Attest")(field(1, b"{}")))
    assert (code, "nonce" in says) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_a_connection_attests_a_few_times(channel):
    request = {"nonce": base64.b64encode(os.urandom(32)).decode(), "fresh": False, "have": None}
    attest = plain(channel, "/blindai.v1.Attestation/Attest")
    for _ in range(16):
        attest(field(1, json.dumps(request).encode()))
    code, says = refused(lambda: attest(field(1, json.dumps(request).encode())))
    assert (code, "16 times" in says) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)


@pytest.mark.parametrize("method", ["ServerMetadata", "ModelInfer", "NoSuchMethod", "LogSettings"])
@pytest.mark.parametrize("header", [None, "Bearer bk_0123456789abcdef_", "BlindAI id=0123456789abcdef, proof=x", ""])
def test_all_else_needs_a_key(channel, method, header):
    metadata = [] if header is None else [("authorization", header)]
    code, says = refused(lambda: plain(channel, INFERENCE + method)(b"", metadata=metadata))
    assert (code, says) == (grpc.StatusCode.UNAUTHENTICATED, "the API key is missing or not accepted")


def test_the_server_tells_of_itself(client, key):
    metadata = client.get_server_metadata(headers=key)
    assert metadata.name == "blindai"
    assert metadata.version
    assert "binary_tensor_data" in metadata.extensions


def test_what_is_not_there_is_unimplemented(channel, key):
    for path in ("/other.Service/Method", "/", INFERENCE + "NoSuchMethod", INFERENCE + "LogSettings"):
        code, _ = refused(lambda path=path: plain(channel, path)(b"", metadata=list(key.items())))
        assert code is grpc.StatusCode.UNIMPLEMENTED


def test_who_offers_both_protocols_gets_http1(bearers):
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], "h2")):
        context = loose_context()
        context.set_alpn_protocols(offered)
        with (
            socket.create_connection(("localhost", port_of(bearers))) as plain_socket,
            context.wrap_socket(plain_socket) as tls,
        ):
            assert tls.selected_alpn_protocol() == chosen


# ------------------------------------------------------------------ inference


@pytest.fixture(scope="module")
def models(bearers, tmp_path_factory):
    """Uploaded over REST: gRPC has no method for that."""
    folder = tmp_path_factory.mktemp("models")
    files = {
        "linear": linear(folder / "linear.onnx"),
        "whole": identity(folder / "whole.onnx", TensorProto.INT64),
        "half": identity(folder / "half.onnx", TensorProto.FLOAT16),
        "truth": identity(folder / "truth.onnx", TensorProto.BOOL),
        "text": identity(folder / "text.onnx", TensorProto.STRING),
        "bytes": identity(folder / "bytes.onnx", TensorProto.UINT8),
    }
    for name, path in files.items():
        connection = http.client.HTTPSConnection("localhost", port_of(bearers), context=loose_context())
        headers = {"Authorization": f"Bearer {bearers.api_key}"}
        connection.request("POST", f"/blindai/v1/models?id={name}", path.read_bytes(), headers)
        assert connection.getresponse().status == 201
        connection.close()
    return files


def tensor(module, name, array, datatype=None, shape=None):
    made = module.InferInput(name, list(array.shape), datatype or np_to_triton_dtype(array.dtype))
    made.set_data_from_numpy(array)
    if shape is not None:
        made.set_shape(shape)
    return made


X = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.mark.usefixtures("models")
def test_inference_over_grpc(client, key):
    answer = client.infer("linear", [tensor(triton, "x", X)], request_id="r1", headers=key)
    np.testing.assert_allclose(answer.as_numpy("y"), linear_result(X))
    response = answer.get_response()
    assert (response.id, response.model_name, response.model_version) == ("r1", "linear", "1")
    assert not any(output.HasField("contents") for output in response.outputs)


def test_the_digest_is_told_and_pins(channel, models, key):
    infer = plain(channel, INFERENCE + "ModelInfer")
    request = ModelInferRequest(model_name="linear", raw_input_contents=[X.tobytes()])
    request.inputs.add(name="x", datatype="FP32", shape=X.shape)
    digest = "sha256:" + hashlib.sha256(models["linear"].read_bytes()).hexdigest()
    _, call = infer.with_call(request.SerializeToString(), metadata=[*key.items(), ("blindai-model-digest", digest)])
    assert dict(call.initial_metadata())["blindai-model-digest"] == digest
    for pin, code in (
        ("sha256:" + "0" * 64, grpc.StatusCode.ALREADY_EXISTS),
        ("0", grpc.StatusCode.INVALID_ARGUMENT),
    ):
        metadata = [*key.items(), ("blindai-model-digest", pin)]
        assert refused(lambda metadata=metadata: infer(request.SerializeToString(), metadata=metadata))[0] is code


@pytest.mark.usefixtures("models")
def test_typed_contents(channel, key):
    infer = plain(channel, INFERENCE + "ModelInfer")
    for model, datatype, contents, data in (
        ("whole", "INT64", {"int64_contents": [-(2**63), 2**63 - 1]}, np.array([-(2**63), 2**63 - 1]).tobytes()),
        ("truth", "BOOL", {"bool_contents": [True, False]}, b"\1\0"),
        ("bytes", "UINT8", {"uint_contents": [0, 255]}, b"\0\xff"),
        ("text", "BYTES", {"bytes_contents": [b"a\0\xff", b""]}, b"\3\0\0\0a\0\xff\0\0\0\0"),
    ):
        request = ModelInferRequest(model_name=model)
        request.inputs.add(name="x", datatype=datatype, shape=[1, 2], contents=InferTensorContents(**contents))
        answer = ModelInferResponse.FromString(infer(request.SerializeToString(), metadata=list(key.items())))
        assert list(answer.raw_output_contents) == [data]
        assert (answer.outputs[0].datatype, list(answer.outputs[0].shape)) == (datatype, [1, 2])


@pytest.mark.usefixtures("models")
def test_a_stream_answers_each_request_in_turn(client, key):
    done: queue.Queue[tuple[Any, Any]] = queue.Queue()
    client.start_stream(lambda result, error: done.put((result, error)), headers=key)
    for i in range(20):
        client.async_stream_infer("linear" if i % 5 else "other", [tensor(triton, "x", X + i)], request_id=str(i))
    for i in range(20):
        result, error = done.get(timeout=30)
        if i % 5 == 0:
            assert "other" in str(error)
        else:
            assert result.get_response().id == str(i)
            np.testing.assert_allclose(result.as_numpy("y"), linear_result(X + i), rtol=1e-6)
    client.stop_stream()


@pytest.mark.usefixtures("models")
def test_many_calls_at_once_on_one_connection(client, key):
    done: queue.Queue[tuple[int, Any, Any]] = queue.Queue()
    for i in range(200):
        client.async_infer(
            "linear",
            [tensor(triton, "x", X + i)],
            lambda result, error, i=i: done.put((i, result, error)),
            headers=key,
        )
    for _ in range(200):
        i, result, error = done.get(timeout=60)
        assert error is None
        np.testing.assert_allclose(result.as_numpy("y"), linear_result(X + i), rtol=1e-6)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("size", [1, 16 * 1024, 1_000_000, 40_000_000])
def test_tensors_of_any_size(client, key, size):
    want = np.random.default_rng(size).integers(0, 256, (1, size), np.uint8)
    for algorithm in (None, "gzip", "deflate"):
        got = client.infer("bytes", [tensor(triton, "x", want)], headers=key, compression_algorithm=algorithm)
        np.testing.assert_array_equal(got.as_numpy("y"), want)


# What both protocols are asked: the model, the tensors as (name, array, datatype, shape), and the rest of the call.
ASKED: dict[str, tuple[str, list[tuple[str, np.ndarray, str | None, list[int] | None]], dict[str, Any]]] = {
    "floats": ("linear", [("x", X, None, None)], {}),
    "an empty batch": ("linear", [("x", X[:0], None, None)], {}),
    "integers": ("whole", [("x", np.array([[2**63 - 1, -(2**63), 0]]), None, None)], {}),
    "halves": ("half", [("x", np.array([[1.5, -2, 65504]], np.float16), None, None)], {}),
    "truths": ("truth", [("x", np.array([[True, False]]), None, None)], {}),
    "texts": ("text", [("x", np.array([[b"", b"\xff\0"]], object), None, None)], {}),
    "version 1": ("linear", [("x", X, None, None)], {"model_version": "1"}),
    "parameters": ("linear", [("x", X, None, None)], {"timeout": 20_000_000, "parameters": {"colour": "red"}}),
    "no such model": ("nothing", [("x", X, None, None)], {}),
    "no such version": ("linear", [("x", X, None, None)], {"model_version": "2"}),
    "another rank": ("linear", [("x", X[0], None, None)], {}),
    "another dimension": ("linear", [("x", X[:, :3], None, None)], {}),
    "another datatype": ("linear", [("x", X.astype(np.int32), None, None)], {}),
    "another name": ("linear", [("z", X, None, None)], {}),
    "no input": ("linear", [], {}),
    "twice": ("linear", [("x", X, None, None), ("x", X, None, None)], {}),
    "one too many": ("linear", [("x", X, None, None), ("z", X, None, None)], {}),
    "too few bytes": ("linear", [("x", X, None, [3, 4])], {}),
    "too many bytes": ("linear", [("x", X, None, [1, 4])], {}),
    "a huge shape": ("linear", [("x", X, None, [2**62, 4])], {}),
    "a negative shape": ("linear", [("x", X, None, [-2, 4])], {}),
    "more texts than there are": ("text", [("x", np.array([[b"a"]], object), None, [1, 2])], {}),
    "a sequence": ("linear", [("x", X, None, None)], {"sequence_id": 7}),
    "another output": ("linear", [("x", X, None, None)], {"outputs": ["z"]}),
    "an output twice": ("linear", [("x", X, None, None)], {"outputs": ["y", "y"]}),
}
STATUS = {"400": "INVALID_ARGUMENT", "404": "NOT_FOUND"}


def outcome(module, client, key, asked):
    """The tensor that came back, or the status and the words of the refusal."""
    model, tensors, rest = asked
    rest = dict(rest)  # and the headers: the client adds to them
    outputs = [module.InferRequestedOutput(name) for name in rest.pop("outputs", [])] or None
    inputs = [tensor(module, *given) for given in tensors]
    try:
        return client.infer(model, inputs, outputs=outputs, headers=dict(key), **rest).as_numpy("y")
    except InferenceServerException as error:
        return error.status(), error.message()


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("asked", list(ASKED))
def test_rest_and_grpc_answer_alike(bearers, client, key, asked):
    with triton_http.InferenceServerClient(
        f"localhost:{port_of(bearers)}", ssl=True, insecure=True, ssl_context_factory=lambda **_: gevent_context()
    ) as web:
        over_rest = outcome(triton_http, web, key, ASKED[asked])
    over_grpc = outcome(triton, client, key, ASKED[asked])
    if isinstance(over_rest, tuple):
        assert isinstance(over_grpc, tuple), over_rest
        assert over_grpc[0] == "StatusCode." + STATUS[over_rest[0]]
        assert over_grpc[1] == over_rest[1].replace("binary data", "raw contents")
    else:
        assert over_grpc.dtype == over_rest.dtype
        np.testing.assert_array_equal(over_grpc, over_rest)


def gevent_context():
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_what_a_model_says_of_itself(client, models, key):
    metadata = client.get_model_metadata("linear", headers=key)
    assert (metadata.name, list(metadata.versions)) == ("linear", ["1"])
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [("x", "FP32", [-1, 4])]
    config = client.get_model_config("linear", headers=key).config
    assert (config.name, config.platform, config.backend) == ("linear", "onnxruntime_onnx", "onnxruntime")
    assert [(t.name, t.data_type, list(t.dims)) for t in config.output] == [("y", 11, [-1, 3])]
    assert config.instance_group[0].kind == 2
    assert client.is_model_ready("linear", headers=key)
    assert not client.is_model_ready("linear", "2", headers=key)
    assert not client.is_model_ready("other", headers=key)
    index = {m.name: (m.version, m.state) for m in client.get_model_repository_index(headers=key).models}
    assert index == dict.fromkeys(models, ("1", "READY"))


@pytest.mark.usefixtures("models")
def test_statistics_count_both_protocols(bearers, client, key):
    def counted():
        answer = client.get_inference_statistics("linear", headers=key)
        return answer.model_stats[0].inference_stats.success.count

    before = counted()
    client.infer("linear", [tensor(triton, "x", X)], headers=key)
    assert counted() == before + 1
    connection = http.client.HTTPSConnection("localhost", port_of(bearers), context=loose_context())
    connection.request("GET", "/v2/models/linear/stats", headers=key)
    over_rest = json.loads(connection.getresponse().read())["model_stats"][0]
    connection.close()
    assert over_rest["inference_stats"]["success"]["count"] == before + 1


def test_a_model_is_unloaded_and_loaded(client, models, key):
    assert "whole" in models
    client.unload_model("whole", headers=key)
    assert not client.is_model_ready("whole", headers=key)
    states = {m.name: m.state for m in client.get_model_repository_index(headers=key).models}
    assert states["whole"] == "UNAVAILABLE"
    client.load_model("whole", headers=key)
    assert client.is_model_ready("whole", headers=key)
    with pytest.raises(InferenceServerException, match="not taken"):
        client.load_model("whole", config="{}", headers=key)
    with pytest.raises(InferenceServerException, match="there is no model"):
        client.load_model("other", headers=key)


@pytest.mark.parametrize(
    "method", ["SystemSharedMemoryRegister", "CudaSharedMemoryStatus", "TraceSetting", "LogSettings"]
)
def test_what_is_refused_says_so(channel, key, method):
    code, says = refused(lambda: plain(channel, INFERENCE + method)(b"", metadata=list(key.items())))
    assert (code, says) == (grpc.StatusCode.UNIMPLEMENTED, "this extension is not offered")


def test_the_files_of_the_protocol_say_what_clients_say():
    """Field numbers of src/grpc/inference.proto, against those of tritonclient."""
    text = (Path(__file__).resolve().parents[2] / "src/grpc/inference.proto").read_text()
    checked = 0
    inside: list[Any] = []
    for line in text.splitlines():
        if opened := re.match(r" *message (\w+) \{", line):
            name = opened[1]
            outer = getattr(service_pb2, name, None) or getattr(model_config_pb2, name, None)
            inside.append(inside[-1].nested_types_by_name[name] if inside else outer.DESCRIPTOR)
        elif re.match(r" *(oneof|service|enum) .*\{$", line):
            inside.append(inside[-1] if inside else None)
        if field_line := re.match(r" *(?:repeated )?[\w<>, ]+ (\w+) = (\d+);", line):
            assert inside[-1].fields_by_name[field_line[1]].number == int(field_line[2]), line
            checked += 1
        if line.endswith("}") and inside:
            inside.pop()
    methods = re.findall(r"rpc (\w+)\((?:stream )?(\w+)\) returns \((?:stream )?(\w+)\)", text)
    service = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert methods == [(m.name, m.input_type.name, m.output_type.name) for m in service.methods][: len(methods)]
    assert checked > 80
