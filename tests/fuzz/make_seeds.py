"""Makes the seeds beside this file: small inputs that the fuzz targets start from, by target. Run it again only to add
some; what a target found is worth adding to `more` by hand."""

from __future__ import annotations

import json
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


SEEDS = {"cbor": of_cbor}


def main() -> None:
    for target, make in SEEDS.items():
        folder = FOLDER / "seeds" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in make().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
