"""The tutorial, word for word, and what stands beside it."""

from __future__ import annotations

import asyncio
import threading

import blindai
import numpy as np
import pytest

from . import models

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    return models.distilbert(tmp_path_factory.mktemp("distilbert"))


def test_the_tutorial_gives_the_logits_of_pytorch(service, exported, monkeypatch):
    monkeypatch.chdir(exported.path.parent)
    api_key, model_id, inputs = service.api_key, "distilbert", exported.inputs

    import blindai  # noqa: PLC0415  (the tutorial, word for word)

    with pytest.warns(blindai.SimulationModeWarning):
        with blindai.Connection(api_key=api_key) as client:
            response = client.upload_model("distilbert.onnx", model_id=model_id)
        with blindai.connect() as client:
            response = client.predict(model_id, inputs)  # a torch tensor
        flat = response.output[0].as_flat()

    assert flat == pytest.approx(exported.logits, abs=1e-5)
    assert response.output[0].shape == (1, 2)
    assert response.output[0].datatype == "FP32"


@pytest.fixture
def client(service):
    with pytest.warns(blindai.SimulationModeWarning):
        connection = blindai.connect()
    with connection:
        yield connection


@pytest.fixture
def linear(client, tmp_path):
    uploaded = client.upload_model(models.linear(tmp_path / "linear.onnx"))
    assert uploaded.digest.startswith("sha256:")
    yield "linear"
    client.delete_model("linear")


X = np.arange(8, dtype=np.float32).reshape(2, 4)


def test_the_warning_points_at_the_line_that_connected(service):
    with pytest.warns(blindai.SimulationModeWarning) as caught:
        blindai.connect().close()
    assert caught[0].filename == __file__


def test_the_report_says_what_was_checked_and_that_it_was_simulated(client):
    report = client.report
    assert report.accepted
    assert report.simulated
    names = [check.name for check in report.checks]
    for name in ("report_data", "tls_key", "session_signature", "identity"):
        assert name in names
    assert "SIMULATED" in str(report)


def test_inputs_of_every_kind_give_the_same_answer(client, linear):
    import torch  # noqa: PLC0415

    want = models.linear_result(X)
    for inputs in (X, torch.from_numpy(X), X.tolist(), [X], {"x": X}, {"x": X.tolist()}, np.asfortranarray(X)):
        response = client.predict(linear, inputs)
        assert np.allclose(response.output[0].as_numpy(), want, atol=1e-5)
        assert response.output["y"].as_torch().shape == (2, 3)


def test_a_model_is_listed_described_and_gone_after_deletion(client, tmp_path):
    client.upload_model(models.linear(tmp_path / "m.onnx"), "listed")
    assert "listed" in [model["id"] for model in client.models()]
    described = client.model("listed")
    assert described["digest"].startswith("sha256:")
    client.delete_model("listed")
    with pytest.raises(blindai.ModelNotFoundError):
        client.model("listed")
    with pytest.raises(blindai.ModelNotFoundError):
        client.predict("listed", X)


def test_progress_ends_at_the_whole_and_never_goes_back(client, tmp_path):
    steps = []
    path = models.linear(tmp_path / "p.onnx", columns=1000, outputs=1000)
    client.upload_model(path, "p", progress=lambda sent, total: steps.append((sent, total)))
    client.delete_model("p")
    assert steps == sorted(steps)
    assert steps[-1] == (path.stat().st_size, path.stat().st_size)


def test_an_exception_in_the_progress_callback_ends_the_upload(client, tmp_path):
    def stop(sent, total):
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        client.upload_model(models.linear(tmp_path / "p.onnx", columns=2000, outputs=2000), "stopped", progress=stop)
    with pytest.raises(blindai.ModelNotFoundError):
        client.model("stopped")


def test_several_inputs_go_by_position_or_by_name(client, tmp_path):
    client.upload_model(models.two_inputs(tmp_path / "two.onnx"), "two")
    a, b = np.array([5.0, 7.0], np.float32), np.array([1, 2])
    for inputs in ([a, b], {"b": b, "a": a}):
        assert client.predict("two", inputs).output[0].as_flat() == [4.0, 5.0]
    with pytest.raises(blindai.InputError, match="takes 2 inputs"):
        client.predict("two", a)
    client.delete_model("two")


def test_an_answer_outlives_its_connection(service, tmp_path):
    with pytest.warns(blindai.SimulationModeWarning), blindai.connect() as client:
        client.upload_model(models.linear(tmp_path / "o.onnx"), "outlives")
        view = client.predict("outlives", X).output[0].as_numpy()
        client.delete_model("outlives")
    del client
    assert np.allclose(view, models.linear_result(X), atol=1e-5)


def test_threads_share_a_connection(client, linear):
    failures = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(20):
            x = rng.random((3, 4), dtype=np.float32)
            if not np.allclose(client.predict(linear, x).output[0].as_numpy(), models.linear_result(x), atol=1e-5):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_same_from_asyncio(service, tmp_path):
    async def run():
        async with blindai.AsyncClient() as client:
            await client.upload_model(models.linear(tmp_path / "a.onnx"), "async")
            answers = await asyncio.gather(*(client.predict("async", X + i) for i in range(8)))
            await client.delete_model("async")
            return answers

    with pytest.warns(blindai.SimulationModeWarning):
        answers = asyncio.run(run())
    for i, answer in enumerate(answers):
        assert np.allclose(answer.output[0].as_numpy(), models.linear_result(X + i), atol=1e-4)


def test_uploading_again_moves_the_pin(client, tmp_path):
    first = client.upload_model(models.linear(tmp_path / "m1.onnx"), "again")
    second = client.upload_model(models.linear(tmp_path / "m2.onnx", outputs=5), "again")
    assert first.digest != second.digest
    response = client.predict("again", X)
    assert response.model_digest == second.digest
    assert response.output[0].shape == (2, 5)
    client.delete_model("again")


def test_a_pin_to_another_model_is_refused(client, linear):
    client._calls._pins.remember(linear, "sha256:" + "00" * 32)
    with pytest.raises(blindai.ModelError):
        client.predict(linear, X)
