"""HTTP/2 and gRPC that mean harm: floods, bombs, broken frames and messages. Each ends the call or the connection that
it came on; the server, its memory and callers over REST stay as they were."""

from __future__ import annotations

import contextlib
import gzip
import os
import struct
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from onnx import TensorProto
from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from tests.hostile import http2 as h2
from tests.hostile.target import MIB, Target

INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
HEALTH = "/grpc.health.v1.Health/Check"
INVALID, DEADLINE, EXHAUSTED, UNIMPLEMENTED, UNAUTHENTICATED = "3", "4", "8", "12", "16"
MESSAGE_LIMIT = 2 * MIB + MIB  # of the service below: tensors and the rest


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    limits = ["--request-bytes", str(2 * MIB), "--json-bytes", str(MIB)]
    identities = {"echo": TensorProto.FLOAT, "bytes": TensorProto.UINT8}
    with Target.serving(tmp_path_factory.mktemp("http2"), limits, identities) as target:
        yield target


@pytest.fixture(autouse=True)
def unharmed(target: Target) -> Iterator[None]:
    """The processes are the same afterwards, memory is where it was, and both protocols answer."""
    before = target.service.server_pid(), target.service.worker_pids()
    with target.growing_at_most(48 * MIB):
        yield
    target.answers()
    with h2.Peer(target.port) as peer:
        assert peer.call(HEALTH) == ("0", "")
        assert peer.ask(INFER, h2.message(request([1, 2])))[0]["grpc-status"] == "0"
    assert (target.service.server_pid(), target.service.worker_pids()) == before


@pytest.fixture
def peer(target: Target) -> Iterator[h2.Peer]:
    with h2.Peer(target.port) as peer:
        yield peer


def request(values: list[float]) -> bytes:
    made = ModelInferRequest(model_name="echo", raw_input_contents=[np.array(values, np.float32).tobytes()])
    made.inputs.add(name="x", datatype="FP32", shape=[1, len(values)])
    return bytes(made.SerializeToString())


def bytes_request(size: int) -> bytes:
    made = ModelInferRequest(model_name="bytes", raw_input_contents=[bytes(size)])
    made.inputs.add(name="x", datatype="UINT8", shape=[1, size])
    return bytes(made.SerializeToString())


def varint(value: int) -> bytes:
    out = b""
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


# ------------------------------------------------------------------ what is no HTTP/2


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        os.urandom(4096),
        h2.PREFACE + b"\xff" * 4096,
        h2.PREFACE + h2.frame(h2.SETTINGS, payload=b"12345"),
        h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.DATA, 0, 0, b"x"),
        h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.HEADERS, h2.END_HEADERS, 2, h2.head(HEALTH)),
        h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.PUSH, h2.END_HEADERS, 1, bytes(4)),
        h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, h2.head(HEALTH)),
        h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.WINDOW_UPDATE, 0, 0, bytes(4)),
        h2.PREFACE + h2.frame(h2.SETTINGS) + h2.frame(h2.HEADERS, h2.END_HEADERS, 1, b"\xff" * 30),
        h2.PREFACE + h2.frame(h2.SETTINGS) + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    ],
)
def test_broken_frames_end_the_connection(target, sent):
    with h2.Peer(target.port, preface=sent) as peer, pytest.raises(h2.Ended):
        for _ in peer.frames():
            pass


def test_a_peer_that_says_nothing_is_closed(target):
    with h2.Peer(target.port, preface=b"") as peer:
        begin = time.monotonic()
        with pytest.raises(h2.Ended):
            for _ in peer.frames():
                pass
        assert time.monotonic() - begin < 15


# ------------------------------------------------------------------ floods


