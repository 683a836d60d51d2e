"""V2's repository over HTTP: what each tenant sees of the models, and what only their owner does to them."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from urllib.parse import quote

import numpy as np
import pytest
from blindai import keys

from .conftest import Service
from .models import linear, linear_result

OWNER, STRANGER, CALLER = keys.generate(), keys.generate(), keys.generate()
X = np.arange(4, dtype=np.float32).reshape(1, 4)
BODY = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": X.tolist()}]})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A tenant that owns models, with a key that may only call; another that it shares with; and `demo`, a stranger."""
    tenants = [f"clinic:owner:{OWNER.id}:{OWNER.public_key}", f"clinic:caller:{CALLER.id}:{CALLER.public_key}"]
    tenants.append(f"lab:owner:{STRANGER.id}:{STRANGER.public_key}")
    arguments = ["--port", "0", "--auth", "proof", "bearer"]
    for tenant in tenants:
        arguments += ["--tenant", tenant]
    with Service(tmp_path_factory.mktemp("repository"), arguments) as service:
        yield service


@pytest.fixture
def call(server):
    line = next(line for line in server.profile.read_text().splitlines() if line.startswith("url"))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def request(method, target, body=None, key=OWNER.text):
        connection = http.client.HTTPSConnection("localhost", int(line.rpartition(":")[2].strip('"')), context=context)
        connection.request(method, target, body, {"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    return request


@pytest.fixture(autouse=True)
def model(call, tmp_path):
    data = linear(tmp_path / "linear.onnx").read_bytes()
    assert call("POST", "/blindai/v1/models?id=linear", data)[0] == 201
    assert call("PUT", "/blindai/v1/models/linear/shares/lab")[0] == 200


def infer(call, name="linear", key=OWNER.text):
    status, answer = call("POST", f"/v2/models/{quote(name, safe='')}/infer", BODY, key=key)
    if status == 200:
        np.testing.assert_allclose(np.float32([answer["outputs"][0]["data"]]), linear_result(X))
    return status


def counts(call, name="linear", key=OWNER.text):
    status, answer = call("GET", f"/v2/models/{quote(name, safe='')}/stats", key=key)
    assert status == 200, answer
    (model,) = answer["model_stats"]
    assert (model["name"], model["version"]) == (name, "1")
    return model


def index(call, body=None, key=OWNER.text):
    status, answer = call("POST", "/v2/repository/index", body, key=key)
    assert status == 200, answer
    return {model.pop("name"): model for model in answer}


def test_the_index_lists_own_and_shared_models(call, server):
    ready = {"version": "1", "state": "READY"}
    assert index(call) == {"linear": ready}
    assert index(call, key=CALLER.text) == {"linear": ready}
    assert index(call, key=STRANGER.text) == {"clinic/linear": ready}
    assert index(call, key=server.api_key) == {}


def test_an_unloaded_model_is_held_but_not_at_work(call, server):
    assert infer(call) == 200
    assert infer(call, "clinic/linear", STRANGER.text) == 200
    workers = len(server.worker_pids())
    assert call("POST", "/v2/repository/models/linear/unload") == (200, None)
    assert call("POST", "/v2/repository/models/linear/unload") == (200, None)
    end = time.monotonic() + 10
    while len(server.worker_pids()) > workers - 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(server.worker_pids()) == workers - 2
    unloaded = {"version": "1", "state": "UNAVAILABLE", "reason": "unloaded"}
    assert index(call) == {"linear": unloaded}
    assert index(call, '{"ready":true}') == {}
    assert index(call, '{"ready":false}', STRANGER.text) == {"clinic/linear": unloaded}
    for key, name in ((OWNER.text, "linear"), (STRANGER.text, "clinic/linear")):
        assert infer(call, name, key) == 404
        target = f"/v2/models/{quote(name, safe='')}"
        assert call("GET", target, key=key)[0] == 200
        assert call("GET", f"{target}/config", key=key)[0] == 200
        assert call("GET", f"{target}/ready", key=key)[0] == 400
    assert call("GET", "/blindai/v1/models/linear")[1]["state"] == "unloaded"
    assert call("POST", "/v2/repository/models/linear/load", "{}") == (200, None)
    assert infer(call) == 200
    assert infer(call, "clinic/linear", STRANGER.text) == 200
    assert index(call) == {"linear": {"version": "1", "state": "READY"}}


def test_an_upload_loads(call, tmp_path):
    assert call("POST", "/v2/repository/models/linear/unload")[0] == 200
    data = linear(tmp_path / "again.onnx").read_bytes()
    assert call("POST", "/blindai/v1/models?id=linear", data)[0] == 201
    assert infer(call) == 200


def test_only_the_owner_loads_and_unloads(call, server):
    for verb in ("load", "unload"):
        assert call("POST", f"/v2/repository/models/linear/{verb}", key=CALLER.text)[0] == 403
        assert call("POST", f"/v2/repository/models/clinic%2Flinear/{verb}", key=STRANGER.text)[0] == 404
        assert call("POST", f"/v2/repository/models/linear/{verb}", key=STRANGER.text)[0] == 404
        assert call("POST", f"/v2/repository/models/linear/{verb}", key=server.api_key)[0] == 404
        assert call("POST", f"/v2/repository/models/linear/{verb}", key=keys.generate().text)[0] == 401
    assert infer(call) == 200


@pytest.mark.parametrize(
    "name", ["..", "../../etc/passwd", "/etc/passwd", "linear/../linear", "linear.onnx", "./linear"]
)
def test_a_path_is_no_name(call, name):
    for target in ("/v2/repository/models/{}/load", "/v2/repository/models/{}/unload", "/v2/models/{}/config"):
        method = "GET" if "config" in target else "POST"
        status, answer = call(method, target.format(quote(name, safe="")))
        assert status == 404
        assert "no such file" not in answer["error"].lower()


@pytest.mark.parametrize(
    "parameters",
    [
        {"config": '{"backend":"python"}'},
        {"file:1/model.onnx": "AAAA"},
        {"config": "{}", "file:../../etc/passwd": "AAAA"},
        {"anything": True},
        {"unload_dependents": True},
    ],
)
def test_nothing_is_loaded_beside_a_model(call, parameters):
    status, answer = call("POST", "/v2/repository/models/linear/load", json.dumps({"parameters": parameters}))
    assert status == 400
    assert "uploaded" in answer["error"]
    assert infer(call) == 200


def test_what_a_client_sends_to_unload_is_taken(call):
    body = json.dumps({"parameters": {"unload_dependents": False}})
    assert call("POST", "/v2/repository/models/linear/unload", body) == (200, None)
    assert call("POST", "/v2/repository/models/linear/load", '{"parameters":{}}') == (200, None)
    assert call("POST", "/v2/repository/models/linear/unload", " " * 65_537)[0] == 413
    assert infer(call) == 200


def test_statistics_are_those_of_the_own_group(call):
    own, others = counts(call), counts(call, "clinic/linear", STRANGER.text)
    for _ in range(3):
        assert infer(call) == 200
    after = counts(call)
    assert after["inference_count"] - own["inference_count"] == 3
    assert counts(call, key=CALLER.text)["inference_count"] == after["inference_count"]
    assert counts(call, "clinic/linear", STRANGER.text) == others
    stages, before = after["inference_stats"], own["inference_stats"]
    for stage in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        assert stages[stage]["count"] - before[stage]["count"] == 3
    parts = sum(stages[s]["ns"] for s in ("queue", "compute_input", "compute_infer", "compute_output"))
    assert parts <= stages["success"]["ns"]
    assert abs(after["last_inference"] / 1000 - time.time()) < 60
    assert sum(batch["compute_infer"]["count"] for batch in after["batch_stats"]) == after["execution_count"]


def test_statistics_of_all_models_are_those_that_one_may_use(call, server):
    def names(key):
        status, answer = call("GET", "/v2/models/stats", key=key)
        assert status == 200
        return [model["name"] for model in answer["model_stats"]]

    assert names(OWNER.text) == ["linear"]
    assert names(STRANGER.text) == ["clinic/linear"]
    assert names(server.api_key) == []
    assert call("GET", "/v2/models/linear/stats", key=server.api_key)[0] == 404


def test_a_failure_is_counted(call):
    before = counts(call)["inference_stats"]["fail"]["count"]
    wrong = BODY.replace('"shape": [1, 4]', '"shape": [1, 3]').replace("[[0.0, ", "[[")
    assert call("POST", "/v2/models/linear/infer", wrong)[0] == 400
    assert counts(call)["inference_stats"]["fail"]["count"] == before + 1


def test_the_configuration_says_what_the_model_takes(call):
    status, config = call("GET", "/v2/models/linear/config")
    assert status == 200
    assert (config["name"], config["max_batch_size"]) == ("linear", 0)
    assert config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 4]}]
    assert config["output"] == [{"name": "y", "data_type": "TYPE_FP32", "dims": [-1, 3]}]


def test_the_server_names_what_it_offers(call):
    status, server = call("GET", "/v2")
    assert status == 200
    offered = ["binary_tensor_data", "model_configuration", "model_repository", "statistics"]
    assert server["extensions"] == offered
