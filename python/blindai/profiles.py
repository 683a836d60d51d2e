"""Profiles: which service, under which policy, with which key. Design section 6.

A profile is `$XDG_CONFIG_HOME/blindai/profiles/NAME.toml` with the members `url`, `policy` and `api_key_file`; paths in
it may be relative to the profile, and `~` is the home folder. The schema is closed: an unknown member is an error.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .errors import ConfigurationError
from .nearby import near_match

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_BYTES = 64 * 1024


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification: a relative path is to be ignored.
    base = Path(value) if value.startswith("/") else Path.home() / fallback
    return base / "blindai"


def config_dir() -> Path:
    return _xdg("XDG_CONFIG_HOME", ".config")


def state_dir() -> Path:
    return _xdg("XDG_STATE_HOME", ".local/state")


def profiles_dir() -> Path:
    return config_dir() / "profiles"


@dataclass(frozen=True)
class Profile:
    """One profile, its paths resolved."""

    name: str
    path: Path
    url: str
    policy: Path
    api_key_file: Path | None = None

    def read_api_key(self) -> str | None:
        """The key of `api_key_file`, or None where the profile names none."""
        if self.api_key_file is None:
            return None
        return read_key_file(self.api_key_file)


def read_key_file(path: Path) -> str:
    """One API key, alone on its line."""
    text = read_text(path, "API key file")
    key = text.strip()
    if not key or "\n" in key:
        raise ConfigurationError(f"the API key file {path} must hold one API key and nothing else")
    return key


def read_text(path: Path, what: str) -> str:
    """A small text file, with errors that name it and the way out."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(f"{what} not found: {path}{near_match(path)}") from None
    except OSError as error:
        raise ConfigurationError(f"{what} cannot be read: {path}: {error.strerror}") from None
    if len(data) > _MAX_BYTES:
        raise ConfigurationError(f"{what} is larger than {_MAX_BYTES} bytes: {path}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} is not UTF-8 text: {path}") from None


def valid_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name[:64]!r} is not a profile name: at most 64 letters, digits, '.', '_' and '-', "
            "a letter or digit first"
        )
    return name


def current_name() -> str:
    """BLINDAI_PROFILE, else "default"."""
    return os.environ.get("BLINDAI_PROFILE") or "default"


def load(name: str | None = None) -> Profile:
    """The named profile, else the one of BLINDAI_PROFILE, else `default`."""
    name = valid_name(name or current_name())
    path = profiles_dir() / f"{name}.toml"
    if not path.exists():
        raise ConfigurationError(
            f"there is no profile {name!r} ({path}){near_match(path)}; "
            "`blindai serve` writes one for a simulated service on this machine, "
            "or give connect() a url and a policy"
        )
    return parse(read_text(path, "profile"), name, path)


def parse(text: str, name: str, path: Path) -> Profile:
    """A profile from its text. `path` is what relative paths are relative to."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the profile {path} is not TOML: {error}") from None
    unknown = sorted(set(document) - {"url", "policy", "api_key_file"})
    if unknown:
        raise ConfigurationError(
            f"the profile {path} has the unknown member {unknown[0]!r}; it may have url, policy and api_key_file"
        )
    values: dict[str, str] = {}
    for key, value in document.items():
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"the member {key!r} of the profile {path} must be text")
        values[key] = value
    for key in ("url", "policy"):
        if key not in values:
            raise ConfigurationError(f"the profile {path} has no member {key!r}")

    def resolve(value: str) -> Path:
        return (path.parent / Path(value).expanduser()).absolute()

    return Profile(
        name=name,
        path=path,
        url=values["url"],
        policy=resolve(values["policy"]),
        api_key_file=resolve(values["api_key_file"]) if "api_key_file" in values else None,
    )


def names() -> list[str]:
    """Names of the profiles that exist."""
    try:
        return sorted(path.stem for path in profiles_dir().glob("*.toml") if _NAME.fullmatch(path.stem))
    except OSError:
        return []
