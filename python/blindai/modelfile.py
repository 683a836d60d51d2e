"""Which files make up a model on disk: the .onnx and the files that its tensors refer to.

torch writes two files by default (`m.onnx` and `m.onnx.data`). A bounded walk over the protobuf finds the names of
those sidecars. It reads lengths and names only, never weights, and judges nothing else: the server's gate does that.
A reference must stay below the folder of the model, so that a model from a stranger cannot make this client upload a
file that has nothing to do with it.
"""

from __future__ import annotations

import mmap
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import ModelError
from .nearby import near_match

MAX_FIELDS = 20_000_000
MAX_DEPTH = 64
MAX_FILES = 1024
MAX_NAME_BYTES = 1024

# Field numbers of onnx.proto: which fields of a message lead on, and to what.
_TENSOR = "tensor"
_WALK: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "function": {7: "node"},
    "graph": {1: "node", 5: _TENSOR, 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: _TENSOR, 6: "graph", 10: _TENSOR, 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: _TENSOR, 2: _TENSOR},
}
_MODEL_GRAPH = 7
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14
_EXTERNAL = 1


@dataclass(frozen=True)
class ModelFile:
    """One file: `name` is what the graph calls it, `path` is where it lies."""

    name: str
    path: Path
    size: int


class _Malformed(Exception):
    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def find_model_files(model: str | os.PathLike[str]) -> list[ModelFile]:
    """The model first, then its sidecars by name. Raises ModelError, naming the way out."""
    path = Path(model)
    size = _regular_size(path)
    if size == 0:
        raise ModelError(f"the model file is empty: {path}")
    locations = _scan_file(path, size)
    files = [ModelFile(path.name, path, size)]
    for location in sorted(locations):
        sidecar = _sidecar(path, location)
        try:
            sidecar_size = sidecar.stat().st_size if sidecar.is_file() else None
        except OSError:
            sidecar_size = None
        if sidecar_size is None:
            raise ModelError(
                f'{path} keeps weights in "{location}", which is not beside it{near_match(sidecar)}; '
                "put that file into the same folder, or export to one file "
                "(torch.onnx.export(..., external_data=False))"
            )
        files.append(ModelFile(location, sidecar, sidecar_size))
    return files


def _regular_size(path: Path) -> int:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"model file not found: {path}{near_match(path)}", code="not_found") from None
    except OSError as error:
        raise ModelError(f"the model file cannot be read: {path}: {error.strerror}") from None
    if stat.S_ISDIR(status.st_mode):
        raise ModelError(f"{path} is a folder: give the .onnx file in it")
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{path} is not a regular file")
    return status.st_size


def _scan_file(path: Path, size: int) -> set[str]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as memory:
            return _Scan(memory, size).locations()
    except _Malformed as problem:
        raise ModelError(
            f"{path} is not an ONNX model, or is cut off: {problem.reason} at byte {problem.offset} of {size}"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"the model file cannot be read: {path}: {error}") from None


def _sidecar(model: Path, location: str) -> Path:
    pure = PurePosixPath(location)
    if pure.is_absolute() or ".." in pure.parts or "\\" in location or "\0" in location or location in ("", "."):
        raise ModelError(
            f"{model} refers to weights outside its folder ({location[:128]!r}): such a model is not uploaded"
        )
    if location == model.name:
        raise ModelError(f"{model} names itself as the file of its weights")
    return model.parent / pure


class _Scan:
    def __init__(self, memory: mmap.mmap, size: int) -> None:
        self._memory = memory
        self._size = size
        self._fields = 0
        self._locations: set[str] = set()

    def locations(self) -> set[str]:
        if not self._message("model", 0, self._size, 0):
            raise _Malformed("it has no graph", 0)
        return self._locations

    def _message(self, kind: str, at: int, end: int, depth: int) -> bool:
        """Walks one message; whether it has the graph field of a model."""
        if depth > MAX_DEPTH:
            raise _Malformed("it is nested too deep", at)
        leads = _WALK[kind]
        has_graph = False
        while at < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise _Malformed("it has too many parts", at)
            number, body, next_at = self._field(at, end)
            if body is not None:
                has_graph = has_graph or number == _MODEL_GRAPH
                target = leads.get(number)
                if target is _TENSOR:
                    self._tensor(body, next_at)
                elif target is not None:
                    self._message(target, body, next_at, depth + 1)
            at = next_at
        return has_graph

    def _tensor(self, at: int, end: int) -> None:
        """Remembers where a tensor lies whose data is in another file."""
        entries: list[tuple[int, int]] = []
        external = False
        while at < end:
            number, body, next_at = self._field(at, end)
            if number == _TENSOR_DATA_LOCATION and body is None:
                _, value_at = self._varint(at, end)
                external = self._varint(value_at, end)[0] == _EXTERNAL
            elif number == _TENSOR_EXTERNAL_DATA and body is not None:
                entries.append((body, next_at))
            at = next_at
        if external:
            for start, stop in entries:
                self._entry(start, stop)

    def _field(self, at: int, end: int) -> tuple[int, int | None, int]:
        """Number, where the bytes begin (None where the field has none), and where the next field begins."""
        start = at
        tag, at = self._varint(at, end)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise _Malformed("a field has the number 0", start)
        body = None
        if wire == 0:
            _, at = self._varint(at, end)
        elif wire == 1:
            at += 8
        elif wire == 2:
            length, at = self._varint(at, end)
            body = at
            at += length
        elif wire == 5:
            at += 4
        else:
            raise _Malformed(f"a field has the wire type {wire}", start)
        if at > end:
            raise _Malformed("a field reaches beyond the end", start)
        return number, body, at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if at >= end:
                raise _Malformed("a number is cut off", at)
            byte = self._memory[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
        raise _Malformed("a number is too long", at)

    def _entry(self, at: int, end: int) -> None:
        """One key and value of `external_data`."""
        parts: dict[int, bytes] = {}
        start = at
        while at < end:
            number, body, next_at = self._field(at, end)
            if body is not None:
                if next_at - body > MAX_NAME_BYTES:
                    raise _Malformed("the name of a file is too long", body)
                parts[number] = self._memory[body:next_at]
            at = next_at
        if parts.get(1) != b"location":
            return
        try:
            self._locations.add(parts.get(2, b"").decode("utf-8"))
        except UnicodeDecodeError:
            raise _Malformed("the name of a file is not UTF-8", start) from None
        if len(self._locations) > MAX_FILES:
            raise _Malformed(f"it refers to more than {MAX_FILES} files", start)
