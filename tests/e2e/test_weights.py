"""Weights packed or in place: who chooses, what is shown, and that the choice outlives workers."""

from __future__ import annotations

import json
import os
import signal

import blindai
import numpy as np
import pytest
from blindai import keys

from . import models
from .conftest import Service
from .test_supervision import Asker, eventually

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")
LAB = keys.generate()
MEBI = 1 << 20
COLUMNS, OUTPUTS = 1500, 4000  # 24 MB
X = np.random.default_rng(0).standard_normal((3, COLUMNS)).astype(np.float32)
BODY = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": list(X.shape), "data": [float(x) for x in X.reshape(-1)]}]
}


@pytest.fixture
def server(tmp_path, monkeypatch):
    home = tmp_path / "service"
    home.mkdir()
    arguments = ["--port", "0", "--auth", "proof", "bearer"]
    service = Service(home, [*arguments, "--tenant", f"lab:owner:{LAB.id}:{LAB.public_key}"])
    service.use(monkeypatch)
    with service:
        yield service


def answer(client, name):
    return client.predict(name, X).output[0].as_numpy()


def test_the_owners_choice_is_shown_and_kept(server, tmp_path):
    path = models.linear(tmp_path / "m.onnx", columns=COLUMNS, outputs=OUTPUTS)
    with blindai.connect() as client:
        answers = {}
        for weights in ("packed", "in-place"):
            uploaded = client.upload_model(path, weights, weights=weights)
            assert (uploaded.document["weights"], uploaded.document["weights_because"]) == (
                weights,
                "its owner asked for it",
            )
            answers[weights] = answer(client, weights)
        scale = np.abs(answers["packed"]).max()
        np.testing.assert_allclose(answers["in-place"] / scale, answers["packed"] / scale, atol=1e-5)
        own = {name: client.model(name)["worker_memory"]["own_bytes"] for name in answers}
        assert own["in-place"] < own["packed"], "a copy is a copy"

        client.share_model("in-place", "lab")
        status, shared, _ = Asker(server, LAB).infer("demo/in-place", BODY)
        assert status == 200, shared
        np.testing.assert_array_equal(np.float32(shared["outputs"][0]["data"]), answers["in-place"].reshape(-1))

        before = {name: client.model(name)["restarts"] for name in answers}
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: all(client.model(name)["restarts"] > before[name] for name in answers))
        eventually(lambda: all(client.model(name)["state"] == "ready" for name in answers))
        for name, wanted in answers.items():
            assert client.model(name)["weights"] == name
            np.testing.assert_array_equal(answer(client, name), wanted)
        assert client.model("in-place")["worker_memory"]["own_bytes"] < own["packed"]

        client.request("POST", "/v2/repository/models/in-place/unload", {})
        assert client.model("in-place")["weights"] == "in-place"
        client.request("POST", "/v2/repository/models/in-place/load", {})
        np.testing.assert_array_equal(answer(client, "in-place"), answers["in-place"])


def test_where_nobody_says_the_server_chooses_and_says_why(server, tmp_path):
    with blindai.connect() as client:
        small = client.upload_model(models.linear(tmp_path / "small.onnx"), "small").document
        assert (small["weights"], small["weights_because"]) == ("packed", "the weights are small")
        path = models.linear(tmp_path / "m.onnx", columns=COLUMNS, outputs=OUTPUTS)
        large = client.upload_model(path, "large").document
        if large["weights_because"] == "in place, a request in a batch would not get the bits that it gets alone":
            assert large["weights"] == "packed"
        else:
            gains = large["weights"] == "packed"
            verb = "measured" if gains else "not measured"
            assert large["weights_because"] == f"a run on packed weights was {verb} to be faster"
            assert large["layout"]["weights_tried"]["in_place_microseconds"] > 0
        with pytest.raises(blindai.InputError, match="'in-place', not 'both'"):
            client.upload_model(path, "large", weights="both")
    status, refused, _ = Asker(server, LAB).ask("POST", "/blindai/v1/models?id=m&weights=both", path.read_bytes())
    assert (status, refused["error"]) == (400, "'weights' must be auto, packed or in-place")


def test_weights_are_in_place_where_a_copy_does_not_fit(tmp_path, monkeypatch):
    home = tmp_path / "service"
    home.mkdir()
    service = Service(home, ["--port", "0", "--memory-bytes", str(110 * MEBI)])
    service.use(monkeypatch)
    path = models.linear(tmp_path / "m.onnx", columns=4000, outputs=2500)  # 40 MB
    with service, blindai.connect() as client:
        document = client.upload_model(path, "m").document
        assert document["weights"] == "in-place"
        assert "does not fit" in document["weights_because"]
        client.delete_model("m")
        eventually(lambda: not service.worker_pids())
        with pytest.raises(blindai.QuotaError, match="MiB of memory"):
            client.upload_model(path, "m", weights="packed")


def test_the_servers_choice_is_for_those_who_do_not_say(tmp_path, monkeypatch):
    home = tmp_path / "service"
    home.mkdir()
    service = Service(home, ["--port", "0", "--weights", "in-place"])
    service.use(monkeypatch)
    path = models.linear(tmp_path / "m.onnx")
    with service, blindai.connect() as client:
        document = client.upload_model(path, "m").document
        assert (document["weights"], document["weights_because"]) == ("in-place", "the server is configured so")
        assert client.upload_model(path, "n", weights="packed").document["weights"] == "packed"
        assert json.dumps(client.models()).count('"weights"') == 2
