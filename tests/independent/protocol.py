"""A second implementation of the protocol's bytes, from the design and the RFCs alone: cbor2, pycose, cryptography.
Tests hold the product against it. It is written to be read, not to be fast, and imports nothing of the product."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pycose.headers import Algorithm
from pycose.keys import OKPKey
from pycose.messages import Sign1Message

STANDING, FRESH = 0, 1


def canonical(value: Any) -> bytes:
    """Deterministic CBOR (RFC 8949 section 4.2.1): keys in the order of their encodings."""

    def ordered(item: Any) -> Any:
        if isinstance(item, dict):
            pairs = sorted(item.items(), key=lambda pair: cbor2.dumps(pair[0]))
            return {key: ordered(member) for key, member in pairs}
        return [ordered(member) for member in item] if isinstance(item, list) else item

    return cbor2.dumps(ordered(value))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def spki(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_of(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def keyset_id(document: bytes) -> bytes:
    return sha256(document)


def measurement(code: dict[str, bytes]) -> bytes:
    return sha256(canonical(code))


def report_data(kind: int, identity: bytes, value: bytes = bytes(32)) -> bytes:
    return hashlib.sha512(b"blindai evidence v1" + b"\0" + bytes([kind]) + identity + value).digest()


def session_message(identity: bytes, nonce: bytes, exporter: bytes) -> bytes:
    return b"blindai session v1" + b"\0" + identity + nonce + exporter


def auth_message(identity: bytes, exporter: bytes) -> bytes:
    return b"blindai auth v1" + b"\0" + identity + exporter


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, as it is written there."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


def merkle_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*merkle_path(index, leaves[:split]), merkle_root(leaves[split:])]
    return [*merkle_path(index - split, leaves[split:]), merkle_root(leaves[:split])]


def root_of_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """RFC 9162 section 2.1.3.2."""
    if index >= size:
        return None
    first, last, node = index, size - 1, sha256(b"\0" + leaf)
    for sibling in path:
        if last == 0:
            return None
        if first % 2 == 1 or first == last:
            node = sha256(b"\1" + sibling + node)
            while first % 2 == 0 and first != 0:
                first, last = first >> 1, last >> 1
        else:
            node = sha256(b"\1" + node + sibling)
        first, last = first >> 1, last >> 1
    return node if last == 0 else None


def _sign1(key: Ed25519PrivateKey, payload: bytes) -> bytes:
    protected = cbor2.dumps({1: -8})
    signature = key.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    return cbor2.dumps([protected, {}, payload, signature])


def simulated_evidence(root: Ed25519PrivateKey, platform: Ed25519PrivateKey, measured: bytes, data: bytes) -> bytes:
    first = canonical({"ctx": "blindai simulated platform v1", "root": spki(root), "key": spki(platform)})
    second = canonical({"ctx": "blindai simulated evidence v1", "measurement": measured, "report_data": data})
    return cbor2.dumps([_sign1(root, first), _sign1(platform, second)])


def _verify1(message: bytes, public: bytes) -> bytes:
    """Payload of a COSE_Sign1 whose signature pycose accepts."""
    decoded = Sign1Message.from_cose_obj(list(cbor2.loads(message)), True)
    assert decoded.phdr == {Algorithm: decoded.phdr[Algorithm]}
    assert decoded.uhdr == {}
    decoded.key = OKPKey(crv="ED25519", x=public)
    assert decoded.verify_signature(), "the signature does not hold"
    return bytes(decoded.payload)


def verify_simulated(data: bytes) -> dict[str, bytes]:
    """Root, measurement and report data of simulated evidence; asserts where anything does not hold."""
    first, second = cbor2.loads(data)
    claimed = cbor2.loads(cbor2.loads(first)[2])
    platform = cbor2.loads(_verify1(first, claimed["root"][-32:]))
    assert platform == claimed
    assert platform["ctx"] == "blindai simulated platform v1"
    claims = cbor2.loads(_verify1(second, platform["key"][-32:]))
    assert claims["ctx"] == "blindai simulated evidence v1"
    return {
        "root": sha256(platform["root"]),
        "measurement": claims["measurement"],
        "report_data": claims["report_data"],
    }


def bundle_head(files: list[tuple[str, bytes]]) -> bytes:
    """The CBOR of a bundle: the model first, the rest by name."""
    ordered = [files[0], *sorted(files[1:])]
    return canonical({"ctx": "blindai model v1", "files": [[name, len(data), sha256(data)] for name, data in ordered]})


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
