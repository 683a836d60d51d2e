"""Requests for inference that mean harm: each is refused in words of ours, and costs little memory.

Server, workers and other callers stay as they were. Among the requests is what other servers of V2 were found to fall
over."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from onnx import TensorProto

from tests.hostile.target import MIB, Target

SLOTS = 16  # of a worker
CANARY = "CANARY-8d1f0c"
# What no caller may read: paths, addresses, the names of parts, words of libraries.
LEAK = re.compile(
    r"/(?:tmp|proc|home|root|usr|dev|work)/|memfd|\bshm|0x[0-9a-f]|std::|\.cpp|onnxruntime|boost|simdjson|errno|zlib|"
    r"openssl|bad_alloc|no such file|traceback",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    identities = {"echo": TensorProto.FLOAT, "words": TensorProto.STRING}
    with Target.serving(tmp_path_factory.mktemp("attacked"), [], identities) as target:
        yield target


@pytest.fixture(autouse=True)
def unharmed(target: Target) -> Iterator[None]:
    """Server and workers are the same processes afterwards, answer, and have written down nothing of the request."""
    before = target.service.server_pid(), target.service.worker_pids()
    yield
    target.answers()
    assert (target.service.server_pid(), target.service.worker_pids()) == before
    assert CANARY not in target.service.log.read_text()


def tensor(**members: object) -> dict[str, object]:
    return {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]} | members


def request(*inputs: dict[str, object], **members: object) -> str:
    return json.dumps({"id": CANARY, "inputs": list(inputs) or [tensor()]} | members)


def nested(depth: int) -> str:
    return request(tensor(data=0)).replace('"data": 0', f'"data": {"[" * depth}1{"]" * depth}')


def binary(size: object, shape: list[int]) -> str:
    head = tensor(shape=shape, parameters={"binary_data_size": size})
    del head["data"]
    return request(head)


def many(text: str, count: int = 1_000_000) -> str:
    return "[" + ",".join([text] * count) + "]"


REFUSED = {
    "shape of 10^12": request(tensor(shape=[1, 10**12], data=[1])),
    "shape whose size overflows to 0": request(tensor(shape=[1 << 62, 4], data=[])),
    "shape whose count overflows": request(tensor(shape=[1 << 32, 1 << 32], data=[1])),
    "shape of 10^6 dimensions": request(tensor(shape=0)).replace('"shape": 0', f'"shape": {many("1")}'),
    "negative dimension": request(tensor(shape=[-1, 2])),
    "dimension of 2^64": request(tensor(shape=[1 << 64, 1])),
    "data nested 101 deep": nested(101),
    "data nested 50 000 deep": nested(50_000),
    "data nested 1 000 000 deep": nested(1_000_000),
    "objects nested 100 000 deep": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "10^6 elements for a shape of 2": request(tensor(data=0)).replace('"data": 0', f'"data": {many("1")}'),
    "binary size of 2^64 - 1": binary((1 << 64) - 1, [1, 2]),
    "binary size of 2^63": binary(1 << 63, [1 << 31, 1 << 30]),
    "binary size below 0": binary(-8, [1, 2]),
    "binary size of 10^30": binary(10**30, [1, 2]),
    "binary size for a shape that overflows": binary(0, [1 << 62, 4]),
    "10^6 outputs": request(outputs=0).replace('"outputs": 0', '"outputs": ' + many('{"name":"y"}')),
    "65 outputs": request(outputs=[{"name": f"y{number}"} for number in range(65)]),
    "one output twice": request(outputs=[{"name": "y"}, {"name": "y"}]),
    "10^6 inputs": f'{{"inputs": {many("{}")}}}',
    "an input twice": request(tensor(), tensor()),
    "a name of 1 MiB": request(tensor(name="x" * MIB)),
    "an id of 1 MiB": request(id="i" * MIB),
    "a datatype of 1 MiB": request(tensor(datatype="F" * MIB)),
    "a path for a name": request(tensor(name="../../../../etc/passwd")),
    "a path for an output": request(outputs=[{"name": "../../etc/shadow"}]),
    "a region of shared memory": request(tensor(parameters={"shared_memory_region": "triton_python_backend"})),
    "a parameter of the server's own": request(parameters={"triton_backend": "x"}),
    "text that is no UTF-8": request(tensor(name="q")).encode().replace(b'"q"', b'"\xff"'),
    "a lone surrogate": request(tensor(name="q")).replace('"q"', r'"\ud800"'),
    "NUL behind the JSON": request() + "\0" + "x" * 100,
    "two documents": request() + request(),
    "a number of 10^6 digits": request(tensor(data=0)).replace('"data": 0', '"data": [1, ' + "9" * 1_000_000 + "]"),
    "nothing": "",
}


@pytest.mark.parametrize("attack", REFUSED)
def test_a_request_that_means_harm_is_refused(target: Target, attack: str) -> None:
    body = REFUSED[attack]
    data = body.encode() if isinstance(body, str) else body
    with target.growing_at_most(32 * MIB + 12 * len(data)):
        answer = target.infer(data)
    assert answer.status in (400, 413), answer.body[:300]
    assert not LEAK.search(answer.error.replace("../../../../etc/passwd", "").replace("../../etc/shadow", ""))
    assert len(answer.error) < 600
    assert CANARY not in answer.error


def test_the_largest_shape_without_elements_is_an_answer_or_a_refusal(target: Target) -> None:
    answer = target.infer(request(tensor(shape=[0, (1 << 63) - 1], data=[])))
    assert answer.status in (200, 400)


def test_a_million_parameters_are_read_once(target: Target) -> None:
    parameters = "{" + ",".join(f'"p{number}":{number}' for number in range(1_000_000)) + "}"
    body = request(parameters=0).replace('"parameters": 0', f'"parameters": {parameters}')
    begin = time.monotonic()
    with target.growing_at_most(32 * MIB + 12 * len(body)):
        assert target.infer(body).status == 200
    assert time.monotonic() - begin < 30


# Each chunk of a body was once a piece of a server's stack.
def test_a_body_may_come_in_a_million_chunks(target: Target) -> None:
    text = (" " * 1_000_000 + request()).encode()
    pieces = (b"".join(b"1\r\n%c\r\n" % byte for byte in text[at : at + 10_000]) for at in range(0, len(text), 10_000))

    def body() -> Iterator[bytes]:
        yield from pieces
        yield b"0\r\n\r\n"

    with target.growing_at_most(64 * MIB):
        answer = target.send("/v2/models/echo/infer", body(), {"Transfer-Encoding": "chunked"})
    assert answer.status == 200, answer.body[:300]


@pytest.mark.parametrize(
    "chunks",
    [
        b"1" * 1_000_000 + b"\r\n",
        b"ffffffffffffffff\r\n" + b" " * 1000,
        b"10000000000000000\r\n",
        b"-1\r\n",
        b"1;" + b"x" * 1_000_000 + b"\r\n",
        b"1;x\r\n \r\n" * 100_000,
        b"0\r\n" + b"T: x\r\n" * 100_000,
        b"1\n \n0\n\n",
    ],
    ids=["long size", "64 bits", "65 bits", "negative", "long extension", "extensions", "trailers", "bare line feeds"],
)
def test_chunks_that_mean_harm_are_refused(target: Target, chunks: bytes) -> None:
    with target.growing_at_most(32 * MIB):
        answer = target.send("/v2/models/echo/infer", [chunks], {"Transfer-Encoding": "chunked"})
    assert answer.status in (400, 413), answer.body[:300]
    assert not LEAK.search(answer.error)


def bomb(mebibytes: int, window: int) -> bytes:
    """Zeros, about a thousandth of their size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mebibytes)) + packer.flush()