@pytest.mark.parametrize(
    "piece",
    [
        h2.frame(h2.PING, payload=bytes(8)),
        h2.frame(h2.SETTINGS),
        h2.frame(h2.SETTINGS, payload=struct.pack(">HI", h2.INITIAL_WINDOW_SIZE, 1000) * 20),
        h2.frame(h2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
        h2.frame(h2.PRIORITY, 0, 1, struct.pack(">IB", 0, 1)),
        h2.frame(200, 0, 0, b"of no known kind"),
    ],
    ids=["ping", "settings", "many settings", "window updates", "priority", "unknown"],
)
def test_frames_that_carry_nothing_are_counted(peer, piece):
    assert peer.flood(piece * 100, 1000) in {h2.ENHANCE_YOUR_CALM, None}


def test_empty_data_is_counted(peer):
    stream = peer.begin(h2.head(STREAM))
    assert peer.flood(h2.frame(h2.DATA, 0, stream) * 100, 1000) in {h2.ENHANCE_YOUR_CALM, None}


def test_calls_that_are_given_up_at_once_are_counted(target):
    """Rapid reset, CVE-2023-44487, while others are served."""
    took: list[float] = []
    stop = threading.Event()

    def others() -> None:
        while not stop.is_set():
            took.append(target.answers())

    thread = threading.Thread(target=others)
    thread.start()
    try:
        for _ in range(5):
            with h2.Peer(target.port) as peer:
                block = h2.head(INFER)
                ended = None
                with contextlib.suppress(OSError):
                    for i in range(0, 100_000, 50):
                        peer.send(
                            b"".join(
                                h2.frame(h2.HEADERS, h2.END_HEADERS, 2 * k + 1, block)
                                + h2.frame(h2.RST_STREAM, 0, 2 * k + 1, struct.pack(">I", 8))
                                for k in range(i, i + 50)
                            )
                        )
                try:
                    for _ in peer.frames():
                        pass
                except h2.Ended as end:
                    ended = end
                assert ended is not None
                assert ended.why in {h2.ENHANCE_YOUR_CALM, h2.INTERNAL_ERROR, None}  # ours, or that of nghttp2
    finally:
        stop.set()
        thread.join()
    assert len(took) > 5
    assert np.median(took) < 0.5


def test_a_header_without_end_is_not_kept(peer):
    """CONTINUATION after CONTINUATION, CVE-2024-28182, of one field that says it has a gigabyte."""
    peer.send(h2.frame(h2.HEADERS, 0, 1, b"\0" + h2.integer(1, 7) + b"x" + h2.integer(1 << 30, 7)))
    assert peer.flood(h2.frame(h2.CONTINUATION, 0, 1, b"y" * 16384), 4000) != h2.NO_ERROR


def test_small_headers_without_end_are_not_kept(peer):
    peer.send(h2.frame(h2.HEADERS, 0, 1, h2.head(HEALTH)))
    assert peer.flood(h2.frame(h2.CONTINUATION, 0, 1, h2.header("x", "y") * 1000), 4000) != h2.NO_ERROR


def test_a_header_that_is_named_again_and_again(peer):
    """An entry of 4000 bytes in the table, and a byte for each time that it is meant."""
    entry = b"\x40" + h2.integer(1, 7) + b"x" + h2.integer(4000, 7) + b"y" * 4000
    peer.send(h2.frame(h2.HEADERS, h2.END_HEADERS, 1, h2.head(HEALTH) + entry + b"\xbe" * 10_000))
    fields, _ = peer.answer(1)
    assert fields["grpc-status"] == EXHAUSTED
    assert "16384 bytes" in fields["grpc-message"]


def test_the_size_of_the_header_is_bounded(peer):
    assert peer.ask(HEALTH, h2.message(b""), [("x", "y" * 15_000)])[0]["grpc-status"] == "0"
    assert peer.ask(HEALTH, h2.message(b""), [("x", "y" * 16_200)])[0]["grpc-status"] == EXHAUSTED


def test_more_calls_at_once_than_are_taken(peer):
    """Who was told the limit and goes beyond it is no HTTP/2 peer."""
    for _ in range(128):
        peer.begin(h2.head(STREAM))
    peer.send(h2.frame(h2.PING, payload=b"12345678"))
    assert next(got for got in peer.frames() if got.kind == h2.PING).payload == b"12345678"
    peer.begin(h2.head(STREAM))
    with pytest.raises(h2.Ended) as end:
        for _ in peer.frames():
            pass
    assert end.value.why == h2.PROTOCOL_ERROR


# ------------------------------------------------------------------ heads


def test_what_is_not_grpc_is_refused(peer):
    assert peer.ask(HEALTH, b"", method="GET")[0][":status"] == "405"
    stream = peer.begin(
        h2.head(HEALTH).replace(
            h2.header("content-type", "application/grpc"), h2.header("content-type", "application/json")
        )
    )
    assert peer.answer(stream)[0][":status"] == "415"
    assert peer.call("/") == (UNIMPLEMENTED, "there is no such method")
    assert peer.call("/%2e%2e/etc/passwd") == (UNIMPLEMENTED, "there is no such method")


@pytest.mark.parametrize(
    "extra",
    [
        [("authorization", "Bearer x"), ("authorization", "Bearer y")],
        [("blindai-model-digest", "sha256:0"), ("blindai-model-digest", "sha256:1")],
        [("grpc-timeout", "1S"), ("grpc-timeout", "2S")],
        [("content-type", "application/grpc")],
        [("grpc-timeout", "1")],
        [("grpc-timeout", "999999999S")],
        [("grpc-timeout", "-1S")],
    ],
)
def test_fields_that_decide_stand_once_and_are_well_formed(peer, extra):
    fields, _ = peer.ask(INFER, h2.message(request([1])), extra)
    assert fields.get("grpc-status", fields.get("reset")) in {INVALID, "1"}


def test_a_deadline_that_has_passed(peer):
    status, says = peer.call(INFER, request([1]), [("grpc-timeout", "1n")])
    assert (status, "ran%20out" in says or "ran out" in says) == (DEADLINE, True)
    assert peer.ask(INFER, h2.message(request([1])), [("grpc-timeout", "20S")])[0]["grpc-status"] == "0"


def test_the_message_of_a_caller_without_a_key_is_dropped(peer):
    """It is refused from the head alone, and what it sends all the same is read and forgotten."""
    stream = peer.begin(h2.head(INFER, [("authorization", "Bearer nothing")]))
    peer.send(h2.frame(h2.DATA, 0, stream, h2.message(bytes(16_000))))
    fields, _ = peer.answer(stream)
    assert fields["grpc-status"] == UNAUTHENTICATED
    for _ in range(200):
        peer.send(h2.frame(h2.DATA, 0, stream, bytes(16_384)))
    assert peer.call("/nothing")[0] == UNIMPLEMENTED


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("framed", "status"),
    [
        (b"", INVALID),
        (b"\0\0\0", INVALID),
        (b"\0\0\0\0\5abc", INVALID),
        (b"\2\0\0\0\0", INVALID),
        (b"\xff" * 64, INVALID),
        (b"\0\xff\xff\xff\xff", EXHAUSTED),
        (b"\0" + struct.pack(">I", MESSAGE_LIMIT + 1), EXHAUSTED),
        (h2.message(b"") + h2.message(b""), INVALID),
        (h2.message(b"\x0a\xff"), INVALID),
        (h2.message(b"\x0b\x0c"), INVALID),
        (h2.message(b"x", 1), INVALID),
    ],
)
def test_broken_messages_are_refused(peer, framed, status):
    assert peer.ask(INFER, framed)[0]["grpc-status"] == status


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x2a\x00" * 500_000, "'name'"),
        (b"\x32\x00" * 500_000, "'name'"),
        (b"\x3a\x00" * 500_000, "raw"),
        (b"\x22\x00" * 500_000, "256 parameters"),
        (b"\x2a" + varint(1_000_005) + b"\x0a\x03abc" + b"\x18\x01" * 500_000, "16 dimensions"),
        (b"\x98\x06\x01" * 300_000, "1024 fields"),
    ],
    ids=["inputs", "outputs", "raw contents", "parameters", "dimensions", "unknown fields"],
)
def test_repeated_fields_by_the_million(peer, data, says):
    status, words = peer.call(INFER, data)
    assert (status, says in words) == (INVALID, True)


