"""The service as other clients see it: HTTP over TLS, tritonclient, the admin listener, and those who mean no good."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import time
import urllib.request

import blindai
import cbor2
import numpy as np
import pytest
import tritonclient.http as triton
from blindai import keys

from .conftest import Service
from .models import linear, linear_result

BAD_CONNECTIONS = 1000


def loose_context():
    """TLS without a look at the certificate, as a stock client against a simulated service."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def port_of(service):
    line = next(line for line in service.profile.read_text().splitlines() if line.startswith("url"))
    return int(line.rpartition(":")[2].strip('"'))


@pytest.fixture(scope="module")
def other():
    return keys.generate()


@pytest.fixture(scope="module")
def open_to_bearers(tmp_path_factory, other):
    """A service that takes bearer keys, small limits, and a second tenant."""
    tenant = f"clinic:owner:{other.id}:{other.public_key}"
    arguments = ["--port", "0", "--auth", "proof", "bearer", "--tenant", tenant, "--model-bytes", "200000"]
    with Service(tmp_path_factory.mktemp("bearer"), arguments) as service:
        yield service


@pytest.fixture
def call(open_to_bearers):
    """One request over a connection of its own: status, JSON, headers."""

    def request(method, target, body=None, headers=None, key=open_to_bearers.api_key):
        connection = http.client.HTTPSConnection("localhost", port_of(open_to_bearers), context=loose_context())
        headers = dict(headers or {}) | ({"Authorization": f"Bearer {key}"} if key else {})
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text or b"null"), response.headers

    return request


@pytest.fixture
def uploaded(call, tmp_path):
    data = linear(tmp_path / "linear.onnx").read_bytes()
    status, answer, _ = call("POST", "/blindai/v1/models?id=linear", data)
    assert status == 201, answer
    return data


def infer(call, data, shape=(1, 4), name="x", datatype="FP32", **options):
    tensor = {"name": name, "datatype": datatype, "shape": list(shape), "data": data}
    return call("POST", "/v2/models/linear/infer", json.dumps({"inputs": [tensor]}), **options)


def test_health_and_attest_are_open_and_nothing_else(call):
    assert call("GET", "/v2/health/live", key=None)[0] == 200
    assert call("GET", "/v2/health/ready", key=None)[0] == 200
    request = {"nonce": base64.b64encode(b"n" * 32).decode(), "fresh": True, "have": None}
    assert call("POST", "/blindai/v1/attest", json.dumps(request), key=None)[0] == 200
    for target in ("/v2", "/v2/models/linear", "/blindai/v1/models", "/blindai/v1/keys", "/blindai/v1/nothing"):
        assert call("GET", target, key=None)[0] == 401
        assert call("GET", target, key=keys.generate().text)[0] == 401


def test_a_nonce_of_zeros_is_refused(call):
    request = {"nonce": base64.b64encode(bytes(32)).decode(), "fresh": True, "have": None}
    assert call("POST", "/blindai/v1/attest", json.dumps(request), key=None)[0] == 400


def test_the_digest_of_an_upload_is_checked(call, tmp_path):
    data = linear(tmp_path / "m.onnx").read_bytes()
    right = base64.b64encode(hashlib.sha256(data).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    target = "/blindai/v1/models?id=checked"
    status, answer, _ = call("POST", target, data, {"Repr-Digest": f"sha-256=:{wrong}:"})
    assert (status, "digest" in answer["error"]) == (400, True)
    assert call("GET", "/blindai/v1/models/checked")[0] == 404
    assert call("POST", target, data, {"Repr-Digest": f"sha-256=:{right}:"})[0] == 201


def test_a_model_over_the_limit_is_refused_before_it_is_read(call):
    status, answer, _ = call("POST", "/blindai/v1/models?id=big", bytes(200_001))
    assert status == 413
    assert "200000" in answer["error"]


def test_inference_in_json(call, uploaded):
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    status, answer, headers = infer(call, x.tolist(), shape=(2, 4))
    assert status == 200
    got = np.array(answer["outputs"][0]["data"], np.float32).reshape(answer["outputs"][0]["shape"])
    np.testing.assert_allclose(got, linear_result(x))
    assert headers["Blindai-Model-Digest"] == "sha256:" + hashlib.sha256(uploaded).hexdigest()


@pytest.mark.usefixtures("uploaded")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"data": [1, 2, 3]}, "3 elements"),
        ({"data": [1, 2, 3, 4], "shape": (4,)}, "the model wants [-1, 4]"),
        ({"data": [1, 2, 3, 4], "name": "y"}, "has no input 'y'"),
        ({"data": [1, 2, 3, 4], "datatype": "INT64"}, "the model wants FP32"),
        ({"data": [1, 2, float("nan"), 4]}, "JSON"),
        ({"data": [1, 2, "3", 4]}, "element 2"),
    ],
)
def test_a_wrong_input_is_named(call, options, says):
    status, answer, _ = infer(call, **options)
    assert status == 400
    assert says in answer["error"]


def test_a_file_of_a_bundle_that_was_damaged_is_named(call, tmp_path):
    model = linear(tmp_path / "m.onnx").read_bytes()
    for content, wanted in ((model, 201), (model[:-1] + bytes([model[-1] ^ 1]), 400)):
        files = [["m.onnx", len(model), hashlib.sha256(model).digest()]]
        head = cbor2.dumps({"ctx": "blindai model v1", "files": files}, canonical=True)
        body = len(head).to_bytes(4, "big") + head + content
        headers = {"Content-Type": "application/vnd.blindai.bundle"}
        status, answer, _ = call("POST", "/blindai/v1/models?id=bundled", body, headers)
        assert status == wanted, answer
    assert "'m.onnx'" in answer["error"]
    assert "digest" in answer["error"]


