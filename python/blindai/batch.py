"""Many inferences of one model: several at a time, results in the order of the inputs.

The first item that fails ends the batch: no further one is begun, those in flight are waited for, and BatchError says
which it was and holds what is there. With `return_errors` every item is run, and an error stands in the place of its
result. A service that fails to prove itself ends the batch either way, with that very error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from . import _core
from .errors import AttestationError, BatchError, BlindAIError, ConfigurationError
from .response import PredictResponse

MAX_CONCURRENCY = 256

Result = PredictResponse | BlindAIError


class Items:
    """The items of a batch as they are taken, and what became of each."""

    def __init__(self, inputs: Iterable[Any], return_errors: bool) -> None:
        self._inputs = iter(inputs)
        self._return_errors = return_errors
        self._results: list[Result | None] = []
        self._failed: int | None = None
        self._stopped = False

    def take(self) -> tuple[int, Any] | None:
        """The next item and its index; nothing where there is no more, or no more is wanted."""
        if self._stopped:
            return None
        try:
            item = next(self._inputs)
        except StopIteration:
            self._stopped = True
            return None
        self._results.append(None)
        return len(self._results) - 1, item

    def put(self, index: int, result: Result) -> None:
        self._results[index] = result
        if isinstance(result, BlindAIError):
            if isinstance(result, AttestationError):
                self._stopped = True
                raise result
            if not self._return_errors:
                self._stopped = True
                self._failed = index if self._failed is None else min(index, self._failed)

    def stop(self) -> None:
        self._stopped = True

    def results(self) -> list[Result]:
        """All results, once every item that was taken has one."""
        if self._failed is not None:
            error = self._results[self._failed]
            assert isinstance(error, BlindAIError)
            raise BatchError(self._failed, error, self._results) from error
        return [result for result in self._results if result is not None]


def checked_concurrency(concurrency: int) -> int:
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 1 <= concurrency <= MAX_CONCURRENCY:
        raise ConfigurationError(f"concurrency must be a whole number from 1 to {MAX_CONCURRENCY}, not {concurrency!r}")
    return concurrency


def run_in_threads(
    predict: Callable[[_core.Call, Any], PredictResponse],
    new_call: Callable[[], _core.Call],
    inputs: Iterable[Any],
    concurrency: int,
    return_errors: bool,
) -> list[Result]:
    """The batch over threads of its own. Whatever interrupts it, Ctrl-C too, ends the calls in flight."""
    items, lock, calls = Items(inputs, return_errors), threading.Lock(), set[_core.Call]()
    ended: list[BaseException] = []  # what ended the batch: an error of `inputs`, an attestation that failed

    def stop() -> None:
        with lock:
            items.stop()
            for call in calls:
                call.cancel()

    def work() -> None:
        try:
            while run_next():
                pass
        except BaseException as error:
            ended.append(error)
            stop()

    def run_next() -> bool:
        with lock:
            taken = items.take()
            if taken is None:
                return False
            call = new_call()
            calls.add(call)
        index, item = taken
        result: Result
        try:
            result = predict(call, item)
        except BlindAIError as error:
            result = error
        finally:
            with lock:
                calls.discard(call)
        with lock:
            items.put(index, result)
        return True

    threads = [threading.Thread(target=work, name="blindai-batch") for _ in range(checked_concurrency(concurrency))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)  # in steps, so that signals are looked at
    except BaseException:
        stop()
        for thread in threads:
            if thread.is_alive():
                thread.join()
        raise
    if ended:
        raise ended[0]
    return items.results()
