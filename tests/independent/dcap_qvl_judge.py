"""dcap-qvl (PyPI) on the same files: an independent judge of SGX and TDX evidence, and where it judges otherwise."""

from __future__ import annotations

import json
from typing import Any

import dcap_qvl

# The disagreements that are known, each with the clause that settles it. docs/evidence.md lists them for readers.
KNOWN = {
    "tcb info of version 2": "TCB info of version 2 is still right for SGX (Intel PCS API 3); dcap-qvl reads 3 alone",
    "root's own signature": "a root of the pinned key is Intel's certificate, or has signed itself (RFC 5280, 6.1)",
    "outer certification data": "quotes of version 4 and 5 wrap theirs in type 6 (Intel TDX DCAP API, appendix A.3)",
}


def inner_object(document: str, name: str) -> str:
    """The text of a member that is an object, as it stands: what the signature covers."""
    start = document.index("{", document.index(f'"{name}"'))
    _, end = json.JSONDecoder().raw_decode(document, start)
    return document[start:end]


def collateral(files: dict[str, bytes]) -> Any:
    tcb_info, qe_identity = files["tcb_info.json"].decode(), files["qe_identity.json"].decode()
    return dcap_qvl.QuoteCollateralV3(
        files.get("pck_crl_issuer_chain.pem", b"").decode(),
        files["root_ca_crl.der"],
        files["pck_crl.der"],
        files["tcb_signing_chain.pem"].decode(),
        inner_object(tcb_info, "tcbInfo"),
        bytes.fromhex(json.loads(tcb_info)["signature"]),
        files["qe_identity_signing_chain.pem"].decode(),
        inner_object(qe_identity, "enclaveIdentity"),
        bytes.fromhex(json.loads(qe_identity)["signature"]),
    )


def judge(files: dict[str, bytes], at: int) -> tuple[str, list[str]] | str:
    """Status and advisories, or why it was refused. What cannot even be given to it is refused too."""
    try:
        given = collateral(files)
    except (KeyError, ValueError) as error:
        return f"collateral: {error!r}"
    try:
        report = dcap_qvl.verify(files["quote.bin"], given, at)
    except (ValueError, RuntimeError) as error:
        return str(error)
    return report.status, sorted(report.advisory_ids)


def known_disagreement(files: dict[str, bytes], theirs: tuple[str, list[str]] | str, what: str) -> str | None:
    """The entry of KNOWN that explains why the verdicts differ, or nothing."""
    if isinstance(theirs, str):
        return "tcb info of version 2" if "missing field `sgxtcbcomponents`" in theirs else None
    if "root certificate" in what:
        return "root's own signature"
    return "outer certification data" if what.startswith("outer certification data type") else None
