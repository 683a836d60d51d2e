"""HTTP/2 frame by frame (RFC 9113), for tests that send what no library would."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, ENHANCE_YOUR_CALM = 0, 1, 2, 11
INITIAL_WINDOW_SIZE = 4  # a setting


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """RFC 7541 section 5.1."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = bytes([first | limit]), value - limit
    while value >= 128:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def header(name: str, value: str | bytes) -> bytes:
    """A literal without indexing."""
    text = value.encode() if isinstance(value, str) else value
    return b"\0" + integer(len(name), 7) + name.encode() + integer(len(text), 7) + text


def head(path: str, extra: Iterable[tuple[str, str]] = (), **changed: str) -> bytes:
    fields = {":method": "POST", ":scheme": "https", ":path": path, ":authority": "localhost"}
    fields |= {"content-type": "application/grpc", "te": "trailers"} | {f":{k}": v for k, v in changed.items()}
    return b"".join(header(name, value) for name, value in [*fields.items(), *extra])


def message(data: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + struct.pack(">I", len(data)) + data


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


class Ended(Exception):
    """The server closed the connection, or said that it will and why."""

    def __init__(self, why: int | None = None) -> None:
        super().__init__(f"GOAWAY {why}")
        self.why = why


class Peer:
    """A connection that chose h2. Sends raw frames, reads frames, and opens its windows as a client does."""

    def __init__(self, port: int, *, settings: bytes = b"", preface: bytes | None = None) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context.wrap_socket(plain)
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.next = 1
        self.waiting: list[Frame] = []
        self.window = 65535  # of the connection, for what is sent
        self.windows: dict[int, int] = {}
        self.initial_window = 65535
        self.send(PREFACE + frame(SETTINGS, payload=settings) if preface is None else preface)
        if preface is None:
            self.waiting += [self.receive() for _ in range(2)]  # its settings, and the window of the connection

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.tls.close()

    def send(self, data: bytes) -> None:
        self.tls.sendall(data)

    def flood(self, piece: bytes, count: int) -> int | None:
        """Sends that so often, or until the server has had enough: the reason that it gives, None without one."""
        with contextlib.suppress(OSError):
            for _ in range(count):
                self.send(piece)
        try:
            for _ in self.frames():
                pass
        except Ended as end:
            return end.why
        raise AssertionError("the server took it all")

    def frames(self) -> Iterator[Frame]:
        """Until the end, which is an exception."""
        while True:
            yield self.waiting.pop(0) if self.waiting else self.receive()

    def receive(self) -> Frame:
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3]):
            try:
                data = self.tls.recv(65536)
            except (ssl.SSLError, ConnectionError):
                data = b""
            if not data:
                raise Ended
            self.buffer += data
        end = 9 + int.from_bytes(self.buffer[:3])
        stream = int.from_bytes(self.buffer[5:9]) & 0x7FFFFFFF
        got = Frame(self.buffer[3], self.buffer[4], stream, self.buffer[9:end])
        self.buffer = self.buffer[end:]
        if got.kind == GOAWAY:
            raise Ended(int.from_bytes(got.payload[4:8]))
        self.note(got)
        return got

    def note(self, got: Frame) -> None:
        """What the frame says of windows."""
        if got.kind == WINDOW_UPDATE:
            size = int.from_bytes(got.payload)
            if got.stream == 0:
                self.window += size
            else:
                self.windows[got.stream] = self.windows.get(got.stream, self.initial_window) + size
        elif got.kind == SETTINGS and not got.flags & ACK:
            for name, value in struct.iter_unpack(">HI", got.payload):
                self.initial_window = value if name == INITIAL_WINDOW_SIZE else self.initial_window
            self.send(frame(SETTINGS, ACK))

    def send_data(self, stream: int, data: bytes, *, end: bool = True) -> None:
        """As far as windows allow; then it waits for more, or stops where the stream has ended."""
        while data:
            size = min(len(data), 16384, self.window, self.windows.get(stream, self.initial_window))
            if size > 0:
                self.send(frame(DATA, END_STREAM if end and size == len(data) else 0, stream, data[:size]))
                self.window -= size
                self.windows[stream] = self.windows.get(stream, self.initial_window) - size
                data = data[size:]
                continue
            got = self.receive()
            self.waiting.append(got)
            if got.stream == stream and (got.kind == RST_STREAM or got.flags & END_STREAM):
                return

    def begin(self, block: bytes, *, end: bool = False) -> int:
        stream, self.next = self.next, self.next + 2
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block))
        return stream

    def answer(self, stream: int) -> tuple[dict[str, str], bytes]:
        """Header fields, those of the trailer among them, and the data of an answer."""
        fields: dict[str, str] = {}
        data = b""
        for got in self.frames():
            if got.kind == HEADERS:
                block = {str(name): str(value) for name, value in self.decoder.decode(got.payload)}
                fields |= block if got.stream == stream else {}
            elif got.kind == DATA and got.payload:
                data += got.payload if got.stream == stream else b""
                size = struct.pack(">I", len(got.payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, size) + frame(WINDOW_UPDATE, 0, got.stream, size))
            elif got.kind == RST_STREAM and got.stream == stream and not fields:
                return {"reset": str(int.from_bytes(got.payload))}, b""
            if got.stream == stream and got.flags & END_STREAM and got.kind in {HEADERS, DATA}:
                return fields, data
        raise AssertionError

    def call(self, path: str, data: bytes = b"", extra: Iterable[tuple[str, str]] = ()) -> tuple[str, str]:
        """The status of a call with one message, and its words."""
        fields, _ = self.ask(path, message(data), extra)
        return fields["grpc-status"], fields.get("grpc-message", "")

    def ask(
        self, path: str, framed: bytes, extra: Iterable[tuple[str, str]] = (), **changed: str
    ) -> tuple[dict[str, str], bytes]:
        stream = self.begin(head(path, extra, **changed))
        with contextlib.suppress(OSError):
            if framed:
                self.send_data(stream, framed)
            else:
                self.send(frame(DATA, END_STREAM, stream))
        return self.answer(stream)
