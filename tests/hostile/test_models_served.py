"""The corpus of hostile models through a real server: the right error in time, and nobody else notices.

Beside them a witness model of the same tenant is asked all the time; its answers stay right and come soon. After each
family the bytes that the server holds and the workers that run are those of before.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
import tomllib
from contextlib import suppress

import blindai
import numpy as np
import pytest
from blindai import _core

from tests.e2e import models
from tests.e2e.conftest import Service
from tests.hostile.models import FAMILIES, Fate
from tests.hostile.models.family import write

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")

RUN_MS = 1500
LOAD_MS = 5000
MEMBERS = 3  # of each family, in the fast suite
WITNESS_SECONDS = 10.0  # on a machine that does other things too
X = np.arange(8, dtype=np.float32).reshape(2, 4)
WANT = models.linear_result(X)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A server for all families, with the environment that leads to it."""
    home = tmp_path_factory.mktemp("hostile")
    server = Service(home, ["--port", "0", "--run-ms", str(RUN_MS), "--load-ms", str(LOAD_MS)])
    with pytest.MonkeyPatch.context() as patch:
        server.use(patch)
        try:
            server.start()
            with blindai.connect() as client:
                client.upload_model(models.linear(home / "witness.onnx"), "witness")
            yield server
        finally:
            server.stop()
            shutil.rmtree(home, ignore_errors=True)


class Witness:
    """Another caller, on a connection of its own, all the while."""

    def __init__(self) -> None:
        self.slowest, self.answers, self.wrong = 0.0, 0, 0
        self.failure: BaseException | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self) -> None:
        try:
            with blindai.connect() as client:
                while not self.stopping.wait(0.02):
                    started = time.monotonic()
                    answer = client.predict("witness", X).output[0].as_numpy()
                    self.slowest = max(self.slowest, time.monotonic() - started)
                    self.answers += 1
                    self.wrong += not np.allclose(answer, WANT, atol=1e-5)
        except BaseException as failure:
            self.failure = failure

    def __enter__(self) -> Witness:
        self.thread.start()
        while self.answers == 0 and self.failure is None:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join()


def call():
    return _core.Call(timeout=60.0, load_timeout=60.0, retries=0, signals=False)


def raw_connection(service):
    """Below the SDK, which would not send most of these."""
    profile = tomllib.loads(service.profile.read_text())
    policy = service.profile.parent / profile["policy"]
    return _core.connect(
        url=profile["url"],
        policy=policy.read_text(),
        policy_folder=str(policy.parent),
        api_key=service.api_key,
        connect_timeout=10.0,
        max_idle_connections=1,
        call=call(),
    )


def upload(connection, bodies, folder):
    """The server's (code, sentence) where it refused, else nothing."""
    try:
        connection.upload(write(bodies, folder), "hostile", False, "", None, call())
    except _core.Failure as failure:
        return failure.args[0], failure.args[2] or failure.args[1]
    return None


def run(client, family):
    """What the model does with an input; any answer and any error of ours will do, in time."""
    described = client.model("hostile")
    inputs = {}
    for spec in described["inputs"]:
        shape = [4 if size < 0 else size for size in spec["shape"]]
        text = spec["datatype"] == "BYTES"
        inputs[spec["name"]] = np.full(shape, b"abcd" if text else 1, object if text else np.float32)
    with suppress(blindai.BlindAIError):
        client.predict("hostile", inputs)


def settle(service, before):
    """No more bytes and workers are held than before; fewer where what an earlier test left went away meanwhile."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if service.model_memory() <= before[0] and len(service.worker_pids()) <= before[1]:
            return
        time.sleep(0.05)
    assert service.model_memory() <= before[0]
    assert len(service.worker_pids()) <= before[1]


def attack(service, family, members, folder):
    before = service.model_memory(), len(service.worker_pids())
    server = service.server_pid()
    raw = raw_connection(service)
    with Witness() as witness, blindai.connect(timeout=60) as client:
        for number, bodies in enumerate(members):
            started = time.monotonic()
            refusal = upload(raw, bodies, folder)
            said = (number, refusal, family.why)
            if family.fate is Fate.GATE:
                assert refusal is not None, said
                assert refusal[0] in ("model_rejected", "too_large", "invalid_argument"), said
                assert re.search(family.word, refusal[1]), said
            elif family.fate is Fate.ENGINE:
                assert refusal is not None, said
                assert refusal[0] == "model_rejected", said
                assert re.search(family.word, refusal[1]), said
            elif family.fate is Fate.CONTAINED and refusal is not None:
                assert refusal[0] in ("model_rejected", "too_large", "deadline_exceeded"), said
            elif family.fate is Fate.HARMLESS:
                assert refusal is None, said
            if refusal is None:
                run(client, family)
                client.delete_model("hostile")
            assert time.monotonic() - started < 2 * family.seconds + 10, said
    raw.close()
    assert witness.failure is None, witness.failure
    assert witness.wrong == 0
    assert witness.slowest < WITNESS_SECONDS
    assert service.server_pid() == server
    settle(service, before)


def test_the_report_offline_is_that_of_the_server(place, tmp_path):
    path = models.linear(tmp_path / "witness.onnx")
    offline = blindai.check_model(path)
    with blindai.connect() as client:
        online = client.model("witness")
    assert offline["accepted"]
    for member in ("digest", "bytes", "inputs", "outputs", "admission"):
        assert offline[member] == online[member]


fast = [name for name, family in sorted(FAMILIES.items()) if not family.slow]


@pytest.mark.parametrize("name", fast)
def test_a_hostile_model_harms_nobody(place, name, tmp_path):
    family = FAMILIES[name]
    attack(place, family, family.make()[:MEMBERS], tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_no_member_of_a_family_harms_anybody(place, name, tmp_path):
    family = FAMILIES[name]
    attack(place, family, family.make(), tmp_path)
