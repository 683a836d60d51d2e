"""Generated chains under judges that are not ours: pyca/cryptography reads them, dcap-qvl verifies whole SGX and TDX
cases under their own root."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding

MAKER = Path(__file__).resolve().parents[2] / "build/dev/bin/blindai-test-chain"
DCAP = [
    ["sgx"],
    ["sgx", "--version", "4"],
    ["tdx"],
    ["tdx", "--version", "5"],
    ["tdx", "--version", "5", "--body-type", "3"],
    ["tdx", "--version", "5", "--body-type", "4"],
]


def make(folder: Path, *arguments: str) -> dict[str, bytes]:
    if not MAKER.exists():
        pytest.skip("blindai-test-chain is not built")
    subprocess.run([MAKER, "--tee", *arguments, "--out", folder], check=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def inner(document: str) -> str:
    """The signed object of a document, byte for byte."""
    return document[document.index(":") + 1 : document.index(',"signature"')]


def pck_chain(quote: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(quote[quote.index(b"-----BEGIN") :].split(b"\0")[0])


@pytest.mark.parametrize("arguments", [case for case in DCAP if case != ["sgx", "--version", "4"]], ids=" ".join)
def test_dcap_qvl_finds_a_generated_case_up_to_date(arguments: list[str], tmp_path: Path) -> None:
    dcap_qvl = pytest.importorskip("dcap_qvl")
    files = make(tmp_path, *arguments)
    texts = {name: files[name].decode() for name in files if name.endswith((".json", ".pem"))}
    collateral = dcap_qvl.QuoteCollateralV3(
        pck_crl_issuer_chain=texts["pck_crl_issuer_chain.pem"],
        root_ca_crl=files["root_ca_crl.der"],
        pck_crl=files["pck_crl.der"],
        tcb_info_issuer_chain=texts["tcb_signing_chain.pem"],
        tcb_info=inner(texts["tcb_info.json"]),
        tcb_info_signature=bytes.fromhex(json.loads(texts["tcb_info.json"])["signature"]),
        qe_identity_issuer_chain=texts["qe_identity_signing_chain.pem"],
        qe_identity=inner(texts["qe_identity.json"]),
        qe_identity_signature=bytes.fromhex(json.loads(texts["qe_identity.json"])["signature"]),
    )
    root = pck_chain(files["quote.bin"])[-1].public_bytes(Encoding.DER)
    at = json.loads(texts["case.json"])["verification_time_unix"]
    report = dcap_qvl.verify_with_root_ca(files["quote.bin"], collateral, root, at)
    assert report.status == "UpToDate"
    assert report.advisory_ids == []
    with pytest.raises(ValueError, match=r".+"):
        dcap_qvl.verify(files["quote.bin"], collateral, at)  # under Intel's root


@pytest.mark.parametrize("arguments", DCAP, ids=" ".join)
def test_cryptography_reads_a_generated_pck_chain(arguments: list[str], tmp_path: Path) -> None:
    files = make(tmp_path, *arguments)
    leaf, ca, root = pck_chain(files["quote.bin"])
    leaf.verify_directly_issued_by(ca)
    ca.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    for name, issuer in [("pck_crl.der", ca), ("root_ca_crl.der", root)]:
        crl = x509.load_der_x509_crl(files[name])
        assert crl.is_signature_valid(issuer.public_key())
        assert crl.issuer == issuer.subject
        assert len(crl) > 0
    signer = x509.load_pem_x509_certificates(files["tcb_signing_chain.pem"])[0].public_key()
    assert isinstance(signer, ec.EllipticCurvePublicKey)
    for name in ["tcb_info.json", "qe_identity.json"]:
        document = files[name].decode()
        raw = bytes.fromhex(json.loads(document)["signature"])
        signature = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        signer.verify(signature, inner(document).encode(), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("key", ["vcek", "vlek"])
@pytest.mark.parametrize("product", ["milan", "genoa", "turin"])
def test_cryptography_verifies_a_generated_report(product: str, key: str, tmp_path: Path) -> None:
    files = make(tmp_path, "snp", "--product", product, "--key", key)
    vek = x509.load_der_x509_certificate(files["vek.der"])
    between = x509.load_pem_x509_certificate(files["ask.pem" if key == "vcek" else "asvk.pem"])
    ark = x509.load_pem_x509_certificate(files["ark.pem"])
    vek.verify_directly_issued_by(between)
    between.verify_directly_issued_by(ark)
    ark.verify_directly_issued_by(ark)
    assert x509.load_der_x509_crl(files["ark_crl.der"]).is_signature_valid(ark.public_key())
    report = files["report.bin"]
    signature = utils.encode_dss_signature(
        int.from_bytes(report[0x2A0 : 0x2A0 + 72], "little"), int.from_bytes(report[0x2E8 : 0x2E8 + 72], "little")
    )
    public_key = vek.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    public_key.verify(signature, report[:0x2A0], ec.ECDSA(hashes.SHA384()))


def test_every_made_chain_has_a_root_of_its_own(tmp_path: Path) -> None:
    roots = set()
    for name in ["first", "second"]:
        files = make(tmp_path / name, "sgx")
        roots.add(hashlib.sha256(pck_chain(files["quote.bin"])[-1].public_bytes(Encoding.DER)).hexdigest())
    assert len(roots) == 2


def test_no_product_links_the_generator() -> None:
    root = Path(__file__).resolve().parents[2]
    for path in [*(root / "src").rglob("CMakeLists.txt"), *(root / "python").rglob("CMakeLists.txt")]:
        assert not re.search("test_chains|tests/chains", path.read_text()), path
