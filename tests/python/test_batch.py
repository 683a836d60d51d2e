"""predict_batch of both clients, and AsyncClient: order, errors, bounds, cancellation. The core is replaced here."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import warnings

import blindai
import numpy as np
import pytest
from blindai import _core

DIGEST = "sha256:" + "ab" * 32
REPORT = {"tee": "simulated", "simulated": True, "checks": []}


def number(value):
    return np.array([value], np.int64)


def failure(code, report=None):
    return _core.Failure(code, f"it is {code}", "", "detail", json.dumps(report) if report else None, None)


class Call:
    """Stands for _core.Call."""

    def __init__(self, *, timeout, load_timeout, retries, signals):
        self.timeout, self.retries, self.signals = timeout, retries, signals
        self.cancelled = threading.Event()

    def cancel(self):
        self.cancelled.set()


class Core:
    """Stands for _core.Connection: answers each number with itself, once `answer(number, call)` let it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = self.most = self.closed = 0
        self.asked, self.calls = [], []
        self.answer = lambda value, call: None

    def predict(self, model_id, inputs, pin, call):
        value = int(inputs[0][3].view(np.int64)[0])
        with self.lock:
            self.asked.append(value)
            self.calls.append(call)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            self.answer(value, call)
        finally:
            with self.lock:
                self.running -= 1
        return DIGEST, [("y", "INT64", (1,), inputs[0][3])]

    def report(self):
        return json.dumps(REPORT)

    def close(self):
        self.closed += 1


def until_cancelled(value, call):
    """What the core does: it looks every tenth of a second whether it is to go on."""
    if not call.cancelled.wait(10):
        raise AssertionError("nobody cancelled it")
    raise failure("cancelled")


