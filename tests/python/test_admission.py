"""`blindai check-model`: what the service would say of a model, without one."""

from __future__ import annotations

import json
from pathlib import Path

import blindai
import pytest
from blindai.cli.app import app
from typer.testing import CliRunner

from tests.hostile.models import wire

MODELS = Path(__file__).resolve().parents[1] / "data/models"


def run(*arguments):
    return CliRunner().invoke(app, ["check-model", *map(str, arguments)])


def test_a_model_that_passes_is_described():
    done = run(MODELS / "mlp.onnx")
    assert done.exit_code == 0
    for word in ("accepted by the gate", "sha256:", "x: FP32 [-1, 32]", "MatMul x2", "1,152", "batchable"):
        assert word in done.stdout


def test_programs_get_json():
    done = run("--json", MODELS / "mlp_external.onnx")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["accepted"]
    assert report["admission"]["work"] == {
        "multiplications": 32 * 32 + 32 * 3,
        "nodes_not_counted": 0,
        "free_dimensions_as_one": True,
    }
    assert report["bytes"] == sum((MODELS / f"mlp_external.onnx{end}").stat().st_size for end in ("", ".data"))


@pytest.mark.parametrize("as_json", [False, True])
def test_a_refusal_says_where_and_why_and_ends_with_1(tmp_path, as_json):
    path = tmp_path / "m.onnx"
    path.write_bytes(wire.model(wire.graph((1, wire.node("Relu", ("nobody",), ("a",))))))
    done = run(path, "--json") if as_json else run(path)
    assert done.exit_code == 1
    said = json.loads(done.stdout)["refusal"] if as_json else " ".join(done.stdout.split())
    assert "node 0 (Relu): reads 'nobody'" in said


@pytest.mark.parametrize("location", ["/etc/passwd", "../up", "beside.data"])
def test_weights_that_are_not_beside_the_model_refuse_it(tmp_path, location):
    path = tmp_path / "m.onnx"
    path.write_bytes(wire.model(wire.graph((5, wire.external("w", {"location": location})))))
    report = blindai.check_model(path)
    assert not report["accepted"]
    assert location in report["refusal"]


def test_a_file_that_is_not_there_is_an_error_with_the_near_name(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(blindai.ModelError, match=r"model\.onnx"):
        blindai.check_model(tmp_path / "modle.onnx")
    done = run(tmp_path / "modle.onnx")
    assert done.exit_code == 1
    assert not blindai.check_model(tmp_path / "model.onnx")["accepted"], "empty"
