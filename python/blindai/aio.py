"""The same connection for asyncio. Blocking calls run in threads of the client's own; the core releases the GIL."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from .connection import DEFAULT_TIMEOUT, Connection, Progress
from .errors import BlindAIError
from .report import Report
from .response import PredictResponse, UploadResponse

_P = ParamSpec("_P")
_T = TypeVar("_T")


class AsyncClient:
    """`async with blindai.AsyncClient() as client: await client.predict(...)`. Arguments are those of connect().

    A call that is cancelled stops being waited for; its thread ends with its time-out at the latest.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        profile: str | None = None,
        policy: str | os.PathLike[str] | None = None,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_concurrency: int = 16,
    ) -> None:
        self._connect = functools.partial(
            Connection, url, profile=profile, policy=policy, api_key=api_key, timeout=timeout
        )
        self._threads = ThreadPoolExecutor(max_concurrency, thread_name_prefix="blindai")
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        try:
            self._connection = await self._run(self._connect)
        except BaseException:
            self._threads.shutdown(wait=False)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def upload_model(
        self,
        model: str | os.PathLike[str],
        model_id: str | None = None,
        *,
        save: bool = False,
        progress: Progress | None = None,
    ) -> UploadResponse:
        """See Connection.upload_model. `progress` is called on a thread of this client."""
        return await self._run(self._open().upload_model, model, model_id, save=save, progress=progress)

    async def predict(self, model_id: str, inputs: Any, *, receipt: bool = False) -> PredictResponse:
        """See Connection.predict."""
        return await self._run(self._open().predict, model_id, inputs, receipt=receipt)

    async def delete_model(self, model_id: str) -> None:
        """See Connection.delete_model."""
        await self._run(self._open().delete_model, model_id)

    async def models(self) -> list[dict[str, Any]]:
        """See Connection.models."""
        return await self._run(self._open().models)

    async def model(self, model_id: str) -> dict[str, Any]:
        """See Connection.model."""
        return await self._run(self._open().model, model_id)

    @property
    def report(self) -> Report:
        """The verification report of the newest verified connection."""
        return self._open().report

    async def close(self) -> None:
        """Closes the connections. Calling it again does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._run(connection.close)
        self._threads.shutdown(wait=False)

    def _open(self) -> Connection:
        if self._connection is None:
            raise BlindAIError('not connected: use "async with blindai.AsyncClient(...) as client:"', code="cancelled")
        return self._connection

    async def _run(self, call: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, functools.partial(call, *args, **kwargs))
