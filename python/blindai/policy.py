"""Policies: what a caller accepts. The schema is closed and checked by the same code that verifies a service."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from . import _core
from .errors import ConfigurationError
from .profiles import read_text


@dataclass(frozen=True)
class PolicySummary:
    """A policy that is well-formed. `production` is False where it accepts a simulated service."""

    name: str
    digest: str
    production: bool


def check(path: str | os.PathLike[str], *, evidence_only: bool = False) -> PolicySummary:
    """Reads a policy and checks its schema. Raises ConfigurationError, naming the member that is wrong."""
    file = Path(path)
    text = read_text(file, "policy")
    try:
        return PolicySummary(*_core.check_policy(text, str(file.parent), evidence_only))
    except _core.Failure as failure:
        raise ConfigurationError(f"the policy {file}: {failure.args[1]}") from None
