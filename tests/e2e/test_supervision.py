"""Workers die under load: who notices, who is told why, and when a model is not started again."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from blindai import keys
from blindai.cli.serve import find_server

from . import models
from .conftest import Service
from .test_service import loose_context, port_of

OWNER, CALLER, LAB = keys.generate(), keys.generate(), keys.generate()
LINEAR = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [0, 1, 2, 3]}]}
LINEAR_ANSWER = models.linear_result(np.arange(4, dtype=np.float32).reshape(1, 4)).reshape(-1).tolist()
RUN_SECONDS = 4  # a run that takes longer is a hang


def counting(steps):
    return {
        "inputs": [
            {"name": "count", "datatype": "INT64", "shape": [], "data": [steps]},
            {"name": "x", "datatype": "FP32", "shape": [1], "data": [0]},
        ]
    }


@pytest.fixture
def server(tmp_path):
    """A tenant that owns models, with a key that may only call, and another tenant that it shares with."""
    arguments = ["--port", "0", "--auth", "proof", "bearer", "--run-ms", str(RUN_SECONDS * 1000), "--threads", "1"]
    for tenant, role, key in (("clinic", "owner", OWNER), ("clinic", "caller", CALLER), ("lab", "owner", LAB)):
        arguments += ["--tenant", f"{tenant}:{role}:{key.id}:{key.public_key}"]
    home = tmp_path / "service"
    home.mkdir()
    service = Service(home, arguments)
    service.segfaults = True
    with service:
        yield service


class Asker:
    """One connection with one key."""

    def __init__(self, service: Service, key: keys.ApiKey) -> None:
        self.connection = http.client.HTTPSConnection("localhost", port_of(service), context=loose_context())
        self.headers = {"Authorization": f"Bearer {key.text}"}

    def ask(self, method, target, body=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request(method, target, data, self.headers)
        response = self.connection.getresponse()
        answer = json.loads(response.read() or b"null")
        return response.status, answer, response.getheader("Retry-After")

    def infer(self, name, body):
        return self.ask("POST", f"/v2/models/{name.replace('/', '%2F')}/infer", body)

    def upload(self, path, name):
        status, answer, _ = self.ask("POST", f"/blindai/v1/models?id={name}", path.read_bytes())
        assert status == 201, answer
        status, answer, _ = self.ask("PUT", f"/blindai/v1/models/{name}/shares/lab")
        assert status == 200, answer


def eventually(condition, seconds=20, pause=0.05):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(pause)


class Stream(threading.Thread):
    """Asks again and again, and keeps what came and how long it took."""

    def __init__(self, service, key, name, end):
        super().__init__()
        self.asker, self.name_, self.end = Asker(service, key), name, end
        self.seen: list[tuple[int, object, float]] = []
        self.wrong: BaseException | None = None

    def run(self):
        try:
            while time.monotonic() < self.end:
                begun = time.monotonic()
                status, answer, _ = self.asker.infer(self.name_, LINEAR)
                self.seen.append((status, answer, time.monotonic() - begun))
                time.sleep(0 if status == 200 else 0.02)
        except BaseException as error:
            self.wrong = error


def check_answers(calm, harmed):
    """Those of a killed worker were told so and why, and nobody else noticed."""
    for stream in calm:
        assert len(stream.seen) > 20
        assert {status for status, _, _ in stream.seen} == {200}
    told = [answer["error"] for stream in harmed for status, answer, _ in stream.seen if status != 200]
    assert {status for stream in harmed for status, _, _ in stream.seen} == {200, 503}
    assert any("worker ended while it ran this request" in words for words in told), set(told)
    assert any("did not end within its limit" in words for words in told), set(told)
    for stream in harmed:
        for _, _, took in stream.seen:
            assert took < RUN_SECONDS + 15
    for stream in calm + harmed:
        for status, answer, _ in stream.seen:
            if status == 200:
                assert answer["outputs"][0]["data"] == pytest.approx(LINEAR_ANSWER)


def kill_under_load(server, tmp_path, seconds, seed):
    """Kills the workers of one group of two models at random; two groups use those and another."""
    chance = random.Random(seed)
    owner, lab = Asker(server, OWNER), Asker(server, LAB)
    mine: dict[str, int] = {}
    for name in ("calm", "first", "second"):
        before = set(server.worker_pids())
        owner.upload(models.linear(tmp_path / f"{name}.onnx"), name)
        (mine[name],) = set(server.worker_pids()) - before
    for name in ("calm", "first"):
        assert lab.infer(f"clinic/{name}", LINEAR)[0] == 200
    unharmed = set(server.worker_pids()) - {mine["first"], mine["second"]}
    end = time.monotonic() + seconds
    calm = [Stream(server, OWNER, "calm", end), Stream(server, LAB, "clinic/calm", end)]
    calm.append(Stream(server, LAB, "clinic/first", end))  # of a model whose other worker is killed
    harmed = [Stream(server, OWNER, "first", end), Stream(server, OWNER, "second", end)]
    for stream in calm + harmed:
        stream.start()
    sent = []
    stopped: set[int] = set()
    while time.monotonic() < end - RUN_SECONDS - 3:
        victims = sorted(set(server.worker_pids()) - unharmed - stopped)
        if victims:
            number = chance.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP]) if sent else signal.SIGSTOP
            victim = chance.choice(victims)
            os.kill(victim, number)
            sent.append(number)
            if number == signal.SIGSTOP:
                stopped.add(victim)  # and is left to the server
        time.sleep(chance.uniform(0.5, 1.5))
    for stream in calm + harmed:
        stream.join(seconds + 60)
        assert not stream.is_alive()
        assert stream.wrong is None, stream.wrong
    assert unharmed <= set(server.worker_pids())
    check_answers(calm, harmed)
    owner = Asker(server, OWNER)  # the server closes a connection that was idle for so long
    for name in ("first", "second"):  # they come back
        eventually(lambda name=name: owner.infer(name, LINEAR)[0] == 200, 40)
    described = {model["id"]: model for model in owner.ask("GET", "/blindai/v1/models")[1]["models"]}
    assert described["calm"]["restarts"] == 0
    assert "last_end" not in described["calm"]
    assert described["first"]["restarts"] + described["second"]["restarts"] >= 1
    restarted = next(name for name in ("first", "second") if described[name]["restarts"])
    assert described[restarted]["last_end"]["reason"]
    assert described[restarted]["last_end"]["seconds_ago"] < 120
    assert owner.ask("GET", f"/blindai/v1/models/{restarted}")[1]["last_end"]["reason"]
    return sent


def test_workers_killed_at_random_harm_nobody_but_their_own_requests(server, tmp_path):
    kill_under_load(server, tmp_path, 12, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_workers_killed_at_random_for_long(server, tmp_path, seed):
    assert set(kill_under_load(server, tmp_path, 60, seed)) == {signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP}


def crash(server, key, name, spare):
    """Has the worker of that group die of a fault while it runs a request of that key."""
    out = []
    thread = threading.Thread(target=lambda: out.append(Asker(server, key).infer(name, counting(2_000_000_000))))
    thread.start()
    time.sleep(0.7)
    (victim,) = set(server.worker_pids()) - spare
    os.kill(victim, signal.SIGSEGV)
    thread.join(20)
    status, answer, retry_after = out[0]
    assert (status, retry_after) == (503, None), answer
    assert "a fault ended the process (signal 11)" in answer["error"]


def listing(server, key, tmp_path):
    """What `blindai models` prints, for people and as JSON."""
    secret = tmp_path / "clinic.key"
    secret.write_text(key.text)
    secret.chmod(0o600)
    lines = server.profile.read_text().splitlines()
    lines = [f'api_key_file = "{secret}"' if line.startswith("api_key_file") else line for line in lines]
    (server.profile.parent / "clinic.toml").write_text("\n".join(lines) + "\n")
    environment = os.environ | server.environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment |= {"BLINDAI_PROFILE": "clinic", "COLUMNS": "400"}
    command = [sys.executable, "-c", "from blindai.cli import main; main()", "models"]
    runs = [
        subprocess.run([*command, *more], env=environment, capture_output=True, text=True, check=False)
        for more in ([], ["--json"])
    ]
    for run in runs:
        assert run.returncode == 0, run.stderr
    return runs[0].stdout, {model["id"]: model for model in json.loads(runs[1].stdout)["models"]}


def test_crashes_of_two_callers_stop_their_groups_worker_and_of_two_groups_the_model(server, tmp_path):
    owner, caller, lab = Asker(server, OWNER), Asker(server, CALLER), Asker(server, LAB)
    owner.upload(models.slow(tmp_path / "slow.onnx"), "slow")
    (mine,) = server.worker_pids()
    assert lab.infer("clinic/slow", counting(3))[0] == 200
    (theirs,) = set(server.worker_pids()) - {mine}

    for _ in range(2):  # of one caller: it comes back
        crash(server, OWNER, "slow", {theirs})
        eventually(lambda: owner.infer("slow", counting(3))[0] == 200)
    crash(server, CALLER, "slow", {theirs})
    eventually(lambda: owner.ask("GET", "/blindai/v1/models/slow")[1]["state"] == "quarantined")
    for asker in (owner, caller):
        status, answer, retry_after = asker.infer("slow", counting(3))
        assert (status, retry_after) == (503, None)
        assert "two callers" in answer["error"]
    assert lab.infer("clinic/slow", counting(3))[0] == 200
    assert server.worker_pids() == [theirs]
    text, told = listing(server, OWNER, tmp_path)
    assert "quarantined" in text
    assert "two callers" in text
    assert told["slow"]["state"] == "quarantined"
    assert told["slow"]["restarts"] == 2
    assert told["slow"]["last_end"]["reason"] == "a fault ended the process (signal 11)"

    assert owner.ask("POST", "/v2/repository/models/slow/load", {})[0] == 200
    crash(server, OWNER, "slow", {theirs})
    eventually(lambda: owner.infer("slow", counting(3))[0] == 200)
    (mine,) = set(server.worker_pids()) - {theirs}
    crash(server, LAB, "clinic/slow", {mine})
    for asker, name in ((owner, "slow"), (lab, "clinic/slow")):
        eventually(lambda asker=asker, name=name: "two groups" in asker.infer(name, counting(3))[1].get("error", ""))
        assert asker.infer(name, counting(3))[0::2] == (503, None)
    assert owner.ask("GET", "/blindai/v1/models/slow")[1]["state"] == "quarantined"
    eventually(lambda: server.worker_pids() == [])
    assert owner.ask("POST", "/v2/repository/models/slow/load", {})[0] == 200
    assert owner.infer("slow", counting(3))[0] == 200


@pytest.mark.skipif("san" in os.environ.get("BLINDAI_BUILD", ""), reason="sanitizers run the reference engine")
def test_a_worker_that_computes_unasked_is_ended_and_its_owner_told_why(tmp_path):
    worker = find_server().with_name("blindai-worker-restless")
    assert worker.exists(), worker
    arguments = ["--port", "0", "--auth", "bearer", "--measure-ms", "0", "--worker", str(worker)]
    for tenant, key in (("clinic", OWNER), ("lab", LAB)):
        arguments += ["--tenant", f"{tenant}:owner:{key.id}:{key.public_key}"]
    with Service(tmp_path, arguments) as service:
        owner = Asker(service, OWNER)
        owner.upload(models.linear(tmp_path / "linear.onnx"), "linear")

        def last_end():
            return owner.ask("GET", "/blindai/v1/models/linear")[1].get("last_end", {}).get("reason")

        eventually(last_end, 120)
        assert last_end() == "the process computed what no request asked of it, and was ended"
