"""A server under attack: raw requests to it, what it answers, and how much memory that costs it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.e2e import models
from tests.e2e.conftest import Service

MIB = 1 << 20
SANITIZED = "san" in os.environ.get("BLINDAI_BUILD", "")  # keeps what is freed


@dataclass
class Answer:
    status: int
    body: bytes

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


class Target:
    @classmethod
    @contextlib.contextmanager
    def serving(cls, home: Path, arguments: list[str], identities: dict[str, int]) -> Iterator[Self]:
        """Of a server that anybody may ask, with identity models of these names and element types."""
        with Service(home, ["--port", "0", "--auth", "open", *arguments]) as service:
            target = cls(service)
            for name, element in identities.items():
                data = models.identity(home / f"{name}.onnx", element).read_bytes()
                answer = target.send(f"/blindai/v1/models?id={name}", [data], {"Content-Length": str(len(data))})
                assert answer.status == 201, answer.body
            target.answers()
            yield target

    def __init__(self, service: Service) -> None:
        self.service = service
        line = next(line for line in service.profile.read_text().splitlines() if line.startswith("url"))
        self.port = int(line.rpartition(":")[2].strip('"'))
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), 60)
        return self.context.wrap_socket(plain)

    @staticmethod
    def head(target: str, headers: dict[str, str]) -> bytes:
        lines = [f"POST {target} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def send(self, target: str, body: Iterable[bytes], headers: dict[str, str]) -> Answer:
        """The answer, which may come before all is sent."""
        with self.connect() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(self.head(target, headers))
                for piece in body:
                    connection.sendall(piece)
            return self.receive(connection)

    @staticmethod
    def receive(connection: ssl.SSLSocket) -> Answer:
        text = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                text += data
        head, _, rest = text.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), text[:100]
        return Answer(int(head.split()[1]), rest)

    def infer(self, body: bytes | str, headers: dict[str, str] | None = None, model: str = "echo") -> Answer:
        data = body.encode() if isinstance(body, str) else body
        headers = {"Content-Length": str(len(data))} | (headers or {})
        return self.send(f"/v2/models/{model}/infer", [data], headers)

    def answers(self) -> float:
        """How long a good request takes, seconds."""
        begin = time.monotonic()
        answer = self.infer('{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}')
        assert answer.status == 200, answer.body
        assert json.loads(answer.body)["outputs"][0]["data"] == [1, 2]
        return time.monotonic() - begin

    def memory(self, member: str) -> int:
        """A line of the server's status in /proc, bytes."""
        text = Path(f"/proc/{self.service.server_pid()}/status").read_text()
        found = re.search(rf"^{member}:\s+(\d+) kB", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024

    @contextlib.contextmanager
    def growing_at_most(self, size: int) -> Iterator[None]:
        """The server's memory, at its highest, is no more than so much above what it was before."""
        before = self.memory("VmRSS")
        Path(f"/proc/{self.service.server_pid()}/clear_refs").write_text("5")  # the peak begins anew
        yield
        grown = self.memory("VmHWM") - before
        assert SANITIZED or grown <= size, f"{grown / MIB:.0f} MiB"
