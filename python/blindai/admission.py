"""What the service would say of a model, without sending it: the same gate, on this machine."""

from __future__ import annotations

import json
import os
from typing import Any

from . import _core
from .errors import ModelError
from .modelfile import find_model_files


def check_model(model: str | os.PathLike[str]) -> dict[str, Any]:
    """The admission report of an .onnx file, with the files beside it that hold its weights.

    `accepted` says whether the gate would take it; then come `digest`, `bytes`, `inputs`, `outputs` and `admission`,
    else `refusal` and `code`. Raises ModelError where there is no such file. The engine has not seen the model: it may
    refuse what the gate takes.
    """
    try:
        files = [(file.name, str(file.path)) for file in find_model_files(model)]
    except ModelError as error:
        if error.code == "not_found":
            raise
        return {"accepted": False, "code": error.code, "refusal": str(error)}
    report: dict[str, Any] = json.loads(_core.check_model(files))
    return report
