"""The same client for asyncio: hundreds of calls in flight over a bounded pool of verified connections.

HTTP/1.1 carries one call at a time on a connection, and a call may spend its time in TLS, in evidence or in waiting, so
each connection in use is driven by a thread of this client's own, in the core and without the GIL; the event loop only
hands calls out and takes results in. A call that finds all connections in use waits its turn, within its time.
"""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, overload

from . import _core
from .batch import Items, Result, checked_concurrency
from .calls import Calls, Progress, Weights
from .connection import warn_of_simulation
from .errors import BlindAIError, ConfigurationError, DeadlineError
from .options import DEFAULT_TIMEOUT, CallOptions
from .report import Report
from .response import PredictResponse, UploadResponse

_P = ParamSpec("_P")
_T = TypeVar("_T")

DEFAULT_MAX_CONNECTIONS = 32
MOST_CONNECTIONS = 512


class _Pool:
    """As many threads as there may be connections, and the calls that run on them. Belongs to one event loop."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.calls: Calls | None = None
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="blindai")
        self._free = asyncio.Semaphore(size)
        self._running: set[_core.Call] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def run(
        self,
        options: CallOptions,
        function: Callable[Concatenate[_core.Call, _P], _T],
        /,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """The function on a thread, with a call of these options. Cancelling the task ends the call as well: its thread
        and its connection are free a tenth of a second later at most."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        if self._free.locked():
            try:
                async with asyncio.timeout(options.timeout):
                    await self._free.acquire()
            except TimeoutError:
                raise DeadlineError(
                    f"no connection became free in {options.timeout:g} s: all {self.size} are in use (max_connections)"
                ) from None
        else:
            await self._free.acquire()
        if self._closed:
            self._free.release()
            raise _closed()
        call = options.call(signals=False, waited=loop.time() - begun)
        done: asyncio.Future[_T] = loop.create_future()

        def work() -> None:
            result: _T | None = None
            error: BaseException | None = None
            try:
                result = function(call, *args, **kwargs)
            except BaseException as raised:
                error = raised
            # A loop that was closed meanwhile has nobody left who waits.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._finish, call, done, result, error)

        self._running.add(call)
        self._idle.clear()
        self._threads.submit(work)
        try:
            return await done
        except asyncio.CancelledError:
            call.cancel()
            raise

    def _finish(self, call: _core.Call, done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._running.discard(call)
        self._free.release()
        if not self._running:
            self._idle.set()
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    async def close(self) -> None:
        """Ends the calls in flight, waits for their threads, and closes the connections."""
        self._closed = True
        for call in self._running:
            call.cancel()
        await self._idle.wait()
        calls, self.calls = self.calls, None
        if calls is not None:
            calls.close()
        self._threads.shutdown(wait=False)


class AsyncClient:
    """`async with blindai.AsyncClient() as client: await client.predict(...)`. Arguments are those of connect().

    At most `max_connections` TCP connections are open at a time, each verified by itself; any number of calls may wait
    for one. A task that is cancelled ends its call: the connection that carried it is closed, and its place is free.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        profile: str | None = None,
        policy: str | os.PathLike[str] | None = None,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
    ) -> None:
        if (
            not isinstance(max_connections, int)
            or isinstance(max_connections, bool)
            or not 1 <= max_connections <= MOST_CONNECTIONS
        ):
            raise ConfigurationError(
                f"max_connections must be a whole number from 1 to {MOST_CONNECTIONS}, not {max_connections!r}"
            )
        self._options = CallOptions(timeout=timeout)
        self._where = (url, profile, policy, api_key)
        self._pool = _Pool(max_connections)

    async def __aenter__(self) -> Self:
        pool, options = self._pool, self._options.changed(None, 0)
        try:
            pool.calls = await pool.run(options, self._connect)
        except BaseException:
            await pool.close()
            raise
        warn_of_simulation(pool.calls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def with_options(self, *, timeout: float | None = None, retries: int | None = None) -> Self:
        """This client with other options for its calls: see Connection.with_options. Both share their connections."""
        changed = copy.copy(self)
        changed._options = self._options.changed(timeout, retries)
        return changed

    async def upload_model(
        self,
        model: str | os.PathLike[str],
        model_id: str | None = None,
        *,
        save: bool = False,
        weights: Weights | None = None,
        progress: Progress | None = None,
    ) -> UploadResponse:
        """See Connection.upload_model. `progress` is called on a thread of this client."""
        return await self._pool.run(self._options, self._open().upload_model, model, model_id, save, weights, progress)

    async def predict(self, model_id: str, inputs: Any, *, receipt: bool = False) -> PredictResponse:
        """See Connection.predict."""
        return await self._pool.run(self._options, self._open().predict, model_id, inputs, receipt)

    @overload
    async def predict_batch(
        self,
        model_id: str,
        inputs: Iterable[Any],
        *,
        concurrency: int | None = ...,
        return_errors: Literal[False] = ...,
    ) -> list[PredictResponse]: ...
    @overload
    async def predict_batch(
        self, model_id: str, inputs: Iterable[Any], *, concurrency: int | None = ..., return_errors: bool
    ) -> list[PredictResponse | BlindAIError]: ...
    async def predict_batch(
        self,
        model_id: str,
        inputs: Iterable[Any],
        *,
        concurrency: int | None = None,
        return_errors: bool = False,
    ) -> Any:
        """See Connection.predict_batch. `concurrency`: as many as there may be connections, unless told otherwise."""
        self._open()
        items = Items(inputs, return_errors)
        count = min(self._pool.size, 256) if concurrency is None else checked_concurrency(concurrency)
        tasks = [asyncio.create_task(self._work(model_id, items)) for _ in range(count)]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            items.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        return items.results()

    async def delete_model(self, model_id: str) -> None:
        """See Connection.delete_model."""
        await self._pool.run(self._options, self._open().delete_model, model_id)

    async def models(self) -> list[dict[str, Any]]:
        """See Connection.models."""
        return await self._pool.run(self._options, self._open().models)

    async def model(self, model_id: str) -> dict[str, Any]:
        """See Connection.model."""
        return await self._pool.run(self._options, self._open().model, model_id)

    @property
    def report(self) -> Report:
        """The verification report of the newest verified connection."""
        return self._open().report()

    async def close(self) -> None:
        """Ends the calls in flight and closes the connections. Calling it again does nothing."""
        await self._pool.close()

    def _connect(self, call: _core.Call) -> Calls:
        url, profile, policy, api_key = self._where
        return Calls(url, profile, policy, api_key, call, self._options, self._pool.size)

    def _open(self) -> Calls:
        calls = self._pool.calls
        if calls is None:
            raise _closed()
        return calls

    async def _work(self, model_id: str, items: Items) -> None:
        while (taken := items.take()) is not None:
            index, item = taken
            result: Result
            try:
                result = await self.predict(model_id, item)
            except BlindAIError as error:
                result = error
            items.put(index, result)


def _closed() -> BlindAIError:
    return BlindAIError('not connected: use "async with blindai.AsyncClient(...) as client:"', code="cancelled")
