"""What a call may take: time, and how often it may be repeated. See docs/python-sdk.md for what is repeated at all."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from . import _core
from .errors import ConfigurationError

DEFAULT_TIMEOUT = 60.0
DEFAULT_RETRIES = 2
MAX_RETRIES = 10
_LOAD_TIMEOUT = 300.0


@dataclass(frozen=True)
class CallOptions:
    """`timeout` in seconds: for a call in all, for an upload without progress. `retries`: repetitions at most."""

    timeout: float = DEFAULT_TIMEOUT
    retries: int = DEFAULT_RETRIES

    def __post_init__(self) -> None:
        timeout, retries = self.timeout, self.retries
        if not isinstance(timeout, int | float) or not math.isfinite(timeout) or timeout <= 0:
            raise ConfigurationError(f"timeout must be a finite number of seconds above 0, not {timeout!r}")
        if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= MAX_RETRIES:
            raise ConfigurationError(f"retries must be a whole number from 0 to {MAX_RETRIES}, not {retries!r}")

    def changed(self, timeout: float | None, retries: int | None) -> CallOptions:
        """The same, but for what is given."""
        return replace(
            self,
            timeout=self.timeout if timeout is None else timeout,
            retries=self.retries if retries is None else retries,
        )

    def call(self, *, signals: bool = True, waited: float = 0.0) -> _core.Call:
        """For one call. `signals`: it looks after Ctrl-C itself; `waited`: seconds of its time that are gone."""
        return _core.Call(
            timeout=max(float(self.timeout) - waited, 0.001),
            load_timeout=max(_LOAD_TIMEOUT, float(self.timeout)),
            retries=self.retries,
            signals=signals,
        )
