"""The memory of models and workers: a budget with words, and what is given back."""

from __future__ import annotations

import time

import blindai
import numpy as np
import pytest
from blindai import keys

from . import models
from .conftest import Service
from .test_supervision import LINEAR, Asker, eventually

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")
LAB = keys.generate()
MEBI = 1 << 20


@pytest.fixture
def small_server(tmp_path, monkeypatch):
    """Room for one model of 40 MB and its worker, and not for two workers of it."""
    home = tmp_path / "service"
    home.mkdir()
    arguments = ["--port", "0", "--memory-bytes", str(140 * MEBI), "--auth", "proof", "bearer"]
    service = Service(home, [*arguments, "--tenant", f"lab:owner:{LAB.id}:{LAB.public_key}"])
    service.use(monkeypatch)
    with service:
        yield service


def test_what_does_not_fit_in_memory_is_refused_with_numbers_and_what_to_do(small_server, tmp_path):
    large = models.linear(tmp_path / "large.onnx", columns=4000, outputs=2500)
    with blindai.connect() as client:
        client.upload_model(large, "one")
        memory = client.model("one")["worker_memory"]
        assert 0 < memory["own_bytes"] < memory["peak_bytes"]
        for _ in range(2):
            with pytest.raises(
                blindai.QuotaError, match=r"140 MiB of memory .* used .* free.*unload a model first"
            ) as caught:
                client.upload_model(large, "two")
            assert caught.value.retry_after is None  # to come again later does not help
        x = np.ones((1, 4000), np.float32)
        assert client.predict("one", x).output[0].as_numpy().shape == (1, 2500)
        client.share_model("one", "lab")
    status, answer, retry_after = Asker(small_server, LAB).infer("demo/one", LINEAR)
    assert (status, retry_after) == (429, None), answer
    assert "MiB of memory" in answer["error"]
    with blindai.connect() as client:
        client.delete_model("one")
        eventually(lambda: not small_server.worker_pids())
        client.upload_model(large, "two")


@pytest.mark.slow
def test_sixty_four_models_load_and_unload_and_give_their_memory_back(own_service, tmp_path):
    path = models.linear(tmp_path / "small.onnx")
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    with blindai.connect(timeout=60) as client:
        client.upload_model(path, "m0")
        client.delete_model("m0")
        eventually(lambda: not own_service.worker_pids())
        before = resident(own_service)
        for number in range(64):
            client.upload_model(path, f"m{number}")
        assert len(own_service.worker_pids()) == 64
        for number in range(64):
            np.testing.assert_allclose(client.predict(f"m{number}", x).output[0].as_numpy(), models.linear_result(x))
        with pytest.raises(blindai.QuotaError, match="which is the limit"):
            client.upload_model(path, "m64")
        for number in range(64):
            client.delete_model(f"m{number}")
        eventually(lambda: not own_service.worker_pids())
        time.sleep(0.5)
        assert own_service.model_memory() == 0
        assert resident(own_service) - before < 64 * MEBI


def resident(service):
    """Bytes of the server's own."""
    with open(f"/proc/{service.server_pid()}/status") as file:
        line = next(line for line in file if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024
