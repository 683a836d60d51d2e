"""API keys: making one, and the public half that the server is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import _core
from .errors import AuthenticationError


@dataclass(frozen=True)
class ApiKey:
    """`text` is the secret that a caller holds; `id` and `public_key` (hexadecimal) are what the server keeps."""

    text: str = field(repr=False)
    id: str
    public_key: str


def generate() -> ApiKey:
    """A new key, from the system's entropy."""
    return ApiKey(*_core.generate_api_key())


def parse(text: str) -> ApiKey:
    """A key from its text."""
    try:
        return ApiKey(*_core.parse_api_key(text))
    except _core.Failure:
        raise AuthenticationError("this is no API key: it looks like bk_<16 hex digits>_<43 characters>") from None
