"""Seeds of X.509: certificates, revocation lists, DER and PEM. The signatures are none, which no parser looks at."""

from __future__ import annotations

import base64


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(size)]) + size + content


def extension(oid: str, value: bytes, critical: bool = False) -> bytes:
    return element(0x30, element(6, bytes.fromhex(oid)), b"\1\1\xff" if critical else b"", element(4, value))


ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
PSS_SHA384 = bytes.fromhex(
    "304106092a864886f70d01010a3034a00f300d06096086480165030402020500"
    "a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130"
)
P256_KEY = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
RSA_KEY = bytes.fromhex("300d06092a864886f70d0101010500")
# The base point of P-256, and numbers of the form of an RSA key.
POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
RSA_NUMBERS = element(0x30, element(2, b"\0" + b"\xc5" * 256), element(2, b"\1\0\1"))
NAME = element(0x30, element(0x31, element(0x30, bytes.fromhex("0603550403"), element(0x0C, b"Name"))))
DATES = element(0x17, b"220101000000Z") + element(0x18, b"20520101000000Z")
AUTHORITY = extension("551d13", bytes.fromhex("30060101ff020101"), True) + extension(
    "551d0f", bytes.fromhex("03020106"), True
)


def signed(algorithm: bytes, *tbs: bytes) -> bytes:
    signature = element(0x30, element(2, b"\1" * 32), element(2, b"\2" * 32))
    return element(0x30, element(0x30, *tbs), algorithm, element(3, b"\0", signature))


def certificate(algorithm: bytes, key: bytes, extensions: bytes) -> bytes:
    head = [bytes.fromhex("a003020102"), element(2, b"\5"), algorithm, NAME, element(0x30, DATES), NAME]
    return signed(algorithm, *head, element(0x30, key), element(0xA3, element(0x30, extensions)))


def of_certificate() -> dict[str, bytes]:
    point = P256_KEY + element(3, b"\0", POINT)
    numbers = RSA_KEY + element(3, b"\0", RSA_NUMBERS)
    return {
        "authority": certificate(ECDSA_SHA256, point, AUTHORITY),
        "other": certificate(ECDSA_SHA256, point, extension("2b0601040101", b"\2\1\3")),
        "rsa": certificate(PSS_SHA384, numbers, AUTHORITY),
    }


def of_crl() -> dict[str, bytes]:
    reason = element(0x30, extension("551d15", b"\x0a\1\1"))
    entries = element(0x30, element(0x30, element(2, b"\5"), element(0x17, b"220101000000Z"), reason))
    numbered = extension("551d14", b"\2\1\7") + extension("551d23", element(0x30, element(0x80, b"identifier")))
    head = [element(2, b"\1"), ECDSA_SHA256, NAME, DATES]
    return {
        "empty": signed(ECDSA_SHA256, *head, element(0xA0, element(0x30, numbered))),
        "one": signed(ECDSA_SHA256, *head, entries, element(0xA0, element(0x30, numbered))),
    }


def of_der() -> dict[str, bytes]:
    values = [
        element(1, b"\xff"),
        element(2, b"\0\x80"),
        element(3, b"\0\1"),
        element(6, b"\x55\4\3"),
        DATES,
        element(4, bytes(200)),
    ]
    return {"values": b"".join(values), "nested": element(0x30, element(0x31, element(0xA0, *values)))}


def of_pem() -> dict[str, bytes]:
    body = base64.encodebytes(of_certificate()["authority"])
    block = b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"
    return {"one": block, "two": block + b"\n" + block + b"\0", "crlf": block.replace(b"\n", b"\r\n")}


SEEDS = {"certificate": of_certificate, "crl": of_crl, "der": of_der, "pem": of_pem}
