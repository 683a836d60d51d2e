"""Makes the seeds beside this file: small inputs that the fuzz targets start from, by target. Run it again only to add
some; what a target found is worth adding to `more` by hand."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import cbor2

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


SEEDS = {"cbor": of_cbor, "quote": of_quote}


def main() -> None:
    for target, make in SEEDS.items():
        folder = FOLDER / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in make().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