@pytest.mark.usefixtures("uploaded")
def test_a_pin_to_another_digest_is_refused(call):
    status, _, _ = infer(call, [1, 2, 3, 4], headers={"Blindai-Model-Digest": "sha256:" + "ab" * 32})
    assert status == 409


@pytest.mark.usefixtures("uploaded")
def test_tritonclient_works_unmodified(open_to_bearers):
    client = triton.InferenceServerClient(
        f"localhost:{port_of(open_to_bearers)}", ssl=True, ssl_context_factory=loose_context, insecure=True
    )
    headers = {"Authorization": f"Bearer {open_to_bearers.api_key}"}
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("linear", headers=headers)
    assert client.get_model_metadata("linear", headers=headers)["inputs"][0]["shape"] == [-1, 4]
    x = np.arange(4, dtype=np.float32).reshape(1, 4)
    for binary in (True, False):
        tensor = triton.InferInput("x", list(x.shape), "FP32")
        tensor.set_data_from_numpy(x, binary_data=binary)
        output = triton.InferRequestedOutput("y", binary_data=binary)
        result = client.infer("linear", [tensor], outputs=[output], request_id="7", headers=dict(headers))
        np.testing.assert_allclose(result.as_numpy("y"), linear_result(x))
        assert result.get_response()["id"] == "7"
    with pytest.raises(triton.InferenceServerException, match="no model 'nothing'"):
        client.get_model_metadata("nothing", headers=headers)


@pytest.mark.usefixtures("uploaded")
def test_a_model_is_shared_and_no_longer(call, other):
    def use():
        return call("GET", "/v2/models/demo%2Flinear", key=other.text)[:2]

    refusal = use()
    for unknown in ("demo/nothing", "nobody/linear"):
        status, document, _ = call("GET", "/v2/models/" + unknown.replace("/", "%2F"), key=other.text)
        alike = {"error": document["error"].replace(unknown, "demo/linear")}
        assert refusal == (status, alike), "but for the name that was asked for"
    assert call("PUT", "/blindai/v1/models/linear/shares/clinic")[0] == 200
    assert use()[0] == 200
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [0, 0, 0, 0]}
    body = json.dumps({"inputs": [tensor]})
    assert call("POST", "/v2/models/demo%2Flinear/infer", body, key=other.text)[0] == 200
    assert call("DELETE", "/blindai/v1/models/demo%2Flinear", key=other.text)[0] == 404
    assert call("DELETE", "/blindai/v1/models/linear/shares/clinic")[0] == 200
    assert use() == refusal


def test_keys_are_made_listed_and_removed(call, open_to_bearers):
    key = keys.generate()
    record = {"id": key.id, "public_key": key.public_key, "role": "caller"}
    assert call("POST", "/blindai/v1/keys", json.dumps(record))[0] == 201
    assert call("GET", "/blindai/v1/models", key=key.text)[0] == 200
    assert call("GET", "/blindai/v1/keys", key=key.text)[0] == 403
    assert call("POST", "/blindai/v1/models?id=mine", b"x", key=key.text)[0] == 403
    assert key.id in {listed["id"] for listed in call("GET", "/blindai/v1/keys")[1]["keys"]}
    assert call("DELETE", f"/blindai/v1/keys/{key.id}")[0] == 200
    assert call("GET", "/blindai/v1/models", key=key.text)[0] == 401
    own = keys.parse(open_to_bearers.api_key).id
    assert call("DELETE", f"/blindai/v1/keys/{own}")[0] == 409


def test_the_admin_listener_tells_health(own_service):
    line = next(line for line in own_service.log.read_text().splitlines() if "admin: http" in line)
    url = line.partition("admin: ")[2].split()[0]
    for path in ("/health/live", "/health/ready"):
        assert urllib.request.urlopen(url + path).status == 200


def test_sigterm_drains(own_service):
    assert own_service.process is not None
    own_service.process.send_signal(signal.SIGTERM)
    assert own_service.process.wait(20) == 0
    assert "stopped" in own_service.log.read_text()


def test_older_tls_is_refused(service):
    context = loose_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError), socket.create_connection(("localhost", port_of(service)), 5) as plain:
        context.wrap_socket(plain)


def test_no_session_can_be_resumed(service):
    with socket.create_connection(("localhost", port_of(service)), 5) as plain:
        tls = loose_context().wrap_socket(plain)
        tls.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert tls.recv(100).startswith(b"HTTP/1.1 200")
        assert tls.session is None or not tls.session.has_ticket


def test_bad_connections_do_not_disturb_a_good_client(service, tmp_path):
    """1 000 of them: silent, garbage, half a handshake, half a request after a whole one, while a client works on."""
    port = port_of(service)
    x = np.ones((1, 4), np.float32)
    held = []
    with blindai.connect() as client:
        client.upload_model(linear(tmp_path / "linear.onnx"), "steady")
        try:
            for number in range(BAD_CONNECTIONS):
                bad = socket.create_connection(("127.0.0.1", port), 5)
                if number % 4 == 1:
                    bad.sendall(os.urandom(200))
                elif number % 4 == 2:
                    with contextlib.suppress(OSError):  # the oldest of those without a key is dropped
                        bad = loose_context().wrap_socket(bad)
                        bad.sendall(b"POST /blindai/v1/attest HTTP/1.1\r\nHost: x\r\nContent-Le")
                elif number % 4 == 3:
                    bad.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
                held.append(bad)
                if number % 50 == 0:
                    begin = time.monotonic()
                    np.testing.assert_allclose(client.predict("steady", x).output[0].as_numpy(), linear_result(x))
                    assert time.monotonic() - begin < 5
        finally:
            for bad in held:
                bad.close()
        client.delete_model("steady")
    with blindai.connect() as client:  # and new ones come in
        assert client.report.accepted
