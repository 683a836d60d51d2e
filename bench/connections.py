"""Connections that are open and say nothing: a thousand, each of a caller with a key."""

from __future__ import annotations

import resource
import socket
import ssl
import struct
import time
from pathlib import Path

from bench.service import Service

COUNT = 1000
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _ACK, _HEADERS, _DATA, _END_HEADERS, _END_STREAM = 4, 1, 1, 0, 4, 1
_QUIET_SECONDS = 2


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header field without indexing (RFC 7541 section 6.2.2); neither part has 127 bytes."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _call(key: str) -> bytes:
    """The preface of HTTP/2 and one call of gRPC, which shows the key."""
    fields = {":method": "POST", ":scheme": "https", ":path": "/inference.GRPCInferenceService/ServerMetadata"}
    fields |= {":authority": "localhost", "content-type": "application/grpc", "authorization": f"Bearer {key}"}
    head = b"".join(_literal(name, value) for name, value in fields.items())
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0)
        + _frame(_SETTINGS, _ACK, 0)
        + _frame(_HEADERS, _END_HEADERS, 1, head)
        + _frame(_DATA, _END_STREAM, 1, bytes(5))
    )


def _answered(data: bytes) -> bool:
    """Of HTTP/1.1: a status of 200 and what /v2 tells. Of HTTP/2: a message of a call, and its end."""
    if data.startswith(b"HTTP/1.1 200"):
        return b'"extensions"' in data
    told = False
    while len(data) >= 9:
        size = int.from_bytes(data[:3], "big")
        told = told or data[3] == _DATA
        if data[3] == _HEADERS and data[4] & _END_STREAM:
            return told
        data = data[9 + size :]
    return False


def _open(port: int, context: ssl.SSLContext, request: bytes) -> ssl.SSLSocket:
    """Connected, answered, and quiet from now on."""
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30))
    connection.sendall(request)
    answer = b""
    while not _answered(answer):
        data = connection.recv(65536)
        if not data:
            raise SystemExit(f"the server closed a connection that was to be idle: {answer[:200]!r}")
        answer += data
    return connection


def bytes_each(running: Service, protocol: str) -> float:
    """What one adds to the PSS of the server. `protocol`: http/1.1 or h2, of a service that takes bearer keys."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    key = Path(running.key_file).read_text().strip()
    port = int(running.url.rpartition(":")[2])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    request = _call(key)
    if protocol == "http/1.1":
        request = f"GET /v2 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    connections = [_open(port, context, request)]  # what the first one brings is not counted
    time.sleep(_QUIET_SECONDS)
    before = running.pss_bytes()
    try:
        connections += [_open(port, context, request) for _ in range(COUNT)]
        time.sleep(_QUIET_SECONDS)
        return (running.pss_bytes() - before) / COUNT
    finally:
        for connection in connections:
            connection.close()
