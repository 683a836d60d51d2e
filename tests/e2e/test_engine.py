"""Which engine the workers run: it is shown, and cannot be chosen."""

from __future__ import annotations

import blindai
import pytest
from blindai.cli.serve import find_server

from . import models
from .conftest import Service

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")
WORKERS = {"blindai-worker", "blindai-worker-reference"}


@pytest.fixture
def engine(service, tmp_path):
    """The engine of the build under test, as the service names it."""
    with blindai.connect() as client:
        client.upload_model(models.linear(tmp_path / "linear.onnx"), "engine")
        named = client.model("engine")["engine"]
        client.delete_model("engine")
    return named.partition(" ")[0]


def test_a_service_shows_its_engine(engine):
    assert engine in {"onnxruntime", "reference"}


def test_a_worker_that_runs_another_engine_gets_no_model(engine, tmp_path, monkeypatch):
    """--worker says where the program is, not which engine: the server was built for one of them."""
    own = "blindai-worker" if engine == "onnxruntime" else "blindai-worker-reference"
    (other,) = WORKERS - {own}
    service = Service(tmp_path, ["--port", "0", "--worker", str(find_server().with_name(other))])
    service.use(monkeypatch)
    with service, blindai.connect() as client:
        with pytest.raises(blindai.BlindAIError) as caught:
            client.upload_model(models.linear(tmp_path / "linear.onnx"))
        assert not client.models()
    if engine == "onnxruntime":
        assert "another engine" in str(caught.value)
