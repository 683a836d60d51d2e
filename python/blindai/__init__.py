"""BlindAI: confidential AI inference. Verify the service first, then send the data."""

from .admission import check_model
from .aio import AsyncClient
from .connection import Connection, connect
from .errors import (
    AttestationError,
    AuthenticationError,
    BatchError,
    BlindAIError,
    ChannelBindingError,
    ConfigurationError,
    DeadlineError,
    EnclaveHeldDataError,
    IdentityError,
    InputError,
    ModelError,
    ModelNotFoundError,
    PolicyError,
    QuotaError,
    QuoteValidationError,
    SignatureError,
    SimulationModeWarning,
    UnavailableError,
)
from .report import Check, Report
from .response import OutputTensor, PredictResponse, UploadResponse

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "AttestationError",
    "AuthenticationError",
    "BatchError",
    "BlindAIError",
    "ChannelBindingError",
    "Check",
    "ConfigurationError",
    "Connection",
    "DeadlineError",
    "EnclaveHeldDataError",
    "IdentityError",
    "InputError",
    "ModelError",
    "ModelNotFoundError",
    "OutputTensor",
    "PolicyError",
    "PredictResponse",
    "QuotaError",
    "QuoteValidationError",
    "Report",
    "SignatureError",
    "SimulationModeWarning",
    "UnavailableError",
    "UploadResponse",
    "__version__",
    "check_model",
    "connect",
]
