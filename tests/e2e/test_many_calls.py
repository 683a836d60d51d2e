"""Many calls at once through a real server: AsyncClient, predict_batch, and what is not asked twice."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from pathlib import Path

import blindai
import numpy as np
import pytest

from . import models

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")
LONG = {"count": np.int64(2_000_000_000), "x": np.zeros(1, np.float32)}
BRIEF = {"count": np.int64(3), "x": np.zeros(1, np.float32)}


def row(number: int) -> np.ndarray:
    return np.array([[number, 1, -number, 0.5]], np.float32)


def right(number: int, response: blindai.PredictResponse) -> bool:
    return np.allclose(response.output[0].as_numpy(), models.linear_result(row(number)), rtol=1e-5)


def connections(port: int) -> int:
    """Established TCP connections to a port of this machine, as its server sees them."""
    found = set()  # a table that changes while it is read may tell of one connection twice
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, remote, state = line.split()[1:4]
            if int(local.rpartition(":")[2], 16) == port and state == "01":
                found.add((local, remote))
    return len(found)


def test_hundreds_of_calls_in_flight_share_a_bounded_pool(service, tmp_path):
    port = int(re.search(r"https://[^:]+:(\d+)", service.profile.read_text())[1])

    async def run():
        async with blindai.AsyncClient(max_connections=12) as client:
            await client.upload_model(models.linear(tmp_path / "many.onnx"))
            tasks = [asyncio.create_task(client.predict("many", row(i))) for i in range(400)]
            most = 0
            while not all(task.done() for task in tasks):
                most = max(most, connections(port))
                await asyncio.sleep(0.005)
            answers = [task.result() for task in tasks]
            listed = await client.models()
            described = await client.model("many")
            await client.delete_model("many")
        return answers, most, listed, described

    answers, most, listed, described = asyncio.run(run())
    assert all(right(i, answer) for i, answer in enumerate(answers))
    assert 1 < most <= 12
    assert "many" in [model["id"] for model in listed]
    assert described["inputs"][0]["name"] == "x"


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_a_batch_has_its_results_in_order(service, tmp_path, kind):
    inputs = [row(i) for i in range(100)]
    inputs[40] = np.zeros((1, 5), np.float32)
    with blindai.connect() as client:
        client.upload_model(models.linear(tmp_path / "batch.onnx"))

        def run(**options):
            if kind == "threads":
                return client.predict_batch("batch", inputs, **options)

            async def use():
                async with blindai.AsyncClient() as other:
                    return await other.predict_batch("batch", inputs, **options)

            return asyncio.run(use())

        results = run(return_errors=True)
        assert all(right(i, result) for i, result in enumerate(results) if i != 40)
        assert isinstance(results[40], blindai.InputError)
        with pytest.raises(blindai.BatchError) as caught:
            run(concurrency=4)
        assert caught.value.index == 40
        assert all(right(i, result) for i, result in enumerate(caught.value.results[:36]))


def test_a_cancelled_task_ends_its_run_on_the_server(own_service, tmp_path):
    async def run():
        async with blindai.AsyncClient(max_connections=2) as client:
            await client.upload_model(models.slow(tmp_path / "slow.onnx"))
            stuck = [asyncio.create_task(client.predict("slow", LONG)) for _ in range(2)]
            await asyncio.sleep(1)
            for task in stuck:
                task.cancel()
            begun = time.monotonic()
            # Both connections are needed again, and the runs that hold the CPUs have to end.
            answers = await asyncio.gather(*(client.predict("slow", BRIEF) for _ in range(8)))
            assert time.monotonic() - begun < 15
            assert [answer.output[0].as_flat() for answer in answers] == [[3.0]] * 8
            assert all(task.cancelled() for task in stuck)

    asyncio.run(run())


def test_a_server_that_is_killed_fails_all_that_is_in_flight_soon(own_service, tmp_path):
    async def run():
        async with blindai.AsyncClient(timeout=30, max_connections=16) as client:
            await client.upload_model(models.slow(tmp_path / "slow.onnx"))
            tasks = [asyncio.create_task(client.predict("slow", LONG)) for _ in range(40)]
            await asyncio.sleep(1)
            begun = time.monotonic()
            os.kill(own_service.server_pid(), signal.SIGKILL)
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert time.monotonic() - begun < 15
            assert {type(error) for error in ended} == {blindai.UnavailableError}

    asyncio.run(run())


def test_a_request_that_brought_a_worker_down_is_not_sent_again(own_service, tmp_path):
    """Two repetitions are allowed, and one run is seen: the answer of the server does not ask to come back."""
    own_service.segfaults = True

    async def run():
        async with blindai.AsyncClient(timeout=30) as client:
            await client.upload_model(models.slow(tmp_path / "slow.onnx"))
            (before,) = own_service.worker_pids()
            task = asyncio.create_task(client.with_options(retries=2).predict("slow", LONG))
            await asyncio.sleep(1)
            os.kill(before, signal.SIGKILL)
            begun = time.monotonic()
            with pytest.raises(blindai.UnavailableError, match="not tried again") as caught:
                await task
            assert caught.value.retry_after is None
            assert time.monotonic() - begun < 5

    asyncio.run(run())


def test_a_full_queue_is_waited_out_within_the_time_of_the_call(own_service, tmp_path):
    """The server says Retry-After, and the client comes back when asked, not before."""

    async def run():
        async with blindai.AsyncClient(max_connections=400) as client:
            await client.upload_model(models.slow(tmp_path / "slow.onnx"))
            # Slots and queue are filled until somebody is refused.
            stuck = [asyncio.create_task(client.with_options(retries=0).predict("slow", LONG)) for _ in range(320)]
            begun = time.monotonic()
            while not any(task.done() for task in stuck):
                assert time.monotonic() - begun < 25
                await asyncio.sleep(0.05)
            refused = [task.exception() for task in stuck if task.done()]
            assert {type(error) for error in refused} == {blindai.QuotaError}
            assert all(error.retry_after == 1.0 for error in refused if isinstance(error, blindai.QuotaError))
            patient = asyncio.create_task(client.with_options(retries=5).predict("slow", BRIEF))
            await asyncio.sleep(0.5)
            assert not patient.done()
            for task in stuck:
                task.cancel()
            answer = await patient
            assert answer.output[0].as_flat() == [3.0]

    asyncio.run(run())
