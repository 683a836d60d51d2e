"""Batches: inside one trust group they mix rows where a model wants that, and across groups never."""

from __future__ import annotations

import contextlib
import http.client
import json
import struct
import threading
import time
import urllib.request

import numpy as np
import pytest
from blindai import keys

from .conftest import START_SECONDS, Service
from .models import linear, sleeper, wide
from .test_service import loose_context, port_of

OWNER, VICTIM = keys.generate(), keys.generate()
CALLERS = 6  # of each tenant
REQUESTS = 40  # of each caller


class AnyIsolation(Service):
    """A service that the profile's own policy does not take where a worker serves all groups."""

    def wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError, StopIteration):
                connection = http.client.HTTPSConnection("localhost", port_of(self), context=loose_context())
                connection.request("GET", "/v2/health/ready")
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")


@pytest.fixture(scope="module", params=[("group", "group"), ("model", "group"), ("model", "proved")], ids="-".join)
def service(request, tmp_path_factory):
    """Two tenants; a worker for each of them, or one for both; or for both and with batches of both."""
    isolation, batch = request.param
    arguments = ["--port", "0", "--admin-port", "0", "--auth", "bearer", "proof"]
    arguments += ["--isolation", isolation, "--batch", batch]
    arguments += ["--tenant", f"owner:owner:{OWNER.id}:{OWNER.public_key}"]
    arguments += ["--tenant", f"victim:owner:{VICTIM.id}:{VICTIM.public_key}"]
    made = AnyIsolation(tmp_path_factory.mktemp("batches"), arguments)
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Caller:
    """One connection of a tenant."""

    def __init__(self, service: Service, key: keys.ApiKey) -> None:
        self.connection = http.client.HTTPSConnection("localhost", port_of(service), context=loose_context())
        self.headers = {"Authorization": f"Bearer {key.text}"}

    def ask(self, method, target, body=None, headers=None):
        self.connection.request(method, target, body, self.headers | (headers or {}))
        response = self.connection.getresponse()
        return response.status, response.read()

    def ask_json(self, method, target, body=None):
        status, text = self.ask(method, target, body)
        return status, json.loads(text)

    def infer(self, model, row):
        tensor = {"name": "x", "datatype": "FP32", "shape": [1, len(row)]}
        data = struct.pack(f"<{len(row)}f", *row)
        head = json.dumps(
            {
                "inputs": [tensor | {"parameters": {"binary_data_size": len(data)}}],
                "outputs": [{"name": "y", "parameters": {"binary_data": True}}],
            }
        ).encode()
        status, answer = self.ask(
            "POST", f"/v2/models/{model}/infer", head + data, {"Inference-Header-Content-Length": str(len(head))}
        )
        assert status == 200, answer
        return struct.unpack("<2f", answer[-8:])


def batches_of(caller, model):
    status, answer = caller.ask_json("GET", f"/v2/models/{model}/stats")
    assert status == 200, answer
    return {entry["batch_size"]: entry["compute_infer"]["count"] for entry in answer["model_stats"][0]["batch_stats"]}


def test_no_row_crosses_groups(service, tmp_path):
    owner = Caller(service, OWNER)
    status, answer = owner.ask_json(
        "POST", "/blindai/v1/models?id=sleeper", sleeper(tmp_path / "sleeper.onnx").read_bytes()
    )
    assert status == 201, answer
    assert answer["layout"]["batch_rows"], answer["layout"]  # its rows are kept apart, as far as the warm-up can see
    status, answer = owner.ask_json("PUT", "/blindai/v1/models/sleeper/shares/victim")
    assert status == 200, answer
    mixed: list[tuple[float, float]] = []
    problems: list[str] = []
    start = threading.Barrier(2 * CALLERS)

    def attack(number: int) -> None:
        caller = Caller(service, OWNER)
        start.wait()
        for i in range(REQUESTS):
            row = (200.0 if i % 3 == 0 else 50.0, number + i / 64)
            got = caller.infer("sleeper", row)
            if got != row:
                mixed.append(got)
            if got[0] < 0:
                problems.append(f"the owner of the model got {got}, which is its victim's")

    def work(number: int) -> None:
        caller = Caller(service, VICTIM)
        start.wait()
        for i in range(REQUESTS):
            row = (-1.0, number + i / 64)
            got = caller.infer("owner%2Fsleeper", row)
            if got != row:
                problems.append(f"the victim sent {row} and got {got}")

    threads = [threading.Thread(target=target, args=(i,)) for i in range(CALLERS) for target in (attack, work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    # That there is something to be kept apart from: the owner's own rows were mixed, in batches.
    assert mixed
    assert max(batches_of(owner, "sleeper")) > 1
    assert sum(batches_of(Caller(service, VICTIM), "owner%2Fsleeper").values()) > 0


def test_every_caller_gets_their_own_rows(service, tmp_path):
    """Of a model whose rows are proved apart: in batches of both groups, where those are configured."""
    owner = Caller(service, OWNER)
    status, answer = owner.ask_json("POST", "/blindai/v1/models?id=wide", wide(tmp_path / "wide.onnx").read_bytes())
    assert status == 201, answer
    assert answer["admission"]["batchable"]["proved"], answer["admission"]["batchable"]
    assert owner.ask("PUT", "/blindai/v1/models/wide/shares/victim")[0] == 200
    problems: list[str] = []
    start = threading.Barrier(2 * CALLERS)

    def work(key: keys.ApiKey, model: str, sign: float, number: int) -> None:
        caller = Caller(service, key)
        start.wait()
        for i in range(REQUESTS):
            row = (sign * (number + 1), i / 64)
            got = caller.infer(model, row)
            if not np.allclose(got, (row[0], row[1]), atol=1e-5):
                problems.append(f"{model} got {got} for {row}")

    threads = [
        threading.Thread(target=work, args=arguments)
        for i in range(CALLERS)
        for arguments in ((OWNER, "wide", 1.0, i), (VICTIM, "owner%2Fwide", -1.0, i))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_a_model_says_how_it_runs(service, tmp_path):
    owner = Caller(service, OWNER)
    assert owner.ask("POST", "/blindai/v1/models?id=linear", linear(tmp_path / "linear.onnx").read_bytes())[0] == 201
    status, answer = owner.ask_json("GET", "/blindai/v1/models/linear")
    assert status == 200
    layout = answer["layout"]
    assert layout["threads"] >= 1
    assert layout["runs"] >= 1
    assert layout["trials"]
    assert bool(layout["batch_rows"]) != ("not_batched_because" in layout)


def test_metrics_name_nobody(service):
    line = next(line for line in service.log.read_text().splitlines() if "admin_port=" in line)
    port = int(line.rpartition("admin_port=")[2])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = response.read().decode()
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert int(numbers["nv_inference_request_success"]) >= 2 * CALLERS * REQUESTS
    assert int(numbers["nv_inference_exec_count"]) < int(numbers["nv_inference_count"])
    assert int(numbers['blindai_workers{state="ready"}']) >= 1
    for word in ("sleeper", "linear", "victim", "owner", OWNER.id, VICTIM.id):
        assert word not in text