def test_contents_by_the_million(peer):
    made = ModelInferRequest(model_name="bytes")
    made.inputs.add(name="x", datatype="UINT8", shape=[1, 400_000])
    unpacked = bytes(made.inputs[0].SerializeToString()) + b"\x2a" + varint(800_000) + b"\x20\x07" * 400_000
    status, words = peer.call(INFER, b"\x0a\x05bytes\x2a" + varint(len(unpacked)) + unpacked)
    assert (status, words) == ("0", "")
    few = unpacked.replace(b"\x20\x07" * 400_000, b"\x20\x07" * 399_999).replace(varint(800_000), varint(799_998))
    status, words = peer.call(INFER, b"\x0a\x05bytes\x2a" + varint(len(few)) + few)
    assert (status, "399999 elements" in words) == (INVALID, True)


def test_a_shape_is_not_a_reason_to_take_memory(peer):
    for shape in ([1, 2**40], [2**62, 4], [0, 2**63 - 1], [2**31, 2**31]):
        made = ModelInferRequest(model_name="echo", raw_input_contents=[b"1234"])
        made.inputs.add(name="x", datatype="FP32", shape=shape)
        assert peer.call(INFER, bytes(made.SerializeToString()))[0] == INVALID


def test_the_size_of_a_message_is_bounded(peer):
    assert peer.ask(INFER, h2.message(bytes_request(2 * MIB)))[0]["grpc-status"] == "0"
    assert peer.call(INFER, bytes_request(2 * MIB + 1))[0] == EXHAUSTED
    assert peer.call("/inference.GRPCInferenceService/ModelReady", bytes(65537))[0] == EXHAUSTED


