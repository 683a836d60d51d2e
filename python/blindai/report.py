"""The verification report: every check by name, what was expected, what was found, and who vouches for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One check. `outcome` is "passed", "failed", "skipped" or "not applicable"; a skipped check is never a pass.

    `reason` is the word of a failed check of evidence, "EXPIRED:pck_crl"; docs/evidence.md lists them.
    """

    name: str
    outcome: str
    expected: str
    found: str
    voucher: str
    reason: str = ""


class Report:
    """What the client checked before it trusted the service. Equal to the JSON that `blindai verify --json` prints."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.checks: tuple[Check, ...] = tuple(
            Check(
                name=str(check.get("name", "")),
                outcome=str(check.get("outcome", "")),
                expected=str(check.get("expected", "")),
                found=str(check.get("found", "")),
                voucher=str(check.get("voucher", "")),
                reason=str(check.get("reason", "")),
            )
            for check in document.get("checks", ())
        )

    @classmethod
    def from_json(cls, text: str) -> Report:
        return cls(json.loads(text))

    @property
    def accepted(self) -> bool:
        """True only if every check passed or is not applicable, and at least one passed."""
        outcomes = {check.outcome for check in self.checks}
        return "passed" in outcomes and outcomes <= {"passed", "not applicable"}

    @property
    def verdict(self) -> str:
        """ "accept" or "reject"."""
        return "accept" if self.accepted else "reject"

    @property
    def reasons(self) -> list[str]:
        """Why evidence was refused, each once: a word, and after a colon what it was about."""
        return list(dict.fromkeys(check.reason for check in self.checks if check.outcome == "failed" and check.reason))

    @property
    def claims(self) -> dict[str, Any]:
        """What the evidence proved: measurements and flags. Empty unless every signature held."""
        return self._member("claims")

    @property
    def tcb(self) -> dict[str, Any]:
        """How up to date the platform and its parts are. Empty unless every signature held."""
        return self._member("tcb")

    @property
    def first_failed(self) -> Check | None:
        return next((check for check in self.checks if check.outcome == "failed"), None)

    @property
    def tee(self) -> str:
        return str(self._document.get("tee", ""))

    @property
    def simulated(self) -> bool:
        return bool(self._document.get("simulated", False))

    @property
    def policy_digest(self) -> str:
        policy = self._document.get("policy")
        if isinstance(policy, dict):
            return str(policy.get("digest", ""))
        return str(self._document.get("policy_digest", ""))

    @property
    def facts(self) -> dict[str, Any]:
        """Measurement, code, configuration, keyset and dates: what the checks established."""
        return self._member("facts")

    def _member(self, name: str) -> dict[str, Any]:
        value = self._document.get(name, {})
        return dict(value) if isinstance(value, dict) else {}

    def to_dict(self) -> dict[str, Any]:
        return dict(self._document)

    def to_json(self, *, indent: int | None = None) -> str:
        return json.dumps(self._document, indent=indent)

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __str__(self) -> str:
        lines = [("SIMULATED, no protection: " if self.simulated else "") + f"tee {self.tee or 'unknown'}"]
        for check in self.checks:
            line = f"  {check.outcome:<14} {check.name}"
            if check.outcome == "failed":
                line += f": expected {check.expected or '-'}, found {check.found or '-'}"
            lines.append(line)
        lines.append("accepted" if self.accepted else "NOT accepted")
        return "\n".join(lines)

    def __repr__(self) -> str:
        failed = self.first_failed
        state = "accepted" if self.accepted else f"failed: {failed.name}" if failed else "incomplete"
        return f"<blindai.Report tee={self.tee!r} checks={len(self.checks)} {state}>"
