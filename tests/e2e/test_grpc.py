"""gRPC over the same port and the same TLS, as unmodified clients see it."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl

import pytest

from .conftest import Service
from .test_service import loose_context, port_of

grpc = pytest.importorskip("grpc")
triton = pytest.importorskip("tritonclient.grpc")

INFERENCE = "/inference.GRPCInferenceService/"


def plain(channel, path):
    """A method that takes and gives bytes."""
    return channel.unary_unary(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)


def field(number, data):
    """A field of bytes in a protocol buffer."""
    size, length = b"", len(data)
    while length >= 128:
        size, length = size + bytes([length % 128 + 128]), length // 128
    return bytes([number * 8 + 2]) + size + bytes([length]) + data


@pytest.fixture(scope="module")
def bearers(tmp_path_factory):
    """A service that takes bearer keys, and the file with its certificate."""
    service = Service(tmp_path_factory.mktemp("grpc"), ["--port", "0", "--auth", "proof", "bearer"])
    try:
        service.start()
        pem = ssl.get_server_certificate(("localhost", port_of(service)))
        (service.home / "leaf.pem").write_text(pem)
        yield service
    finally:
        service.stop()


@pytest.fixture
def channel(bearers):
    credentials = grpc.ssl_channel_credentials((bearers.home / "leaf.pem").read_bytes())
    with grpc.secure_channel(f"localhost:{port_of(bearers)}", credentials) as channel:
        yield channel


@pytest.fixture
def client(bearers):
    with triton.InferenceServerClient(
        f"localhost:{port_of(bearers)}", ssl=True, root_certificates=str(bearers.home / "leaf.pem")
    ) as client:
        yield client


@pytest.fixture
def key(bearers):
    return {"authorization": f"Bearer {bearers.api_key}"}


def refused(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_health_is_open(channel, client):
    assert plain(channel, "/grpc.health.v1.Health/Check")(b"") == b"\x08\x01"
    assert plain(channel, "/grpc.health.v1.Health/Check")(field(1, b"inference.GRPCInferenceService")) == b"\x08\x01"
    code, _ = refused(lambda: plain(channel, "/grpc.health.v1.Health/Check")(field(1, b"other")))
    assert code is grpc.StatusCode.NOT_FOUND
    assert client.is_server_live()
    assert client.is_server_ready()


def test_attest_gives_what_rest_gives(channel):
    request = {"nonce": base64.b64encode(os.urandom(32)).decode(), "fresh": True, "have": None}
    answer = plain(channel, "/blindai.v1.Attestation/Attest")(field(1, json.dumps(request).encode()))
    size = len(json.dumps(json.loads(answer[3:]), separators=(",", ":")))
    assert answer == field(1, answer[-size:])
    assert set(json.loads(answer[3:])) == {"keyset", "evidence", "collateral", "path", "session_signature"}
    code, says = refused(lambda: plain(channel, "/blindai.v1.Attestation/Attest")(field(1, b"{}")))
    assert (code, "nonce" in says) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_a_connection_attests_a_few_times(channel):
    request = {"nonce": base64.b64encode(os.urandom(32)).decode(), "fresh": False, "have": None}
    attest = plain(channel, "/blindai.v1.Attestation/Attest")
    for _ in range(16):
        attest(field(1, json.dumps(request).encode()))
    code, says = refused(lambda: attest(field(1, json.dumps(request).encode())))
    assert (code, "16 times" in says) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)


@pytest.mark.parametrize("method", ["ServerMetadata", "ModelInfer", "NoSuchMethod", "LogSettings"])
@pytest.mark.parametrize("header", [None, "Bearer bk_0123456789abcdef_", "BlindAI id=0123456789abcdef, proof=x", ""])
def test_all_else_needs_a_key(channel, method, header):
    metadata = [] if header is None else [("authorization", header)]
    code, says = refused(lambda: plain(channel, INFERENCE + method)(b"", metadata=metadata))
    assert (code, says) == (grpc.StatusCode.UNAUTHENTICATED, "the API key is missing or not accepted")


def test_the_server_tells_of_itself(client, key):
    metadata = client.get_server_metadata(headers=key)
    assert metadata.name == "blindai"
    assert metadata.version
    assert "binary_tensor_data" in metadata.extensions


def test_what_is_not_there_is_unimplemented(channel, key):
    for path in ("/other.Service/Method", "/", INFERENCE + "NoSuchMethod", INFERENCE + "LogSettings"):
        code, _ = refused(lambda path=path: plain(channel, path)(b"", metadata=list(key.items())))
        assert code is grpc.StatusCode.UNIMPLEMENTED


def test_who_offers_both_protocols_gets_http1(bearers):
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], "h2")):
        context = loose_context()
        context.set_alpn_protocols(offered)
        with (
            socket.create_connection(("localhost", port_of(bearers))) as plain_socket,
            context.wrap_socket(plain_socket) as tls,
        ):
            assert tls.selected_alpn_protocol() == chosen
