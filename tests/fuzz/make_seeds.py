"""Makes the seeds beside this file: small inputs that the fuzz targets start from, by target. Run it again only to add
some; what a target found is worth adding to `more` by hand."""

from __future__ import annotations

import json
import struct
from datetime import datetime
from pathlib import Path

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from message_seeds import SEEDS as MESSAGE_SEEDS
from x509_seeds import SEEDS as X509_SEEDS
from x509_seeds import element

FOLDER = Path(__file__).parent
VECTORS = json.loads((FOLDER.parent / "vectors/protocol.json").read_text())


def of_cbor() -> dict[str, bytes]:
    values = {
        "null": None,
        "truth": [True, False],
        "numbers": [0, 23, 24, 255, 256, 65535, 65536, 2**32, 2**63 - 1, -1, -24, -25, -(2**63)],
        "text": {"": "", "a": "\u00e4\u20ac\U0001f600", "aa": b"\x00\xff"},
        "deep": [[[[[[[[[[[[[[[]]]]]]]]]]]]]]],
        "keys": {1: -8, "b": {}, "aa": []},
    }
    return {name: cbor2.dumps(value, canonical=True) for name, value in values.items()} | {
        "keyset": bytes.fromhex(VECTORS["keyset"]["document"]),
        "cose": bytes.fromhex(VECTORS["simulated"]["evidence"]),
    }


INTEL_QE = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
BODY_BYTES = {1: 384, 2: 584, 3: 648, 4: 885}


def quote(version: int, body_type: int, padding: int = 0) -> bytes:
    """The form of a quote of zeros, whose body is of the type that version 5 gives it."""
    tee = 0 if body_type == 1 else 0x81
    header = struct.pack("<HHIHH", version, 2, tee, 1, 2) + INTEL_QE + bytes(20)
    body = bytes(BODY_BYTES[body_type])
    if version == 5:
        body = struct.pack("<HI", body_type, len(body)) + body
    auth = bytes(range(32))
    chain = b"-----BEGIN CERTIFICATE-----\n\0"
    certification = bytes(384 + 64) + struct.pack("<H", len(auth)) + auth + struct.pack("<HI", 5, len(chain)) + chain
    if version >= 4:
        certification = struct.pack("<HI", 6, len(certification)) + certification
    signature = bytes(128) + certification
    return header + body + struct.pack("<I", len(signature)) + signature + bytes(padding)


def of_quote() -> dict[str, bytes]:
    forms = [(3, 1), (4, 1), (4, 2), (5, 1), (5, 2), (5, 3), (5, 4)]
    return {f"v{version}-{body_type}": quote(version, body_type) for version, body_type in forms} | {
        "padded": quote(4, 2, 70),
        "cut": quote(5, 3)[:-1],
    }


def signed(member: str, inner: dict[str, object]) -> bytes:
    return json.dumps({member: inner, "signature": "0f" * 64}, separators=(",", ":")).encode()


DATES = {"issueDate": "2026-02-18T10:58:51Z", "nextUpdate": "2026-03-20T10:58:51Z", "tcbEvaluationDataNumber": 18}
STANDING = {"tcbDate": "2024-11-13T00:00:00Z", "tcbStatus": "OutOfDate", "advisoryIDs": ["INTEL-SA-00837"]}
MODULE = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}


def tcb_info(version: int, tee: str) -> bytes:
    inner: dict[str, object] = {"version": version, **DATES, "fmspc": "90C06F000000", "pceId": "0000", "tcbType": 0}
    tcb: dict[str, object] = {"pcesvn": 13}
    if version == 2:
        tcb |= {f"sgxtcbcomp{i + 1:02}svn": i for i in range(16)}
    else:
        inner["id"] = tee
        tcb["sgxtcbcomponents"] = [{"svn": i} for i in range(16)]
    if tee == "TDX":
        tcb["tdxtcbcomponents"] = [{"svn": 255 - i} for i in range(16)]
        level = {"tcb": {"isvsvn": 6}, **STANDING}
        inner |= {"tdxModule": MODULE, "tdxModuleIdentities": [{"id": "TDX_03", **MODULE, "tcbLevels": [level]}]}
    older = {**tcb, "pcesvn": 5}
    inner["tcbLevels"] = [{"tcb": older, **STANDING}, {"tcb": tcb, **STANDING, "tcbStatus": "UpToDate"}]
    return signed("tcbInfo", inner)


def of_tcb_info() -> dict[str, bytes]:
    whole = {"sgx-v2": tcb_info(2, "SGX"), "sgx-v3": tcb_info(3, "SGX"), "tdx-v3": tcb_info(3, "TDX")}
    return whole | {"inner": whole["tdx-v3"].removeprefix(b'{"tcbInfo":').split(b',"signature"')[0]}


