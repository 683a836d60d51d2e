"""Fetches the collateral for a quote or report from the services of Intel and AMD, or from a local cache.

A tool of its own: nothing of the verifier imports it, and nobody believes what it brings before `blindai.evidence` has
judged it. Endpoints are settings, such as those of a caching service on the local network.

    files = collateral.fetch(quote)             # {"tcb_info.json": b"...", ...}
    container = evidence.pack_collateral(files)
"""

from __future__ import annotations

import http.client
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import evidence
from .errors import ConfigurationError, DeadlineError, InputError, UnavailableError

MAX_ANSWER_BYTES = 1024 * 1024
PRODUCTS = ("Milan", "Genoa", "Turin")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\s*", re.DOTALL)


@dataclass(frozen=True)
class Sources:
    """Where to ask. Intel's and AMD's own services unless said otherwise."""

    intel: str = "https://api.trustedservices.intel.com"  # provisioning certification service, API version 4
    intel_root_crl: str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
    amd: str = "https://kdsintf.amd.com"  # key distribution service


@dataclass(frozen=True)
class Answer:
    body: bytes
    headers: Mapping[str, str]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def get(url: str, timeout: float = 30.0) -> Answer:
    """One GET, bounded. Raises UnavailableError or DeadlineError."""
    if urllib.parse.urlsplit(url).scheme not in ("https", "http"):
        raise ConfigurationError(f"{url} is neither https nor http")
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(urllib.request.Request(url, headers={"User-Agent": "blindai"}), timeout=timeout) as response:
            body = response.read(MAX_ANSWER_BYTES + 1)
            headers = {name.lower(): value for name, value in response.headers.items()}
            missing = response.length or 0
    except urllib.error.HTTPError as error:
        raise UnavailableError(f"{url} answers with status {error.code}") from None
    except TimeoutError:
        raise DeadlineError(f"{url} does not answer in time") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, (TimeoutError, socket.timeout)):
            raise DeadlineError(f"{url} does not answer in time") from None
        raise UnavailableError(f"{url} cannot be reached: {reason}") from None
    if len(body) > MAX_ANSWER_BYTES:
        raise UnavailableError(f"{url} answers with more than {MAX_ANSWER_BYTES} bytes")
    if missing:
        raise UnavailableError(f"{url} ends {missing} bytes too early")
    return Answer(body, headers)


def _chain_in_header(answer: Answer, url: str, *names: str) -> bytes:
    for name in names:
        if name in answer.headers:
            return urllib.parse.unquote(answer.headers[name]).encode("ascii", "replace")
    raise UnavailableError(f"{url} answers without the chain that signed it ({names[0]})")


@dataclass(frozen=True)
class _Wanted:
    """What evidence needs, and the folder of a cache that belongs to it."""

    folder: str
    fetch: Callable[[Sources, float], dict[str, bytes]]


def _intel(decoded: dict[str, Any]) -> _Wanted:
    pck = decoded["quote"]["pck"]
    if "fmspc" not in pck:
        raise InputError(f"the PCK certificate in the quote cannot be read: {pck.get('unreadable')}")
    tee = "tdx" if decoded["type"] == "tdx-quote" else "sgx"
    ca = "processor" if "Processor" in pck["issuer"] else "platform"

    def fetch(sources: Sources, timeout: float) -> dict[str, bytes]:
        base = sources.intel.rstrip("/")
        tcb = f"{base}/{tee}/certification/v4/tcb?fmspc={pck['fmspc']}"
        identity = f"{base}/{tee}/certification/v4/qe/identity"
        crl = f"{base}/sgx/certification/v4/pckcrl?ca={ca}&encoding=der"
        info, qe, revoked = (get(url, timeout) for url in (tcb, identity, crl))
        return {
            "tcb_info.json": info.body,
            "tcb_signing_chain.pem": _chain_in_header(info, tcb, "tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"),
            "qe_identity.json": qe.body,
            "qe_identity_signing_chain.pem": _chain_in_header(qe, identity, "sgx-enclave-identity-issuer-chain"),
            "pck_crl.der": revoked.body,
            "pck_crl_issuer_chain.pem": _chain_in_header(revoked, crl, "sgx-pck-crl-issuer-chain"),
            "root_ca_crl.der": get(sources.intel_root_crl, timeout).body,
        }

    return _Wanted(f"intel-{tee}-{pck['fmspc']}-{ca}", fetch)


