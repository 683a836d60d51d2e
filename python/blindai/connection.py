"""Connecting to a service, and what can be asked of it once it has proven itself."""

from __future__ import annotations

import copy
import json
import os
import sys
import warnings
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Literal, Self, overload

from . import batch
from .calls import Calls, Progress, Weights
from .errors import BlindAIError, SimulationModeWarning
from .options import DEFAULT_TIMEOUT, CallOptions
from .report import Report
from .response import PredictResponse, UploadResponse

DEFAULT_CONCURRENCY = 8
_MAX_IDLE_CONNECTIONS = 16


class Connection:
    """A verified connection. `blindai.connect()` makes one; use it in a `with` statement or close() it.

    Everything that the policy demands was checked before this object exists, and is checked again on every new TCP
    connection and before the appraisal grows too old. It may be used by several threads.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        profile: str | None = None,
        policy: str | os.PathLike[str] | None = None,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Connects and verifies, once: connecting is not repeated.

        Without arguments the profile of BLINDAI_PROFILE, else `default`, says where and under which policy. `url`,
        `policy` (a file) and `api_key` override what the profile says; where both `url` and `policy` are given and no
        profile is named, none is read. `timeout` is in seconds: for a request in all, for an upload without progress.
        """
        self._options = CallOptions(timeout=timeout)
        first = self._options.changed(None, 0).call()
        self._calls = Calls(url, profile, policy, api_key, first, self._options, _MAX_IDLE_CONNECTIONS)
        warn_of_simulation(self._calls)

    @property
    def url(self) -> str:
        return self._calls.url

    @property
    def report(self) -> Report:
        """The verification report of the newest verified connection."""
        return self._calls.report()

    def with_options(self, *, timeout: float | None = None, retries: int | None = None) -> Self:
        """This client with another time-out, in seconds, or another number of retries (2 unless told otherwise).

        Both share their connections: closing one closes the other. What is repeated at all, and what never is, stands
        in docs/python-sdk.md.
        """
        changed = copy.copy(self)
        changed._options = self._options.changed(timeout, retries)
        return changed

    def upload_model(
        self,
        model: str | os.PathLike[str],
        model_id: str | None = None,
        *,
        save: bool = False,
        weights: Weights | None = None,
        progress: Progress | None = None,
    ) -> UploadResponse:
        """Uploads an .onnx file, with the files beside it that hold its weights.

        `model_id` is what to call it (default: the name of the file without its ending). `progress(sent, total)` is
        called with counts of bytes while they are sent. The digest is remembered under the profile, and later
        predictions of this id are answered by this very model or not at all. `weights`: "packed" for speed, "in-place"
        for memory, "auto" for what the service measures to be better (default: as the service is configured).
        """
        return self._calls.upload_model(self._options.call(), model, model_id, save, weights, progress)

    def predict(self, model_id: str, inputs: Any, *, receipt: bool = False) -> PredictResponse:
        """Runs the model on one request.

        `inputs`: a numpy array, a torch or tensorflow tensor or a list of numbers; several of them in the order of the
        model's inputs; or a dict by input name. `response.output[i]` has `.as_flat()`, `.as_numpy()`, `.as_torch()`.
        """
        return self._calls.predict(self._options.call(), model_id, inputs, receipt)

    @overload
    def predict_batch(
        self,
        model_id: str,
        inputs: Iterable[Any],
        *,
        concurrency: int = ...,
        return_errors: Literal[False] = ...,
    ) -> list[PredictResponse]: ...
    @overload
    def predict_batch(
        self, model_id: str, inputs: Iterable[Any], *, concurrency: int = ..., return_errors: bool
    ) -> list[PredictResponse | BlindAIError]: ...
    def predict_batch(
        self,
        model_id: str,
        inputs: Iterable[Any],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        return_errors: bool = False,
    ) -> Any:
        """Runs the model on each of `inputs`, `concurrency` requests at a time, and gives the responses in their order.

        Each item is what predict() takes, has the time-out of a call of its own, and is repeated as such; items are
        taken from `inputs` as they are needed. The first that fails ends the batch with a BatchError, whose `.results`
        has what is there; with `return_errors=True` all are run and an error stands in its item's place.
        """
        return batch.run_in_threads(
            lambda call, item: self._calls.predict(call, model_id, item),
            lambda: self._options.call(signals=False),
            inputs,
            concurrency,
            return_errors,
        )

    def delete_model(self, model_id: str) -> None:
        """Unloads and forgets the model."""
        self._calls.delete_model(self._options.call(), model_id)

    def models(self) -> list[dict[str, Any]]:
        """The models of this API key's tenant."""
        return self._calls.models(self._options.call())

    def model(self, model_id: str) -> dict[str, Any]:
        """State, digest, inputs, outputs and admission report of one model."""
        return self._calls.model(self._options.call(), model_id)

    def share_model(self, model_id: str, tenant: str) -> None:
        """Lets another tenant use a model of one's own; they call it `tenant/id`."""
        self._calls.share_model(self._options.call(), model_id, tenant)

    def unshare_model(self, model_id: str, tenant: str) -> None:
        """Stops sharing a model with another tenant."""
        self._calls.unshare_model(self._options.call(), model_id, tenant)

    def request(self, method: str, target: str, document: Any = None) -> dict[str, Any]:
        """A JSON route that has no method of its own, such as `GET /blindai/v1/keys`."""
        body = "" if document is None else json.dumps(document)
        return self._calls.request(self._options.call(), method, target, body)

    def close(self) -> None:
        """Closes the connections. Calling it again does nothing."""
        self._calls.close()

    def __enter__(self) -> Self:
        self._calls.core()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<blindai.Connection {self.url} {'verified' if self._calls.open else 'closed'}>"


def connect(
    url: str | None = None,
    *,
    profile: str | None = None,
    policy: str | os.PathLike[str] | None = None,
    api_key: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Connection:
    """Connects to a service and verifies it: see Connection."""
    return Connection(url, profile=profile, policy=policy, api_key=api_key, timeout=timeout)


def warn_of_simulation(calls: Calls) -> None:
    if calls.report().simulated:
        warnings.warn(
            f"{calls.url} runs in SIMULATION: real signatures, but no hardware protects the data",
            SimulationModeWarning,
            stacklevel=_callers_level(),
        )


def _callers_level() -> int:
    """How far up the first frame outside this package is, so that the warning points at the caller's line."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame = frame.f_back
        level += 1
    return level
