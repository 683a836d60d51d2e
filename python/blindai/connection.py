"""Connecting to a service, and what can be asked of it once it has proven itself."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self
from urllib.parse import quote

from . import _core, profiles
from .errors import (
    BlindAIError,
    ConfigurationError,
    InputError,
    ModelError,
    QuotaError,
    SimulationModeWarning,
    error_of,
)
from .inputs import convert_inputs
from .modelfile import find_model_files
from .pins import Pins
from .report import Report
from .response import OutputTensor, PredictResponse, UploadResponse

DEFAULT_TIMEOUT = 60.0
_CONNECT_TIMEOUT = 10.0
_LOAD_TIMEOUT = 300.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Progress = Callable[[int, int], object]


def _raise(failure: _core.Failure, *, instead: dict[str, type[BlindAIError]] | None = None) -> NoReturn:
    """The exception that a failure of the core stands for; `instead` maps codes that mean something else here."""
    code, message, answer, _detail, report = failure.args
    text = str(answer or message)
    kind = (instead or {}).get(code)
    if kind is not None:
        raise kind(text, code=code) from None
    raise error_of(code, text, Report.from_json(report) if report else None) from None


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
        """Connects and verifies.

        Without arguments the profile of BLINDAI_PROFILE, else `default`, says where and under which policy. `url`,
        `policy` (a file) and `api_key` override what the profile says; where both `url` and `policy` are given and no
        profile is named, none is read. `timeout` is in seconds: for a request in all, for an upload without progress.
        """
        timeout = _finite(timeout)
        chosen = profiles.load(profile) if profile or url is None or policy is None else None
        if url is None or policy is None:
            assert chosen is not None
            url = url or chosen.url
            policy = policy or chosen.policy
        policy_path = Path(policy)
        if api_key is None and chosen is not None:
            api_key = chosen.read_api_key()
        self._pins = Pins(chosen.name if chosen else None)
        self._lock = threading.Lock()
        try:
            self._core: _core.Connection | None = _core.connect(
                url=url,
                policy=profiles.read_text(policy_path, "policy"),
                policy_folder=str(policy_path.parent),
                api_key=api_key or "",
                connect_timeout=min(_CONNECT_TIMEOUT, timeout),
                request_timeout=timeout,
                load_timeout=max(_LOAD_TIMEOUT, timeout),
            )
        except _core.Failure as failure:
            _raise(failure, instead={"invalid_argument": ConfigurationError})
        self._url = url
        if self.report.simulated:
            warnings.warn(
                f"{url} runs in SIMULATION: real signatures, but no hardware protects the data",
                SimulationModeWarning,
                stacklevel=_callers_level(),
            )

    @property
    def url(self) -> str:
        return self._url

    @property
    def report(self) -> Report:
        """The verification report of the newest verified connection."""
        return Report.from_json(self._open().report())

    def upload_model(
        self,
        model: str | os.PathLike[str],
        model_id: str | None = None,
        *,
        save: bool = False,
        progress: Progress | None = None,
    ) -> UploadResponse:
        """Uploads an .onnx file, with the files beside it that hold its weights.

        `model_id` is what to call it (default: the name of the file without its ending). `progress(sent, total)` is
        called with counts of bytes while they are sent. The digest is remembered under the profile, and later
        predictions of this id are answered by this very model or not at all.
        """
        files = find_model_files(model)
        model_id = _valid_id(Path(model).stem if model_id is None else model_id)
        try:
            answer = self._open().upload([(file.name, str(file.path)) for file in files], model_id, save, progress)
        except _core.Failure as failure:
            _raise(
                failure,
                instead={"invalid_argument": ModelError, "not_found": ModelError, "too_large": QuotaError},
            )
        document = _document(answer)
        digest = str(document.get("digest", ""))
        try:
            self._pins.remember(model_id, digest)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{model_id!r} was uploaded with digest {digest}, which this connection will hold the service to, "
                f"but {error}"
            ) from None
        return UploadResponse(document, digest)

    def predict(self, model_id: str, inputs: Any, *, receipt: bool = False) -> PredictResponse:
        """Runs the model on one request.

        `inputs`: a numpy array, a torch or tensorflow tensor or a list of numbers; several of them in the order of the
        model's inputs; or a dict by input name. `response.output[i]` has `.as_flat()`, `.as_numpy()`, `.as_torch()`.
        """
        if receipt:
            raise BlindAIError(
                "this version does not make receipts yet: call predict() without receipt=True", code="unimplemented"
            )
        _valid_shared_id(model_id)
        tensors = convert_inputs(inputs)
        try:
            digest, outputs = self._open().predict(
                model_id,
                [(tensor.name, tensor.datatype, tensor.shape, tensor.data) for tensor in tensors],
                self._pins.get(model_id),
            )
        except _core.Failure as failure:
            _raise(failure)
        return PredictResponse(model_id, digest, [OutputTensor(*output) for output in outputs])

    def delete_model(self, model_id: str) -> None:
        """Unloads and forgets the model."""
        _valid_shared_id(model_id)
        self._call("DELETE", f"/blindai/v1/models/{quote(model_id, safe='')}")
        self._pins.forget(model_id)

    def models(self) -> list[dict[str, Any]]:
        """The models of this API key's tenant."""
        listed = self._call("GET", "/blindai/v1/models").get("models")
        return [model for model in listed if isinstance(model, dict)] if isinstance(listed, list) else []

    def model(self, model_id: str) -> dict[str, Any]:
        """State, digest, inputs, outputs and admission report of one model."""
        _valid_shared_id(model_id)
        return self._call("GET", f"/blindai/v1/models/{quote(model_id, safe='')}")

    def share_model(self, model_id: str, tenant: str) -> None:
        """Lets another tenant use a model of one's own; they call it `tenant/id`."""
        self._call("PUT", self._share_target(model_id, tenant))

    def unshare_model(self, model_id: str, tenant: str) -> None:
        """Stops sharing a model with another tenant."""
        self._call("DELETE", self._share_target(model_id, tenant))

    def request(self, method: str, target: str, document: Any = None) -> dict[str, Any]:
        """A JSON route that has no method of its own, such as `GET /blindai/v1/keys`."""
        return self._call(method, target, "" if document is None else json.dumps(document))

    def close(self) -> None:
        """Closes the connections. Calling it again does nothing."""
        with self._lock:
            core, self._core = self._core, None
        if core is not None:
            core.close()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<blindai.Connection {self._url} {'closed' if self._core is None else 'verified'}>"

    def _open(self) -> _core.Connection:
        core = self._core
        if core is None:
            raise BlindAIError("this connection was closed: connect again", code="cancelled")
        return core

    def _call(self, method: str, target: str, body: str = "") -> dict[str, Any]:
        try:
            answer = self._open().call(method, target, body)
        except _core.Failure as failure:
            _raise(failure)
        return _document(answer) if answer.strip() else {}

    @staticmethod
    def _share_target(model_id: str, tenant: str) -> str:
        return f"/blindai/v1/models/{_valid_id(model_id)}/shares/{_valid_id(tenant)}"


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


def _callers_level() -> int:
    """How far up the first frame outside this package is, so that the warning points at the caller's line."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        frame = frame.f_back
        level += 1
    return level


def _finite(timeout: float) -> float:
    if not isinstance(timeout, int | float) or not math.isfinite(timeout) or timeout <= 0:
        raise ConfigurationError(f"timeout must be a finite number of seconds above 0, not {timeout!r}")
    return float(timeout)


def _valid_id(model_id: str) -> str:
    if not isinstance(model_id, str) or not _ID.fullmatch(model_id):
        raise InputError(
            f"{str(model_id)[:80]!r} cannot be an id: it takes at most 64 letters, digits, '.', '_' and '-', "
            "a letter or digit first; give model_id="
        )
    return model_id


def _valid_shared_id(model_id: str) -> str:
    for part in model_id.split("/", 1) if isinstance(model_id, str) else [model_id]:
        _valid_id(part)
    return model_id


def _document(answer: str) -> dict[str, Any]:
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if isinstance(document, list):
        return {"models": document}
    if not isinstance(document, dict):
        raise error_of("unavailable", "the service gave an answer that cannot be understood")
    return document
