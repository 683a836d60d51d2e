"""Makes seeds of the reference data for the fuzz targets, where it is there: vector_seeds.py FOLDER writes to
FOLDER/<target>. Only the standard library, so that any Python 3 runs it."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("BLINDAI_TEST_DATA", ROOT.parent / "shared")) / "vectors"


def files(*patterns: str) -> dict[str, bytes]:
    """The files of all cases that a pattern matches, by a name made of their path."""
    found = sorted(path for pattern in patterns for path in VECTORS.glob(pattern))
    return {"-".join(path.relative_to(VECTORS).parts): path.read_bytes() for path in found}


SGX_EXTENSION = bytes.fromhex("06092a864886f84d010d010482")  # its OID, and the tag of its value with a long length


def pck_extensions() -> dict[str, bytes]:
    """Intel's extension of the first certificate in each quote."""
    found = {}
    for name, quote in files("sgx/*/quote.bin", "tdx/*/quote.bin").items():
        pem = re.search(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", quote, re.DOTALL)
        if pem is None:
            continue
        certificate = base64.b64decode(pem[1])
        at = certificate.index(SGX_EXTENSION) + len(SGX_EXTENSION)
        size = int.from_bytes(certificate[at : at + 2], "big")
        found[name] = certificate[at + 2 : at + 2 + size]
    return found


PEM = re.compile(b"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----\n", re.DOTALL)


def certificates() -> dict[str, bytes]:
    """The distinct certificates of chains and of quotes."""
    out = files("snp/*/vek.der", "sgx/*/enclave_held_data.der")
    for name, text in files("*/*.pem", "*/*/*.pem", "*/*/quote.bin").items():
        for index, body in enumerate(PEM.findall(text)):
            der = base64.b64decode(body)
            if der not in out.values():
                out[f"{name}-{index}"] = der
    return out


def chains() -> dict[str, bytes]:
    in_quotes = files("sgx/*/quote.bin", "tdx/*/quote.bin")
    carried = {name: b"".join(found.group(0) for found in PEM.finditer(data)) for name, data in in_quotes.items()}
    return files("*/*/*chain.pem", "snp/*/a*.pem") | {name: text + b"\0" for name, text in carried.items()}


CRLS = ("*/*/*crl.der", "*/*/*Crl.der", "snp/*/ark_crl_*.der")

ITEMS = ("tcb_info", "tcb_signing_chain", "qe_identity", "root_ca_crl", "pck_crl", "vek", "ask", "ark", "ark_crl")


def containers() -> dict[str, bytes]:
    """The collateral of each case as the container that holds it, where it is short enough to be a seed."""
    out = {}
    for case in sorted(path.parent for path in VECTORS.glob("*/*/case.json")):
        items = {
            path.stem: base64.b64encode(path.read_bytes()).decode() for path in case.iterdir() if path.stem in ITEMS
        }
        container = json.dumps(items).encode()
        if items and len(container) <= 65536:
            out[case.name] = container
    return out


SEEDS = {
    "certificate": certificates,
    "collateral": containers,
    "crl": lambda: files(*CRLS),
    "der": lambda: certificates() | files(*CRLS),
    "pck_extension": pck_extensions,
    "pem": chains,
    "qe_identity": lambda: files("*/*/qe_identity.json"),
    "quote": lambda: files("sgx/*/quote.bin", "tdx/*/quote.bin"),
    "snp_report": lambda: files("snp/*/report.bin"),
    "tcb_info": lambda: files("*/*/tcb_info.json"),
    "vek": lambda: files("snp/*/vek.der"),
}


def main() -> None:
    if not VECTORS.is_dir():
        print(f"no reference data at {VECTORS}")
    for target, make in SEEDS.items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in make().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