@pytest.mark.parametrize(("coding", "window"), [("gzip", 31), ("deflate", 15)])
def test_a_compressed_body_grows_to_its_limit_and_no_further(target: Target, coding: str, window: int) -> None:
    packed = bomb(512, window)
    assert len(packed) < MIB
    waits = []
    over = threading.Event()

    def be_good() -> None:
        while not over.is_set():
            waits.append(target.answers())

    good = threading.Thread(target=be_good)
    good.start()
    try:
        with target.growing_at_most(160 * MIB):
            answer = target.infer(packed, {"Content-Encoding": coding})
            assert answer.status == 413
            assert "67108864" in answer.error
            # Behind the tensors there is nothing to wait for.
            head = binary(8, [1, 2]).encode()
            packer = zlib.compressobj(9, zlib.DEFLATED, window)
            body = packer.compress(head + bytes(8)) + packer.compress(bytes(400 * MIB)) + packer.flush()
            sizes = {"Content-Encoding": coding, "Inference-Header-Content-Length": str(len(head))}
            assert target.infer(body, sizes).status == 400
    finally:
        over.set()
        good.join()
    assert waits
    assert max(waits) < 5


def test_streams_that_make_nothing_have_an_end(target: Target) -> None:
    nothing = gzip.compress(b"") * 50_000

    def body() -> Iterator[bytes]:
        while True:  # until the server has enough
            yield b"%x\r\n%s\r\n" % (len(nothing), nothing)

    headers = {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"}
    with target.growing_at_most(32 * MIB), target.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(target.head("/v2/repository/index", headers))
        for piece in body():
            connection.sendall(piece)


def test_memory_follows_what_came_and_not_what_was_announced(target: Target) -> None:
    held = []
    try:
        with target.growing_at_most(96 * MIB):
            for number in range(200):
                connection = target.connect()
                form = {"Transfer-Encoding": "chunked"} if number % 2 else {"Content-Length": str(60 * MIB)}
                connection.sendall(target.head("/v2/models/echo/infer", form))
                connection.sendall(b"10000000\r\n{" if number % 2 else b"{")
                held.append(connection)
            target.answers()
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize("form", ["length", "chunked", "gzip"])
def test_a_slot_comes_back_when_its_sender_leaves(target: Target, form: str) -> None:
    """In the middle of the head, of the JSON part, of the tensor, and before the answer."""
    head = binary(4 * MIB, [1024, 1024]).encode()
    body = head + bytes(4 * MIB)
    headers = {"Inference-Header-Content-Length": str(len(head))}
    if form == "gzip":
        body = gzip.compress(body, 0)
        headers["Content-Encoding"] = "gzip"
    if form == "chunked":
        body = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(len(body))
    text = target.head("/v2/models/echo/infer", headers) + body
    cuts = [40, len(text) - len(body) + 20, len(text) - len(body) + len(head) + 100, len(text) - 2 * MIB, len(text)]
    for number in range(3 * SLOTS * len(cuts) // 2):
        connection = target.connect()
        connection.sendall(text[: cuts[number % len(cuts)]])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a goodbye
        connection.close()
    for _ in range(SLOTS + 1):
        assert target.answers() < 5


NAMES = [
    "..",
    "../../../etc/passwd",
    "/etc/passwd",
    "echo/../../etc/passwd",
    "..\\..\\windows",
    "file:///etc/passwd",
    "echo.onnx",
    CANARY + "%00",
    CANARY * 100,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_the_name_of_no_model(target: Target, name: str) -> None:
    for path in ("/v2/models/{}/infer", "/v2/repository/models/{}/load", "/v2/repository/models/{}/unload"):
        answer = target.send(path.format(quote(name, safe="%")), [b"{}"], {"Content-Length": "2"})
        assert answer.status in (400, 404), answer.body
        assert len(answer.error) < 400
        assert not LEAK.search(answer.error.replace(name, ""))
    upload = target.send(f"/blindai/v1/models?id={quote(name, safe='')}", [b"{}"], {"Content-Length": "2"})
    assert upload.status in (400, 422), upload.body
    assert not LEAK.search(upload.error.replace(name, ""))
