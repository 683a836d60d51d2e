"""Makes protocol.json beside this file: the protocol's documents and messages as bytes, from fixed seeds. Run it again
only to change them; C++ and Python tests hold both implementations to the file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.independent import protocol as p

FILE = Path(__file__).with_name("protocol.json")


def keyset_fields() -> dict[str, object]:
    return {
        "ctx": "blindai keyset v1",
        "tee": "simulated",
        "tls": p.sha256(b"leaf"),
        "session": p.spki(p.key_of(b"s" * 32)),
        "receipt": p.spki(p.key_of(b"r" * 32)),
        "hpke": None,
        "config": {
            "engine": "worker",
            "isolation": "group",
            "batch": "group",
            "auth": ["proof"],
            "sandbox": ["rlimits", "seccomp"],
            "sealing": "none",
            "models": None,
            "limits": {"request_bytes": 268435456},
            "metrics": p.sha256(b""),
        },
        "code": {"blindai-server": p.sha256(b"server"), "blindai-worker": p.sha256(b"worker")},
        "store": None,
        "build": "0.1.0 vectors",
        "not_before": 1_800_000_000,
        "not_after": 1_800_021_900,
    }


def make() -> dict[str, object]:
    document = p.canonical(keyset_fields())
    identity = p.keyset_id(document)
    code = {"blindai-server": p.sha256(b"server"), "blindai-worker": p.sha256(b"worker")}
    nonce, exporter = p.sha256(b"nonce"), p.sha256(b"exporter")
    leaves = [bytes([i]) * 32 for i in range(1, 12)]
    root = p.merkle_root(leaves)
    data = p.report_data(p.FRESH, identity, root)
    session = p.key_of(b"s" * 32)
    caller = p.key_of(b"c" * 32)
    files = [("m.onnx", b"model"), ("b.data", b"second"), ("a.data", b"first")]
    return {
        "keyset": {"document": document.hex(), "id": identity.hex(), "code_measurement": p.measurement(code).hex()},
        "report_data": {"standing": p.report_data(p.STANDING, identity).hex(), "fresh": data.hex()},
        "merkle": {
            "leaves": [leaf.hex() for leaf in leaves],
            "root": root.hex(),
            "paths": [[h.hex() for h in p.merkle_path(i, leaves)] for i in range(len(leaves))],
        },
        "session": {
            "nonce": nonce.hex(),
            "exporter": exporter.hex(),
            "message": p.session_message(identity, nonce, exporter).hex(),
            "signature": session.sign(p.session_message(identity, nonce, exporter)).hex(),
        },
        "auth": {
            "seed": (b"c" * 32).hex(),
            "message": p.auth_message(identity, exporter).hex(),
            "proof": caller.sign(p.auth_message(identity, exporter)).hex(),
        },
        "simulated": {
            "root_seed": (b"o" * 32).hex(),
            "platform_seed": (b"p" * 32).hex(),
            "measurement": p.measurement(code).hex(),
            "report_data": data.hex(),
            "evidence": p.simulated_evidence(p.key_of(b"o" * 32), p.key_of(b"p" * 32), p.measurement(code), data).hex(),
        },
        "bundle": {"head": p.bundle_head(files).hex(), "digest": p.sha256(p.bundle_head(files)).hex()},
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), indent=1) + "\n")