def _amd(decoded: dict[str, Any], product: str | None) -> _Wanted:
    report = decoded["report"]
    product = product or report["product_line"]
    if product not in PRODUCTS:
        raise InputError(f"the report does not say of which product it is: name one of {', '.join(PRODUCTS)}")
    kind = report["signing_key"].lower()
    vcek = None if kind == "vlek" else _vcek_path(report, product)

    def fetch(sources: Sources, timeout: float) -> dict[str, bytes]:
        base = sources.amd.rstrip("/")
        intermediate, root = _split_chain(get(f"{base}/{kind}/v1/{product}/cert_chain", timeout).body)
        files = {
            "asvk.pem" if kind == "vlek" else "ask.pem": intermediate,
            "ark.pem": root,
            "ark_crl.der": get(f"{base}/vcek/v1/{product}/crl", timeout).body,
        }
        if vcek is not None:  # a VLEK is the provider's, and comes with the report
            files["vek.der"] = get(f"{base}{vcek}", timeout).body
        return files

    key = f"vlek-{product}" if vcek is None else re.sub(r"[^0-9A-Za-z]+", "-", vcek).strip("-")
    return _Wanted(f"amd-{key}", fetch)


def _vcek_path(report: dict[str, Any], product: str) -> str:
    if report["chip_id_masked"]:
        raise InputError("the chip id is masked: the certificate of the key must come with the report")
    tcb = report["reported_tcb"]
    if not isinstance(tcb, dict) or ("fmc" in tcb) != (product == "Turin"):
        raise InputError(f"the report is not one of {product}")
    turin = product == "Turin"
    hardware_id = report["chip_id"][:16] if turin else report["chip_id"]
    query = f"fmcSPL={tcb['fmc']}&" if turin else ""
    query += f"blSPL={tcb['bl']}&teeSPL={tcb['tee']}&snpSPL={tcb['snp']}&ucodeSPL={tcb['ucode']}"
    return f"/vcek/v1/{product}/{hardware_id}?{query}"


def _split_chain(pem: bytes) -> tuple[bytes, bytes]:
    """Intermediate and root, in whichever order they came: the root names itself as its issuer."""
    blocks = _PEM.findall(pem)
    if len(blocks) != 2:
        raise UnavailableError(f"the certificate chain has {len(blocks)} certificates and not two")
    described = [evidence.describe_collateral({"ark.pem": block})["items"]["ark"] for block in blocks]
    roots = [
        index
        for index, item in enumerate(described)
        for certificate in item.get("certificates", ())
        if certificate["subject"] == certificate["issuer"]
    ]
    if len(roots) != 1:
        raise UnavailableError("the certificate chain is not an intermediate and a root")
    return blocks[1 - roots[0]], blocks[roots[0]]


def fetch(
    data: bytes,
    *,
    sources: Sources | None = None,
    cache: Path | None = None,
    offline: bool = False,
    product: str | None = None,
    timeout: float = 30.0,
    now: int | None = None,
) -> dict[str, bytes]:
    """The collateral for a quote or report, by names of files.

    With `cache`, a folder, what is there and valid at `now` is taken, and what is fetched is kept there.
    `offline` asks nobody. `product` names AMD's product line for reports of version 2, which do not. Raises
    InputError, UnavailableError, DeadlineError, ConfigurationError.
    """
    decoded = evidence.decode(data)
    if decoded["type"] == "simulated":
        raise InputError("simulated evidence has no collateral")
    wanted = _amd(decoded, product) if decoded["type"] == "snp-report" else _intel(decoded)
    folder = None if cache is None else cache / wanted.folder
    moment = int(time.time()) if now is None else now
    if folder is not None and folder.is_dir():
        kept = evidence.read_folder(folder)
        if kept and _valid(kept, moment):
            return kept
    if offline:
        raise UnavailableError("the cache has nothing for this evidence that is valid now")
    files = wanted.fetch(sources or Sources(), timeout)
    if folder is not None:
        _keep(folder, files)
    return files


def _valid(files: dict[str, bytes], now: int) -> bool:
    described = evidence.describe_collateral(files)
    if any("unreadable" in item for item in described["items"].values()) or described["valid_until"] is None:
        return False
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return bool(described["valid_from"] <= text < described["valid_until"])


def _keep(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            draft = folder / f".{name}.draft"
            draft.write_bytes(content)
            draft.replace(folder / name)
    except OSError as error:
        raise ConfigurationError(f"the cache {folder} cannot be written: {error.strerror}") from None
