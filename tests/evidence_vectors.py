"""Reference evidence and collateral: $BLINDAI_TEST_DATA/vectors, by default ../shared/vectors beside this project.

A test that needs it is marked `needs_vectors`, and is reported skipped where the data is absent.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("BLINDAI_TEST_DATA", Path(__file__).resolve().parents[2] / "shared")) / "vectors"
PRESENT = ROOT.is_dir()

needs_vectors = pytest.mark.skipif(not PRESENT, reason=f"no reference data at {ROOT}")


@cache
def case(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / name / "case.json").read_text())
    return document


@cache
def file(name: str) -> bytes:
    return (ROOT / name).read_bytes()


def files(name: str) -> dict[str, bytes]:
    return {path.name: file(f"{name}/{path.name}") for path in sorted((ROOT / name).iterdir()) if path.is_file()}


def cases(*kinds: str) -> list[str]:
    """Names of all cases of these kinds: "sgx/automata-v3-outofdate"."""
    found = [path.parent for kind in kinds for path in sorted((ROOT / kind).glob("*/case.json"))] if PRESENT else []
    return [str(path.relative_to(ROOT)) for path in found]


def has_verdict(name: str) -> bool:
    return case(name).get("expected", {}).get("strict_policy_verdict") is not None


def mutations(kind: str) -> list[dict[str, Any]]:
    """The changed inputs of "dcap" or "snp"."""
    if not PRESENT:
        return []
    listed: list[dict[str, Any]] = json.loads((ROOT / f"mutations-{kind}.json").read_text())["mutations"]
    return listed


def mutate(mutation: dict[str, Any]) -> tuple[dict[str, bytes], int]:
    """The changed files, and the time to judge them at."""
    changed = files(mutation["base"])
    at = int(case(mutation["base"])["verification_time_unix"])
    for op in mutation["ops"]:
        if op["op"] == "clock":
            at = op["unix"]
            continue
        name = op["file"]
        if op["op"] == "delete":
            del changed[name]
        elif op["op"] == "use":
            changed[name] = file(f"{op['case']}/{op['from']}")
        else:
            changed[name] = _edit(changed[name], op)
    return changed, at


def _edit(old: bytes, op: dict[str, Any]) -> bytes:
    at = op.get("offset", len(old))
    new = bytes.fromhex(op.get("hex", ""))
    match op["op"]:
        case "xor":
            return old[:at] + bytes([old[at] ^ int(op["value"], 16)]) + old[at + 1 :]
        case "set":
            return old[:at] + new + old[at + len(new) :]
        case "insert" | "append":
            return old[:at] + new + old[at:]
        case "truncate":
            return old[: op["size"]]
    raise ValueError(op["op"])


def policy(
    *,
    tcb_status: tuple[str, ...] = ("UpToDate",),
    advisories: str = "[]",
    allow_debug: bool = False,
    vmpl: int = 0,
    allow_provisional: bool = False,
    require_crl: bool = True,
) -> str:
    """A policy for all kinds of hardware, and any measurement."""
    words = {True: "true", False: "false"}
    shared = f'allow_debug = {words[allow_debug]}\nrequire_crl = {words[require_crl]}\nplatform_ids = "any"\n'
    intel = f"tcb_status = {json.dumps(list(tcb_status))}\nallowed_advisories = {advisories}\n"
    registers = "".join(f'{name} = "any"\n' for name in ("mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3"))
    return (
        f'version = 1\nname = "vectors"\n[accept.sgx]\nmrenclave = "any"\nmrsigner = "any"\n{intel}{shared}'
        f"[accept.tdx]\n{registers}{intel}{shared}"
        f'[accept.snp]\nmeasurement = "any"\nproducts = ["Milan", "Genoa", "Turin"]\nvmpl = {vmpl}\n'
        f"allow_provisional = {words[allow_provisional]}\n{shared}"
    )


def has_crls(name: str) -> bool:
    names = {"ark_crl.der"} if name.startswith("snp/") else {"root_ca_crl.der", "pck_crl.der"}
    return names <= set(files(name))


def strict_policy(name: str) -> str:
    """What `strict_policy_verdict` is for, without revocation lists where a case has none."""
    return policy(require_crl=has_crls(name))


def lenient_policy(name: str) -> str:
    """A policy that accepts the TCB status and the flags of a case."""
    document = case(name)
    expected = document.get("expected", {})
    status = (expected.get("tcb") or {}).get("status", "UpToDate")
    debug = (expected.get("measurements") or document.get("report") or {}).get("debug", False)
    provisional = any("committed_tcb" in reason for reason in expected.get("reject_reasons") or ())
    return policy(
        tcb_status=("UpToDate",) if status == "TcbNotSupported" else (status,),
        advisories='"any"',
        allow_debug=debug,
        vmpl=document.get("report", {}).get("vmpl", 0),
        allow_provisional=provisional,
        require_crl=has_crls(name),
    )