@pytest.fixture
def core(monkeypatch, tmp_path):
    made = Core()
    monkeypatch.setattr(_core, "connect", lambda **options: made)
    monkeypatch.setattr(_core, "Call", Call)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "p.toml").write_text("the policy")
    made.where = {"url": "https://one", "policy": tmp_path / "p.toml"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", blindai.SimulationModeWarning)
        yield made


def first(responses):
    return [response.output[0].as_flat()[0] for response in responses]


def in_asyncio(core, use, **options):
    async def run():
        async with blindai.AsyncClient(**core.where, **options) as client:
            return await use(client)

    return asyncio.run(run())


@pytest.fixture(params=["threads", "asyncio"])
def run_batch(request, core):
    """predict_batch of either client."""

    def run(inputs, concurrency=8, **options):
        if request.param == "threads":
            with blindai.connect(**core.where) as client:
                return client.predict_batch("m", inputs, concurrency=concurrency, **options)
        return in_asyncio(core, lambda client: client.predict_batch("m", inputs, concurrency=concurrency, **options))

    return run


def test_results_are_in_the_order_of_the_inputs(core, run_batch):
    core.answer = lambda value, call: time.sleep(0.001 * (value % 7))
    assert first(run_batch([number(i) for i in range(200)])) == list(range(200))
    assert 1 < core.most <= 8
    assert sorted(core.asked) == list(range(200))


def test_any_iterable_is_taken_as_it_is_needed(core, run_batch):
    taken = []

    def inputs():
        for i in range(1000):
            taken.append(i)
            yield number(i)

    core.answer = lambda value, call: (_ for _ in ()).throw(failure("invalid_argument")) if value == 3 else None
    with pytest.raises(blindai.BatchError):
        run_batch(inputs(), concurrency=2)
    assert len(taken) < 10
    assert run_batch([]) == []


def test_the_first_error_ends_the_batch_and_what_is_there_is_kept(core, run_batch):
    def answer(value, call):
        if value == 5:
            raise failure("resource_exhausted")
        time.sleep(0.02)

    core.answer = answer
    with pytest.raises(blindai.BatchError, match="item 5 of the batch failed: it is resource_exhausted") as caught:
        run_batch([number(i) for i in range(1000)], concurrency=4)
    error = caught.value
    assert (error.index, error.code) == (5, "resource_exhausted")
    assert isinstance(error.error, blindai.QuotaError)
    assert error.__cause__ is error.error
    assert len(core.asked) < 20
    done = [result for result in error.results if isinstance(result, blindai.PredictResponse)]
    assert len(done) == len(core.asked) - 1, "what was in flight was waited for"
    assert [first([r])[0] for r in error.results if r is not error.error and r is not None] == sorted(first(done))


def test_errors_may_stand_in_the_place_of_results(core, run_batch):
    def answer(value, call):
        if value % 3 == 0:
            raise failure("unavailable")

    core.answer = answer
    results = run_batch([number(i) for i in range(30)], return_errors=True)
    assert [isinstance(result, blindai.UnavailableError) for result in results] == [i % 3 == 0 for i in range(30)]
    wrong = run_batch([number(1), object(), number(2)], return_errors=True)
    assert isinstance(wrong[1], blindai.InputError)


def test_a_service_that_does_not_prove_itself_ends_the_batch_as_it_is(core, run_batch):
    def answer(value, call):
        if value == 2:
            raise failure("attestation_failed", {"checks": [{"name": "tls_key", "outcome": "failed"}]})
        until_cancelled(value, call) if value > 2 else None

    core.answer = answer
    with pytest.raises(blindai.ChannelBindingError):
        run_batch([number(i) for i in range(100)], return_errors=True)
    assert len(core.asked) < 20


def test_an_error_of_the_callers_iterable_reaches_the_caller(core, run_batch):
    def inputs():
        yield number(0)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_batch(inputs())


@pytest.mark.parametrize("wrong", [0, -1, 257, 1.0, True])
def test_a_concurrency_that_is_none_is_refused(core, run_batch, wrong):
    with pytest.raises(blindai.ConfigurationError, match="concurrency"):
        run_batch([number(0)], concurrency=wrong)
    assert core.asked == []


def test_hundreds_of_calls_are_in_flight_over_few_connections(core):
    core.answer = lambda value, call: time.sleep(0.005)

    async def use(client):
        return await asyncio.gather(*(client.predict("m", number(i)) for i in range(400)))

    assert first(in_asyncio(core, use, max_connections=16)) == list(range(400))
    assert core.most == 16
    assert core.closed == 1
    assert {call.signals for call in core.calls} == {False}


def test_cancelling_a_task_ends_its_call_and_frees_its_place(core):
    core.answer = lambda value, call: until_cancelled(value, call) if value < 0 else None

    async def use(client):
        stuck = [asyncio.create_task(client.predict("m", number(-1))) for _ in range(4)]
        while core.running < 2:
            await asyncio.sleep(0.01)
        for task in stuck:
            task.cancel()
        ended = await asyncio.gather(*stuck, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in ended)
        begun = time.monotonic()
        response = await client.predict("m", number(7))
        assert time.monotonic() - begun < 2
        return response

    assert first([in_asyncio(core, use, max_connections=2)]) == [7]
    assert core.asked.count(-1) == 2, "those that waited for a connection were never begun"
    assert core.running == 0


def test_waiting_for_a_connection_is_part_of_the_time_out(core):
    core.answer = lambda value, call: until_cancelled(value, call) if value < 0 else time.sleep(0.3)

    async def use(client):
        stuck = asyncio.create_task(client.predict("m", number(1)))
        await asyncio.sleep(0.05)
        await client.predict("m", number(2))
        assert core.calls[-1].timeout < 60 - 0.2, "what it waited is gone"
        await stuck
        stuck = asyncio.create_task(client.predict("m", number(-1)))
        await asyncio.sleep(0.05)
        with pytest.raises(blindai.DeadlineError, match="all 1 are in use"):
            await client.with_options(timeout=0.1).predict("m", number(3))
        stuck.cancel()
        await asyncio.wait([stuck])

    in_asyncio(core, use, max_connections=1)
    assert 3 not in core.asked


def test_closing_ends_what_is_in_flight_and_lets_nothing_more_begin(core):
    core.answer = until_cancelled

    async def use(client):
        stuck = [asyncio.create_task(client.predict("m", number(i))) for i in range(5)]
        while core.running < 2:
            await asyncio.sleep(0.01)
        await client.close()
        assert core.running == 0
        assert core.closed == 1
        ended = await asyncio.gather(*stuck, return_exceptions=True)
        assert {error.code for error in ended} == {"cancelled"}
        with pytest.raises(blindai.BlindAIError, match="not connected"):
            await client.predict("m", number(9))

    in_asyncio(core, use, max_connections=2)
    assert len(core.asked) == 2


def test_an_error_inside_the_block_closes_the_client(core):
    core.answer = until_cancelled

    async def use(client):
        task = asyncio.create_task(client.predict("m", number(0)))
        while not core.running:
            await asyncio.sleep(0.01)
        core.stuck = task
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_asyncio(core, use)
    assert core.closed == 1
    assert core.stuck.done()


def test_a_loop_that_ends_under_a_call_harms_nobody(core):
    async def run():
        client = await blindai.AsyncClient(**core.where, max_connections=1).__aenter__()
        core.answer = lambda value, call: call.cancelled.wait(5)
        asyncio.ensure_future(client.predict("m", number(0)))  # noqa: RUF006
        await asyncio.sleep(0.05)

    asyncio.run(run())
    assert core.calls[-1].cancelled.is_set()


@pytest.mark.parametrize("wrong", [0, 513, -1, 2.0, True, None])
def test_a_number_of_connections_that_is_none_is_refused(core, wrong):
    with pytest.raises(blindai.ConfigurationError, match="max_connections"):
        blindai.AsyncClient(**core.where, max_connections=wrong)


def test_ctrl_c_ends_a_batch_of_threads(core):
    core.answer = until_cancelled

    def interrupt():
        while not core.running:
            time.sleep(0.01)
        import _thread  # noqa: PLC0415

        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), blindai.connect(**core.where) as client:
        client.predict_batch("m", [number(i) for i in range(100)])
    thread.join()
    assert time.monotonic() - begun < 5
    assert core.running == 0
    assert len(core.asked) <= 8
