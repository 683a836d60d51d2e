"""Callers who send operators astray: an error or an answer, and no byte of anybody else in it.

The server has one slot for each model. Before each hostile request another caller fills it, and the engine's memory,
with a secret; the hostile request is sent twice, after two secrets. Both times it must come to the very same, and the
secrets must not be in it.
"""

from __future__ import annotations

import os
import shutil

import blindai
import numpy as np
import pytest

from tests.e2e.conftest import Service
from tests.hostile.callers import PROBES

pytestmark = [
    pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning"),
    pytest.mark.skipif("san" in os.environ.get("BLINDAI_BUILD", ""), reason="sanitizers run the reference engine"),
]

SECRETS = (np.float32(1.2345679e33), np.float32(-7.6543214e-29))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    home = tmp_path_factory.mktemp("callers")
    server = Service(home, ["--port", "0", "--slots", "1", "--run-ms", "3000"])
    with pytest.MonkeyPatch.context() as patch:
        server.use(patch)
        try:
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(home, ignore_errors=True)


def secretly(good, secret):
    """The honest request with a secret for all numbers that lead nowhere."""
    first = next(iter(good))
    if good[first].dtype != np.float32 or good[first].size < 16:
        return good
    return good | {first: np.full_like(good[first], secret)}


def outcome(client, name, inputs):
    """What a request comes to, to the last bit: the answers, or the class and words of an error."""
    try:
        response = client.predict(name, inputs)
    except blindai.BlindAIError as error:
        return type(error).__name__, str(error)
    return [(tensor.shape, tensor.as_numpy().tobytes()) for tensor in response.output]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_no_input_leads_out_of_the_request(place, probe, tmp_path):
    path = tmp_path / "probe.onnx"
    path.write_bytes(probe.model())
    pid = place.server_pid()
    with blindai.connect(timeout=30) as other, blindai.connect(timeout=30) as hostile:
        if probe.refused:
            with pytest.raises(blindai.ModelError, match=probe.refused):
                other.upload_model(path, "probe")
            return
        other.upload_model(path, "probe")
        honest = outcome(other, "probe", probe.good)
        assert isinstance(honest, list), honest
        for request in probe.requests():
            seen = []
            for secret in SECRETS:
                given = outcome(other, "probe", secretly(probe.good, secret))
                assert isinstance(given, list), given
                seen.append(outcome(hostile, "probe", request))
            assert seen[0] == seen[1], (probe.name, {name: value.reshape(-1)[:4] for name, value in request.items()})
            for _, data in seen[0] if isinstance(seen[0], list) else []:
                assert not any(secret.tobytes() in data for secret in SECRETS)
        assert outcome(other, "probe", probe.good) == honest
        restarts = hostile.model("probe")["restarts"]
        other.delete_model("probe")
    assert (restarts > 0) == probe.ends_worker, "whether a caller's numbers ended the worker"
    assert place.server_pid() == pid
