"""Callers who send operators astray, on two servers whose engines find different bytes in memory that nobody wrote.

Both servers are asked the same: a good request of one caller, then the hostile request of another in the same slot. An
answer to the last bit, or the words of an error, must be the same on both. With one compute thread, with two, and where
the process sees one CPU: engines have been tried that made mistakes in one of these alone.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack

import blindai
import pytest
from blindai.cli.serve import find_server

from tests.e2e.conftest import Service
from tests.hostile.callers import PROBES
from tests.hostile.test_callers import SECRETS, outcome, secretly

pytestmark = [
    pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning"),
    pytest.mark.skipif("san" in os.environ.get("BLINDAI_BUILD", ""), reason="sanitizers run the reference engine"),
]

PATTERNS = ("5a", "a5")
WAYS = {
    "one-thread": (["--threads", "1"], False),
    "two-threads": (["--threads", "2"], False),
    "one-cpu": ([], True),
}
FAST = "two-threads"  # and of it these operators; all else is in the slow suite
SEARCHING = {"GatherND", "ScatterElements", "Tile", "MaxUnpool", "RoiAlign", "TopK"}
# Without what the gate refuses, and what ends the worker: no answer comes of it.
ASKED = [probe for probe in PROBES if not probe.refused and not probe.ends_worker]


@pytest.fixture(
    scope="module", params=[pytest.param(way, marks=[pytest.mark.slow] if way != FAST else []) for way in WAYS]
)
def pair(request, tmp_path_factory):
    """Two servers that differ in what their engines find in fresh memory."""
    threads, one_cpu = WAYS[request.param]
    cpus = os.sched_getaffinity(0)
    with ExitStack() as stack:
        servers = []
        for pattern in PATTERNS:
            home = tmp_path_factory.mktemp(f"filled-{pattern}")
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            worker = find_server().with_name(f"blindai-worker-filled-{pattern}")
            assert worker.exists(), worker
            arguments = [
                "--port",
                "0",
                "--slots",
                "1",
                "--run-ms",
                "3000",
                "--measure-ms",
                "0",
                "--worker",
                str(worker),
            ]
            service = Service(home, [*arguments, *threads])
            if one_cpu:
                os.sched_setaffinity(0, {min(cpus)})
            try:
                stack.enter_context(service)
            finally:
                os.sched_setaffinity(0, cpus)
            servers.append(service)
        yield servers


def outcomes(service, probe, path):
    """What each hostile request comes to, each after a good one of another caller."""
    with pytest.MonkeyPatch.context() as patch:
        service.use(patch)
        with blindai.connect(timeout=30) as other, blindai.connect(timeout=30) as hostile:
            other.upload_model(path, "probe")
            seen = []
            for number, request in enumerate(probe.requests()):
                given = outcome(other, "probe", secretly(probe.good, SECRETS[number % len(SECRETS)]))
                assert isinstance(given, list), given
                seen.append((given, outcome(hostile, "probe", request)))
            other.delete_model("probe")
            return seen


@pytest.mark.parametrize(
    "probe",
    [pytest.param(probe, marks=[] if probe.name in SEARCHING else [pytest.mark.slow]) for probe in ASKED],
    ids=lambda probe: probe.name,
)
def test_no_answer_depends_on_what_was_in_memory(pair, probe, tmp_path):
    path = tmp_path / "probe.onnx"
    path.write_bytes(probe.model())
    one, other = (outcomes(service, probe, path) for service in pair)
    for request, a, b in zip(probe.requests(), one, other, strict=True):
        assert a == b, (probe.name, {name: value.reshape(-1)[:4] for name, value in request.items()})
