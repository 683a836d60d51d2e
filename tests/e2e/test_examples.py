"""The examples run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import blindai
import pytest

from .models import linear

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


ARGUMENTS = {"async_clients.py": ["example-model"]}
NEEDS = {"scikit_classifier.py": "skl2onnx"}  # which is not among the project's own requirements


@pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")
@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != "demo.py"))
def test_an_example_runs(service, tmp_path, name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert service.process is not None
    with blindai.connect() as client:
        client.upload_model(linear(tmp_path / "linear.onnx"), "example-model")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *ARGUMENTS.get(name, [])],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
