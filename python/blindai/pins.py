"""Which digest a model id had when it was uploaded, remembered under the profile; later predictions pin it.

`$XDG_STATE_HOME/blindai/pins/PROFILE.json`, `{"model id": "sha256:..."}`, replaced atomically under a lock, mode 0600.
A file that cannot be read or has another form is an error and not an empty memory: forgetting a pin silently would be
accepting any model.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import ConfigurationError
from .profiles import state_dir, valid_name

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_BYTES = 4 * 1024 * 1024


class Pins:
    """Digests by model id: of one profile on disk, or in memory alone where there is no profile."""

    def __init__(self, profile: str | None) -> None:
        self._path = state_dir() / "pins" / f"{valid_name(profile)}.json" if profile else None
        self._memory: dict[str, str] = {}
        # Uploads whose digest the file did not take: pinned as long as this object lives.
        self._unsaved: dict[str, str] = {}
        # What the file held when it last looked like this: predictions ask for a pin each time.
        self._seen: tuple[tuple[int, int, int], dict[str, str]] | None = None

    @property
    def path(self) -> Path | None:
        return self._path

    def get(self, model_id: str) -> str | None:
        if self._path is None:
            return self._memory.get(model_id)
        if model_id in self._unsaved:
            return self._unsaved[model_id]
        try:
            status = os.stat(self._path)
        except OSError:
            return self._read().get(model_id)
        looks = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._seen is None or self._seen[0] != looks:
            self._seen = (looks, self._read())
        return self._seen[1].get(model_id)

    def remember(self, model_id: str, digest: str) -> None:
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"not a digest: {digest[:80]!r}")
        self._unsaved[model_id] = digest
        with self._changed() as pins:
            pins[model_id] = digest
        del self._unsaved[model_id]

    def forget(self, model_id: str) -> None:
        self._unsaved.pop(model_id, None)
        with self._changed() as pins:
            pins.pop(model_id, None)

    @contextlib.contextmanager
    def _changed(self) -> Iterator[dict[str, str]]:
        if self._path is None:
            yield self._memory
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                pins = self._read()
                before = dict(pins)
                yield pins
                if pins != before:
                    self._write(pins)
        except OSError as error:
            raise ConfigurationError(
                f"the digests of models cannot be remembered in {self._path.parent}: {error.strerror}"
            ) from None

    def _read(self) -> dict[str, str]:
        assert self._path is not None
        try:
            with self._path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigurationError(f"the remembered digests {self._path} cannot be read: {error.strerror}") from None
        try:
            document = json.loads(data) if len(data) <= _MAX_BYTES else None
        except ValueError:
            document = None
        if not isinstance(document, dict) or not all(
            isinstance(value, str) and _DIGEST.fullmatch(value) for value in document.values()
        ):
            raise ConfigurationError(
                f"the remembered digests {self._path} are damaged: repair the file, or remove it to pin anew"
            )
        return document

    def _write(self, pins: dict[str, str]) -> None:
        assert self._path is not None
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(pins, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