def of_qe_identity() -> dict[str, bytes]:
    levels = [{"tcb": {"isvsvn": 8}, **STANDING}, {"tcb": {"isvsvn": 6}, **STANDING, "tcbStatus": "Revoked"}]
    masks = {
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11" * 16,
        "attributesMask": "FB" * 16,
    }
    inner = {"version": 2, **DATES, **masks, "mrsigner": "8C" * 32, "isvprodid": 1, "tcbLevels": levels}
    ids = {"qe": "QE", "td-qe": "TD_QE", "qve": "QVE"}
    return {name: signed("enclaveIdentity", {"id": text} | inner) for name, text in ids.items()}


SGX_EXTENSION = bytes.fromhex("2a864886f84d010d01")


def entry(number: list[int], value: bytes) -> bytes:
    return element(0x30, element(0x06, SGX_EXTENSION + bytes(number)) + value)


def pck_extension(platform: bool) -> bytes:
    components = b"".join(entry([2, i], element(0x02, bytes([i]))) for i in range(1, 17))
    svns = entry([2, 17], element(0x02, b"\x0d")) + entry([2, 18], element(0x04, bytes(range(1, 17))))
    flags = b"".join(entry([7, i], element(0x01, b"\xff")) for i in (1, 2, 3))
    content = (
        entry([1], element(0x04, bytes(16)))
        + entry([2], element(0x30, components + svns))
        + entry([3], element(0x04, bytes(2)))
        + entry([4], element(0x04, bytes.fromhex("00606a000000")))
        + entry([5], element(0x0A, b"\x01"))
    )
    if platform:
        content += entry([6], element(0x04, bytes(16))) + entry([7], element(0x30, flags))
    return element(0x30, content)


def of_pck_extension() -> dict[str, bytes]:
    return {"platform": pck_extension(platform=True), "processor": pck_extension(platform=False)}


def of_snp_report() -> dict[str, bytes]:
    def report(version: int, cpuid: bytes = b"", key_info: int = 0) -> bytes:
        blank = bytearray(1184)
        struct.pack_into("<I", blank, 0x00, version)
        struct.pack_into("<Q", blank, 0x08, 0x30000)
        struct.pack_into("<II", blank, 0x34, 1, 0)
        struct.pack_into("<I", blank, 0x48, key_info)
        blank[0x188 : 0x188 + len(cpuid)] = cpuid
        blank[0x2A0:0x2D0] = blank[0x2E8:0x318] = bytes(range(48))
        return bytes(blank)

    return {
        "v2": report(2),
        "v3-milan-vlek": report(3, b"\x19\x01\x01", 1 << 2),
        "v4-genoa": report(4, b"\x19\x11\x01"),
        "v5-turin-masked": report(5, b"\x1a\x02\x01", 1 << 1),
        "cut": report(5)[:-1],
    }


def vek(name: str, extensions: dict[str, bytes]) -> bytes:
    """A certificate with AMD's extensions, signed by itself: who signed it is none of a parser's business."""
    key = ec.derive_private_key(0xB11DA1, ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    builder = builder.not_valid_before(datetime(2025, 1, 1)).not_valid_after(datetime(2032, 1, 1))
    for below, value in extensions.items():
        oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.3704.1.{below}")
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


def of_vek() -> dict[str, bytes]:
    components = {f"3.{i}": b"\x02\x01\x00" for i in range(1, 8)} | {"3.8": b"\x02\x02\x00\xdb"}
    milan = {"1": b"\x02\x01\x00", "2": b"\x16\x08Milan-B0"} | components
    turin = {"1": b"\x02\x01\x01", "2": b"\x16\x05Turin", "3.9": b"\x02\x01\x01"} | components
    return {
        "milan": vek("SEV-VCEK", milan | {"4": bytes(range(64))}),
        "milan-wrapped": vek("SEV-VCEK", milan | {"4": b"\x04\x40" + bytes(range(64))}),
        "turin": vek("SEV-VCEK", turin | {"4": bytes(range(8))}),
        "vlek": vek("SEV-VLEK", milan | {"5": b"\x16\x07CN=some"}),
    }


SEEDS = (
    MESSAGE_SEEDS
    | X509_SEEDS
    | {
        "cbor": of_cbor,
        "pck_extension": of_pck_extension,
        "qe_identity": of_qe_identity,
        "quote": of_quote,
        "snp_report": of_snp_report,
        "tcb_info": of_tcb_info,
        "vek": of_vek,
    }
)


def main() -> None:
    for target, make in SEEDS.items():
        folder = FOLDER / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in make().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
