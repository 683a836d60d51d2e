"""Every call to a service, once: what Connection and AsyncClient both are a face of.

Each takes the options of the call first (`_core.Call`), blocks without the GIL, and may be made from any thread.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args
from urllib.parse import quote

from . import _core, profiles
from .errors import BlindAIError, ConfigurationError, InputError, ModelError, QuotaError, error_of
from .inputs import convert_inputs
from .modelfile import find_model_files
from .options import CallOptions
from .pins import Pins
from .report import Report
from .response import OutputTensor, PredictResponse, UploadResponse

_CONNECT_TIMEOUT = 10.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Progress = Callable[[int, int], object]
Weights = Literal["auto", "packed", "in-place"]


def _raise(failure: _core.Failure, *, instead: dict[str, type[BlindAIError]] | None = None) -> NoReturn:
    """The exception that a failure of the core stands for; `instead` maps codes that mean something else here."""
    code, message, answer, _detail, report, retry_after = failure.args
    text = str(answer or message)
    kind = (instead or {}).get(code)
    if kind is not None:
        raise kind(text, code=code) from None
    raise error_of(code, text, Report.from_json(report) if report else None, retry_after) from None


class Calls:
    """The verified connections of one client, and what can be asked over them."""

    def __init__(
        self,
        url: str | None,
        profile: str | None,
        policy: str | os.PathLike[str] | None,
        api_key: str | None,
        call: _core.Call,
        options: CallOptions,
        max_idle_connections: int,
    ) -> None:
        chosen = profiles.load(profile) if profile or url is None or policy is None else None
        if url is None or policy is None:
            assert chosen is not None
            url = url or chosen.url
            policy = policy or chosen.policy
        policy_path = Path(policy)
        if api_key is None and chosen is not None:
            api_key = chosen.read_api_key()
        self.url = url
        self._pins = Pins(chosen.name if chosen else None)
        self._lock = threading.Lock()
        try:
            self._core: _core.Connection | None = _core.connect(
                url=url,
                policy=profiles.read_text(policy_path, "policy"),
                policy_folder=str(policy_path.parent),
                api_key=api_key or "",
                connect_timeout=min(_CONNECT_TIMEOUT, float(options.timeout)),
                max_idle_connections=max_idle_connections,
                call=call,
            )
        except _core.Failure as failure:
            _raise(failure, instead={"invalid_argument": ConfigurationError})

    @property
    def open(self) -> bool:
        return self._core is not None

    def core(self) -> _core.Connection:
        core = self._core
        if core is None:
            raise BlindAIError("this connection was closed: connect again", code="cancelled")
        return core

    def report(self) -> Report:
        return Report.from_json(self.core().report())

    def upload_model(
        self,
        call: _core.Call,
        model: str | os.PathLike[str],
        model_id: str | None,
        save: bool,
        weights: Weights | None,
        progress: Progress | None,
    ) -> UploadResponse:
        if weights is not None and weights not in get_args(Weights):
            raise InputError(f"weights are 'auto', 'packed' or 'in-place', not {weights!r}")
        files = find_model_files(model)
        model_id = _valid_id(Path(model).stem if model_id is None else model_id)
        try:
            answer = self.core().upload(
                [(file.name, str(file.path)) for file in files], model_id, save, weights or "", progress, call
            )
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

    def predict(self, call: _core.Call, model_id: str, inputs: Any, receipt: bool = False) -> PredictResponse:
        if receipt:
            raise BlindAIError(
                "this version does not make receipts yet: call predict() without receipt=True", code="unimplemented"
            )
        _valid_shared_id(model_id)
        tensors = convert_inputs(inputs)
        try:
            digest, outputs = self.core().predict(
                model_id,
                [(tensor.name, tensor.datatype, tensor.shape, tensor.data) for tensor in tensors],
                self._pins.get(model_id),
                call,
            )
        except _core.Failure as failure:
            _raise(failure)
        return PredictResponse(model_id, digest, [OutputTensor(*output) for output in outputs])

    def delete_model(self, call: _core.Call, model_id: str) -> None:
        _valid_shared_id(model_id)
        self.request(call, "DELETE", f"/blindai/v1/models/{quote(model_id, safe='')}")
        self._pins.forget(model_id)

    def models(self, call: _core.Call) -> list[dict[str, Any]]:
        listed = self.request(call, "GET", "/blindai/v1/models").get("models")
        return [model for model in listed if isinstance(model, dict)] if isinstance(listed, list) else []

    def model(self, call: _core.Call, model_id: str) -> dict[str, Any]:
        _valid_shared_id(model_id)
        return self.request(call, "GET", f"/blindai/v1/models/{quote(model_id, safe='')}")

    def share_model(self, call: _core.Call, model_id: str, tenant: str) -> None:
        self.request(call, "PUT", _share_target(model_id, tenant))

    def unshare_model(self, call: _core.Call, model_id: str, tenant: str) -> None:
        self.request(call, "DELETE", _share_target(model_id, tenant))

    def request(self, call: _core.Call, method: str, target: str, body: str = "") -> dict[str, Any]:
        try:
            answer = self.core().call(method, target, body, call)
        except _core.Failure as failure:
            _raise(failure)
        return _document(answer) if answer.strip() else {}

    def close(self) -> None:
        with self._lock:
            core, self._core = self._core, None
        if core is not None:
            core.close()


def _share_target(model_id: str, tenant: str) -> str:
    return f"/blindai/v1/models/{_valid_id(model_id)}/shares/{_valid_id(tenant)}"


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
