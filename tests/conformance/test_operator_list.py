"""The gate's list of operators is that of the engine, which is onnxruntime of the version that the worker loads."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/lib/engine_operators.py"
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("engine_operators", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_is_what_the_engine_says(generator):
    assert generator.TARGET.read_text() == generator.text()