def test_a_message_that_inflates_without_end(peer):
    bomb = gzip.compress(bytes(512 * MIB), 9)
    assert len(bomb) < MIB
    fields, _ = peer.ask(INFER, h2.message(bomb, 1), [("grpc-encoding", "gzip")])
    assert fields["grpc-status"] == EXHAUSTED


@pytest.mark.parametrize(
    ("framed", "encoding", "status"),
    [
        (h2.message(gzip.compress(request([1])), 1), "gzip", "0"),
        (h2.message(request([1])), "gzip", "0"),
        (h2.message(gzip.compress(request([1]))[:-4], 1), "gzip", INVALID),
        (h2.message(gzip.compress(request([1])) + b"more", 1), "gzip", INVALID),
        (h2.message(b"nothing of the kind", 1), "gzip", INVALID),
        (h2.message(b"", 1), "gzip", INVALID),
        (h2.message(gzip.compress(request([1])), 1), "identity", INVALID),
        (h2.message(gzip.compress(request([1])), 1), "deflate", INVALID),
        (h2.message(request([1])), "snappy", UNIMPLEMENTED),
    ],
)
def test_compressed_messages(peer, framed, encoding, status):
    assert peer.ask(INFER, framed, [("grpc-encoding", encoding)])[0]["grpc-status"] == status


# ------------------------------------------------------------------ those who wait


def test_a_caller_whose_window_is_shut_holds_only_its_call(target):
    """Its answer waits; others on the same connection are served."""
    with h2.Peer(target.port, settings=struct.pack(">HI", h2.INITIAL_WINDOW_SIZE, 0)) as peer:
        stuck = peer.begin(h2.head(INFER))
        peer.send_data(stuck, h2.message(request([1, 2, 3])))
        fields, _ = peer.answer(peer.begin(h2.head("/nothing"), end=True))
        assert fields["grpc-status"] == UNIMPLEMENTED
        peer.send(h2.frame(h2.WINDOW_UPDATE, 0, stuck, struct.pack(">I", 1000)))
        fields, data = peer.answer(stuck)
        answer = ModelInferResponse.FromString(data[5:])
        assert np.frombuffer(answer.raw_output_contents[0], np.float32).tolist() == [1, 2, 3]


def test_messages_that_nobody_takes_yet_hold_their_caller(peer):
    """A stream of requests is answered one by one; those behind wait in the caller's window, not in memory."""
    stream = peer.begin(h2.head(STREAM))
    one = h2.message(request([1, 2]))
    peer.send_data(stream, one * 5001)
    _, data = peer.answer(stream)
    answers = 0
    while data:
        size = int.from_bytes(data[1:5])
        data = data[5 + size :]
        answers += 1
    assert answers == 5001


@pytest.mark.slow
def test_a_caller_that_reads_nothing_is_given_up(target):
    """No window for 30 seconds: the call is reset and its slot is free."""
    with h2.Peer(target.port, settings=struct.pack(">HI", h2.INITIAL_WINDOW_SIZE, 0)) as peer:
        peer.tls.settimeout(60)
        stream = peer.begin(h2.head(INFER))
        peer.send_data(stream, h2.message(request([1, 2, 3])))
        begin = time.monotonic()
        reset = next(got for got in peer.frames() if got.kind == h2.RST_STREAM)
        assert reset.stream == stream
        assert 28 < time.monotonic() - begin < 45


@pytest.mark.slow
def test_a_message_that_does_not_come_is_given_up(target):
    with h2.Peer(target.port) as peer:
        peer.tls.settimeout(60)
        stream = peer.begin(h2.head(INFER))
        peer.send(h2.frame(h2.DATA, 0, stream, h2.message(request([1, 2, 3]))[:20]))
        begin = time.monotonic()
        assert peer.answer(stream)[0]["grpc-status"] == DEADLINE
        assert 28 < time.monotonic() - begin < 45
