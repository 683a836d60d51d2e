"""Evidence of SGX, TDX and SEV-SNP, verified offline: no network, the clock is an argument.

report = evidence.appraise(files, at=1751624191, policy=text)
report.verdict, report.reasons, report.tcb, report.claims
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import _core
from .errors import ConfigurationError, InputError
from .report import Report

# Names of files that are looked at. Others are ignored.
FILE_NAMES: frozenset[str] = frozenset(_core.evidence_file_names())
MAX_FILE_BYTES = 8 * 1024 * 1024

# Genuine and up-to-date hardware, whatever runs on it: what `blindai evidence check` asks for without a policy.
DEFAULT_POLICY = """\
version = 1
name = "up-to-date hardware, any measurement"
[accept.sgx]
mrenclave = "any"
mrsigner = "any"
tcb_status = ["UpToDate"]
allowed_advisories = []
platform_ids = "any"
[accept.tdx]
mr_td = "any"
rtmr0 = "any"
rtmr1 = "any"
rtmr2 = "any"
rtmr3 = "any"
tcb_status = ["UpToDate"]
allowed_advisories = []
platform_ids = "any"
[accept.snp]
measurement = "any"
products = ["Genoa", "Turin"]
platform_ids = "any"
"""


class Policy:
    """A policy that is read once and used many times. Raises ConfigurationError where the text is none.

    `[identity]`, `[config]`, `[models]` and the name may be absent: evidence alone is judged.
    """

    def __init__(self, text: str) -> None:
        try:
            self._core = _core.parse_evidence_policy(text)
        except _core.Failure as failure:
            raise ConfigurationError(f"{failure.args[1]} ({failure.args[3]})") from None

    @property
    def name(self) -> str:
        return self._core.name()

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return self._core.digest()

    @property
    def production(self) -> bool:
        """False where it accepts simulated evidence."""
        return self._core.production()


class CollateralCache:
    """Collateral whose signatures held, kept by digest: more evidence under it costs a few signature checks each.

    Dates are checked anew at each use. The least recently used of `capacity` entries goes first. Thread-safe.
    """

    def __init__(self, capacity: int = 16) -> None:
        self._core = _core.make_collateral_cache(capacity)


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # The escapes of a JSON string are among those of a TOML basic string.
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    raise TypeError(f"a policy holds no {type(value).__name__}")


def _toml(document: Mapping[str, Any], path: str = "") -> str:
    """The TOML text of a policy that is given as nested mappings."""
    plain, tables = [], []
    for key, value in document.items():
        if not isinstance(key, str):
            raise TypeError("a key of a policy must be a str")
        name = _toml_value(key)
        if isinstance(value, Mapping):
            full = f"{path}.{name}" if path else name
            tables.append(f"[{full}]\n{_toml(value, full)}")
        else:
            plain.append(f"{name} = {_toml_value(value)}\n")
    return "".join(plain + tables)


def _known(files: Mapping[str, bytes]) -> dict[str, bytes]:
    if not isinstance(files, Mapping):
        raise TypeError("files must map names to bytes")
    known = {}
    for name, content in files.items():
        if not isinstance(name, str):
            raise TypeError("a name of a file must be a str")
        if name in FILE_NAMES:
            if not isinstance(content, (bytes, bytearray, memoryview)):
                raise TypeError(f"{name} must be bytes")
            known[name] = bytes(content)
    return known


def appraise(
    files: Mapping[str, bytes],
    *,
    at: int,
    policy: str | Policy | Mapping[str, Any],
    cache: CollateralCache | None = None,
) -> Report:
    """Judges the one piece of evidence among the files, with the collateral among them.

    `files` maps names such as "quote.bin", "tcb_info.json", "report.bin", "vek.der" to bytes; names that are not in
    FILE_NAMES are ignored. `at` is the time to judge at, in seconds since 1970. `policy` is the text of a policy, a
    Policy, or what the text says as nested mappings. The report has `.verdict`, `.reasons`, `.tcb`, `.claims`,
    `.checks` and `.to_json()`.

    Raises TypeError for arguments of another type, and nothing else: bad evidence, bad collateral, a bad policy text
    and a strange clock are verdicts.
    """
    known = _known(files)
    if not isinstance(at, int) or isinstance(at, bool):
        raise TypeError("at must be an int: seconds since 1970")
    if cache is not None and not isinstance(cache, CollateralCache):
        raise TypeError("cache must be a CollateralCache")
    moment = max(-(2**63), min(at, 2**63 - 1))
    inner = None if cache is None else cache._core
    if isinstance(policy, Policy):
        return Report.from_json(_core.appraise(known, policy._core, moment, inner))
    if isinstance(policy, Mapping):
        policy = _toml(policy)
    if not isinstance(policy, str):
        raise TypeError("policy must be the text of a policy, a Policy or a mapping")
    # What is not text in UTF-8 is no TOML either: the parser says so.
    text = policy.encode("utf-8", "surrogatepass")
    return Report.from_json(_core.appraise_under_text(known, text, moment, inner))


def decode(data: bytes) -> dict[str, Any]:
    """Each field of a quote or report as its bytes say it. Nothing is verified; the answer says so.

    Raises InputError where the bytes are neither.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError("data must be bytes")
    try:
        decoded: dict[str, Any] = json.loads(_core.decode_evidence(bytes(data)))
    except _core.Failure as failure:
        raise InputError(f"this is neither a quote nor a report: {failure.args[1]}") from None
    return decoded


def read_folder(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """The files of a folder that appraise() looks at. Raises ConfigurationError where they cannot be read."""
    files = {}
    try:
        for path in sorted(Path(folder).iterdir()):
            if path.name in FILE_NAMES and path.is_file():
                with path.open("rb") as file:
                    files[path.name] = file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise ConfigurationError(f"{error.filename or folder} cannot be read: {error.strerror}") from None
    return files


def describe_collateral(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What the collateral among the files holds, for whom and until when. Nothing is verified; the answer says so.

    Raises InputError where the container "collateral.json" is not well-formed.
    """
    try:
        described: dict[str, Any] = json.loads(_core.describe_collateral(_known(files)))
    except _core.Failure as failure:
        raise InputError(f"this is no collateral: {failure.args[1]}") from None
    return described


def pack_collateral(files: Mapping[str, bytes]) -> str:
    """The collateral among the files as one JSON object, the container that servers staple to their evidence."""
    try:
        return _core.pack_collateral(_known(files))
    except _core.Failure as failure:
        raise InputError(f"this is no collateral: {failure.args[1]}") from None
