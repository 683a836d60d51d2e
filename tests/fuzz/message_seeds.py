"""Seeds of the targets that read messages and models; make_seeds.py writes them."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from pathlib import Path

import cbor2

TESTS = Path(__file__).resolve().parents[1]
VECTORS = json.loads((TESTS / "vectors/protocol.json").read_text())


def number(value: int) -> bytes:
    """The two bytes that some targets take off the front."""
    return value.to_bytes(2, "big")


def of_http_head() -> dict[str, bytes]:
    heads = {
        "get": "GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "infer": "POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n"
        "Content-Type: application/json\r\n"
        "Inference-Header-Content-Length: 10\r\nBlindai-Model-Digest: sha256:00\r\n\r\n{}",
        "upload": "POST /blindai/v1/models?id=m&save=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Expect: 100-continue\r\nRepr-Digest: sha-256=:AA==:\r\nAuthorization: BlindAI id=0, proof=1\r\n\r\n",
        "old": "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "twice": "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "cut": "GET / HTTP/1.1\r\nHo",
    }
    return {name: text.encode() for name, text in heads.items()}


def field(tag: int, data: bytes) -> bytes:
    """A field of bytes, shorter than 16 KiB, in a protocol buffer."""
    size = bytes([len(data)]) if len(data) < 128 else bytes([len(data) % 128 + 128, len(data) // 128])
    return bytes([tag * 8 + 2]) + size + data


def of_grpc_request() -> dict[str, bytes]:
    parameters = field(4, field(1, b"timeout") + field(2, b"\x10\x64"))
    head = field(1, b"m") + field(2, b"1") + field(3, b"id") + parameters
    raw = field(5, field(1, b"x") + field(2, b"FP32") + b"\x18\x01\x18\x02")
    outputs = field(6, field(1, b"y") + field(2, field(1, b"classification") + field(2, b"\x10\x00")))
    requests = {"raw": head + raw + outputs + field(7, bytes(8))}
    for datatype, number_of_field, contents in (
        (b"BOOL", 1, b"\1\0"),
        (b"INT8", 2, b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\1\x7f"),
        (b"INT64", 3, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0"),
        (b"UINT16", 4, b"\xff\xff\3\0"),
        (b"UINT64", 5, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0"),
        (b"FP32", 6, bytes(8)),
        (b"FP64", 7, bytes(16)),
    ):
        tensor = field(1, b"x") + field(2, datatype) + field(3, b"\1\2") + field(5, field(number_of_field, contents))
        requests[datatype.decode().lower()] = field(1, b"m") + field(5, tensor)
    texts = field(1, b"x") + field(2, b"BYTES") + field(3, b"\2") + field(5, field(8, b"a\0\xff") + field(8, b""))
    return requests | {"bytes": field(1, b"m") + field(5, texts)}


def of_grpc_session() -> dict[str, bytes]:
    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def header(name: bytes, value: bytes) -> bytes:
        return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value

    def head(*more: tuple[bytes, bytes]) -> bytes:
        fields = [(b":path", b"/a.B/C"), (b":authority", b"x"), (b"content-type", b"application/grpc"), *more]
        return b"\x83\x87" + b"".join(header(*one) for one in fields)

    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    message = b"\0\0\0\0\5hello"
    packed = gzip.compress(b"hello" * 100, mtime=0)
    sessions = {
        "call": frame(1, 4, 1, head()) + frame(0, 1, 1, message),
        "two": frame(1, 4, 1, head()) + frame(1, 4, 3, head()) + frame(0, 0, 1, message) + frame(0, 1, 3, message * 3),
        "gzip": frame(1, 4, 1, head((b"grpc-encoding", b"gzip")))
        + frame(0, 1, 1, b"\1" + struct.pack(">I", len(packed)) + packed),
        "reset": frame(1, 4, 1, head((b"grpc-timeout", b"1S"))) + frame(3, 0, 1, bytes(4)),
        "continued": frame(1, 0, 1, head()[:20])
        + frame(9, 4, 1, head()[20:])
        + frame(0, 9, 1, b"\2" + message + bytes(2)),
        "control": frame(6, 0, 0, bytes(8))
        + frame(8, 0, 0, b"\0\0\1\0")
        + frame(2, 0, 1, bytes(5))
        + frame(99, 0, 0, b"x"),
        "goaway": frame(7, 0, 0, bytes(8)),
    }
    return {name: bytes([49]) + start + frames for name, frames in sessions.items()}


def of_http_chunks() -> dict[str, bytes]:
    bodies = {
        "two": "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
        "trailers": "A\r\n0123456789\r\n0\r\nTrailer: yes\r\nMore: no\r\n\r\n",
        "empty": "0\r\n\r\n",
        "large": "fffffffffff\r\n",
    }
    return {name: text.encode() for name, text in bodies.items()}


def of_http_inflate() -> dict[str, bytes]:
    text = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}'
    gzipped = gzip.compress(text, mtime=0)
    bodies = {
        "gzip": b"\0" + gzipped,
        "members": b"\0" + gzip.compress(text[:20], mtime=0) + gzip.compress(text[20:], mtime=0),
        "stored": b"\0" + gzip.compress(text, 0, mtime=0),
        "trailing": b"\0" + gzipped + b"\0",
        "deflate": b"\1" + zlib.compress(text),
        "zeros": b"\1" + zlib.compress(bytes(100_000)),
        "cut": b"\1" + zlib.compress(text)[:-3],
    }
    return bodies


def of_v2_request() -> dict[str, bytes]:
    binary = {"name": "x", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}}
    plain = {"name": "x", "datatype": "INT64", "shape": [2, 2], "data": [[1, -2], [9223372036854775807, 0]]}
    types = ["BOOL", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "FP32", "FP64", "FP16"]
    every = [{"name": t, "datatype": t, "shape": [1], "data": [t == "BOOL" or 1]} for t in types]
    documents = {
        "binary": (16, {"inputs": [binary], "parameters": {"binary_data_output": True, "timeout": 1000}}),
        "json": (0, {"id": "7", "inputs": [plain], "outputs": [{"name": "y", "parameters": {"binary_data": False}}]}),
        "types": (0, {"inputs": every}),
        "mixed": (16, {"inputs": [plain, binary | {"name": "z"}]}),
    }
    return {name: number(tail) + json.dumps(text).encode() for name, (tail, text) in documents.items()}


def of_v2_answer() -> dict[str, bytes]:
    output = {"name": "y", "datatype": "FP32", "shape": [3], "parameters": {"binary_data_size": 12}}
    document = {"model_name": "m", "model_version": "1", "id": "7", "outputs": [output, output | {"name": "z"}]}
    return {"two": number(24) + json.dumps(document).encode()}


def of_gate() -> dict[str, bytes]:
    seeds = {}
    for name in ("double", "gather", "identity", "loop", "mlp", "strings", "types", "unknown_operator"):
        model = (TESTS / f"data/models/{name}.onnx").read_bytes()
        seeds[name] = number(len(model)) + model
    model = (
        (TESTS / "data/models/mlp_external.onnx")
        .read_bytes()
        .replace(b"mlp_external.onnx.data", b"./././././././././w.data")
    )
    data = (TESTS / "data/models/mlp_external.onnx.data").read_bytes()
    seeds["external"] = number(len(model)) + model + data
    return seeds


def of_gate_graph() -> dict[str, bytes]:
    """What the gate writes in another way: a list of maps, and a locale. Other seeds are made by model_seeds.py."""

    def node(kind: bytes, attribute: bytes, domain: bytes = b"") -> bytes:
        return field(1, b"x") + field(2, b"y") + field(4, kind) + field(5, attribute) + field(7, domain)

    def model(one: bytes, element: bytes, output: bytes) -> bytes:
        tensor = field(1, b"\x08" + element + field(2, field(1, b"") + field(1, b"")))
        graph = field(1, one) + field(2, b"g") + field(11, field(1, b"x") + field(2, tensor))
        graph += field(12, field(1, b"y") + field(2, output or tensor))
        return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11") + field(8, field(1, b"ai.onnx.ml") + b"\x10\x03")

    ints = field(1, b"classlabels_int64s") + field(8, b"\x01\x02") + b"\xa0\x01\x07"
    maps = field(4, field(1, field(5, b"\x08\x07" + field(2, field(1, b"\x08\x01")))))
    locale = field(1, b"locale") + field(4, b"en_US.UTF-8") + b"\xa0\x01\x03"
    return {
        "zipmap": model(node(b"ZipMap", ints, b"ai.onnx.ml"), b"\x01", maps),
        "normalizer": model(node(b"StringNormalizer", locale), b"\x08", b""),
    }


def of_bundle() -> dict[str, bytes]:
    def head(*files: list[object]) -> bytes:
        return cbor2.dumps({"ctx": "blindai model v1", "files": list(files)}, canonical=True)

    digest = bytes(32)
    return {
        "one": number(5) + head(["m.onnx", 5, digest]),
        "three": number(16) + head(["m.onnx", 5, digest], ["a.data", 10, digest], ["b/c.data", 1, digest]),
        "vector": number(0) + bytes.fromhex(VECTORS["bundle"]["head"]),
    }


def of_keyset() -> dict[str, bytes]:
    document = cbor2.loads(bytes.fromhex(VECTORS["keyset"]["document"]))
    config = document["config"] | {"models": [bytes(32)], "auth": ["bearer", "proof"], "sealing": "key-file"}
    whole = document | {"hpke": b"key", "store": [b"id", 7], "config": config}
    return {"plain": cbor2.dumps(document, canonical=True), "whole": cbor2.dumps(whole, canonical=True)}


def of_attest() -> dict[str, bytes]:
    def b64(data: bytes) -> str:
        return base64.b64encode(data).decode()

    evidence = b64(bytes.fromhex(VECTORS["simulated"]["evidence"]))
    answer = {
        "keyset": b64(bytes.fromhex(VECTORS["keyset"]["document"])),
        "evidence": [{"type": "simulated", "data": evidence, "log": None}],
        "collateral": None,
        "path": {"index": 1, "size": 3, "hashes": [b64(bytes(32)), b64(bytes(32))]},
        "session_signature": b64(bytes.fromhex(VECTORS["session"]["signature"])),
    }
    request = {"nonce": b64(b"n" * 32), "fresh": True, "have": b64(bytes(32))}
    log = [{"type": "tdx-quote", "data": b64(b"q"), "log": b64(b"l")}]
    documents = {
        "answer": answer,
        "request": request,
        "collateral": answer | {"evidence": log, "collateral": {"tcb_info": b64(b"{}")}},
    }
    return {name: json.dumps(text, separators=(",", ":")).encode() for name, text in documents.items()}


def of_worker_frames() -> dict[str, bytes]:
    hello = {"engine": "onnxruntime", "version": "1.28.0", "sandbox": ["rlimits", "seccomp"]}
    plan = {"inputs": [[b"x", "FP32", [-1, 4]]], "outputs": [], "weights": [[b"w", "FP32", [2, 2], 0, 16]]}

    def tensor(index: int, datatype: int, dims: list[int], offset: int, size: int) -> bytes:
        shape = dims + [0] * (16 - len(dims))
        return struct.pack("<4I16q2Q", index, datatype, len(dims), 0, *shape, offset, size)

    answer = struct.pack("<Q4I120x", 7, 0, 2, 0, 0)
    return {
        "hello": cbor2.dumps(hello, canonical=True),
        "plan": cbor2.dumps(plan, canonical=True),
        "refusal": b"\x0cthe engine lacks operator 'Frobnicate'",
        "answer": answer + tensor(0, 11, [1, 3], 0, 12) + tensor(1, 8, [2], 64, 16),
    }


SEEDS = {
    "attest": of_attest,
    "bundle": of_bundle,
    "gate": of_gate,
    "gate_graph": of_gate_graph,
    "http_chunks": of_http_chunks,
    "grpc_request": of_grpc_request,
    "grpc_session": of_grpc_session,
    "http_inflate": of_http_inflate,
    "http_head": of_http_head,
    "keyset": of_keyset,
    "v2_answer": of_v2_answer,
    "v2_request": of_v2_request,
    "worker_frames": of_worker_frames,
}
