"""What can go wrong, as a tree.

Everything that the SDK raises on purpose is a BlindAIError. An AttestationError means that the service did not prove
what the policy demands: nothing was sent, trying again is of no use, and `.report` says which check failed, what was
expected and what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Report
    from .response import PredictResponse


class BlindAIError(Exception):
    """Base of all errors of this package. `.code` is the canonical word of the failure."""

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class ConfigurationError(BlindAIError):
    """A profile, a policy, a URL or an option on this side is missing or wrong."""

    code = "invalid_argument"


class InputError(BlindAIError, ValueError):
    """An input has a name, type or shape that the model does not take, or cannot be converted."""

    code = "invalid_argument"


class ModelError(BlindAIError):
    """The model is missing, unreadable, refused by the gate, or not the one that was pinned."""

    code = "model_rejected"


class ModelNotFoundError(ModelError):
    """No model of that id for this caller: unknown, not shared and deleted answer alike."""

    code = "not_found"


class AuthenticationError(BlindAIError):
    """The API key is missing, malformed, unknown, or not allowed to do this."""

    code = "unauthenticated"


class QuotaError(BlindAIError):
    """A quota or a limit of size is exhausted, or a queue is full."""

    code = "resource_exhausted"
    retry_after: float | None = None  # seconds after which the service asked to come again


class UnavailableError(BlindAIError):
    """The service cannot be reached or cannot answer now. Later may succeed."""

    code = "unavailable"
    retry_after: float | None = None  # seconds after which the service asked to come again


class DeadlineError(UnavailableError, TimeoutError):
    """The time given ran out."""

    code = "deadline_exceeded"


class BatchError(BlindAIError):
    """An item of a batch failed, and no further ones were begun. `.error` is what became of it, and also the cause.

    `.results` has, in order, for each item that was taken: its response, its error, or None where it was not run.
    """

    def __init__(self, index: int, error: BlindAIError, results: list[PredictResponse | BlindAIError | None]) -> None:
        super().__init__(f"item {index} of the batch failed: {error}", code=error.code)
        self.index = index
        self.error = error
        self.results = results


class SignatureError(BlindAIError):
    """A signature over a document of the service does not verify."""

    code = "attestation_failed"


class AttestationError(BlindAIError):
    """The service did not prove what the policy demands. Nothing was sent."""

    code = "attestation_failed"

    def __init__(self, message: str, *, report: Report | None = None) -> None:
        super().__init__(message)
        self.report = report

    @property
    def failed_check(self) -> str | None:
        """Name of the check that failed."""
        check = self.report.first_failed if self.report else None
        return check.name if check else None

    @property
    def expected(self) -> str | None:
        check = self.report.first_failed if self.report else None
        return check.expected if check else None

    @property
    def found(self) -> str | None:
        check = self.report.first_failed if self.report else None
        return check.found if check else None


class QuoteValidationError(AttestationError):
    """The evidence itself does not hold: form, signatures, collateral, TCB or measurement."""


class EnclaveHeldDataError(AttestationError):
    """The evidence does not vouch for the keyset that came with it, or the keyset is not valid now."""


class IdentityError(AttestationError):
    """Certificate name or chain are not those of the policy."""


class PolicyError(AttestationError):
    """The service is genuine, but its code, configuration or freshness is not what the policy allows."""


class ChannelBindingError(AttestationError):
    """The connection does not end inside what was attested: a middleman, a replay or another TLS key."""


class SimulationModeWarning(UserWarning):
    """The service runs in simulation: real signatures, no hardware, no protection."""


# Which check of the report belongs to which class. Prefixes stand for families of checks.
_BY_CHECK: tuple[tuple[str, type[AttestationError]], ...] = (
    ("sizes", QuoteValidationError),
    ("attest_answer", QuoteValidationError),
    ("evidence", QuoteValidationError),
    ("collateral", QuoteValidationError),
    ("report_data", EnclaveHeldDataError),
    ("keyset", EnclaveHeldDataError),
    ("tls", ChannelBindingError),
    ("identity", IdentityError),
    ("session_signature", ChannelBindingError),
    ("code", PolicyError),
    ("config", PolicyError),
    ("freshness", PolicyError),
    ("model_pin", PolicyError),
)

_BY_CODE: dict[str, type[BlindAIError]] = {
    "invalid_argument": InputError,
    "unauthenticated": AuthenticationError,
    "permission_denied": AuthenticationError,
    "not_found": ModelNotFoundError,
    "already_exists": ModelError,
    "too_large": QuotaError,
    "resource_exhausted": QuotaError,
    "unavailable": UnavailableError,
    "deadline_exceeded": DeadlineError,
    "cancelled": UnavailableError,
    "unimplemented": BlindAIError,
    "unsupported_media": BlindAIError,
    "model_rejected": ModelError,
    "internal": BlindAIError,
}


def attestation_error(message: str, report: Report | None) -> AttestationError:
    """The class that the failed check stands for."""
    failed = report.first_failed if report else None
    if failed is not None and failed.reason:
        return QuoteValidationError(message, report=report)
    for prefix, kind in _BY_CHECK:
        if failed is not None and (failed.name == prefix or failed.name.startswith(prefix + "_")):
            return kind(message, report=report)
    return AttestationError(message, report=report)


def error_of(code: str, message: str, report: Report | None = None, retry_after: float | None = None) -> BlindAIError:
    """The exception for a canonical code."""
    if code == "attestation_failed":
        return attestation_error(message, report)
    error = _BY_CODE.get(code, BlindAIError)(message, code=code)
    if isinstance(error, QuotaError | UnavailableError):
        error.retry_after = retry_after
    return error
