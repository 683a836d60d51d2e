"""Clients that go away within the handshake, attestation, a call or an upload; by FIN, RST or SIGKILL."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import blindai
import tritonclient.grpc as triton

from bench.soak import callers

Step = Callable[[random.Random], str | None]
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # preface, empty SETTINGS


def client(url: str, policy: Path, key: str, good: blindai.Connection, name: str, folder: Path) -> Step:
    """The SDK through a relay that cuts: predictions, and uploads of a model that a good client then removes."""
    path = folder / f"{name}.onnx"

    def step(chance: random.Random) -> str:
        with contextlib.suppress(blindai.ModelNotFoundError):
            good.delete_model(name)
        with blindai.connect(url, policy=policy, api_key=key, timeout=30) as victim:
            once = victim.with_options(retries=0)
            for _ in range(200):
                if chance.random() < 0.1:
                    once.upload_model(callers.scale(path, int((1 << 20) ** chance.random())), name)
                else:
                    once.predict("standing", callers.random_input(chance))
        return "killed client that was not cut"

    return step


def grpc(address: str, certificate: Path, key: str) -> Step:
    """tritonclient through a relay that cuts."""

    def step(chance: random.Random) -> str:
        with triton.InferenceServerClient(address, ssl=True, root_certificates=str(certificate)) as victim:
            ask = callers.predict_grpc(victim, key, "standing")
            for _ in range(200):
                ask(chance)
        return "killed gRPC client that was not cut"

    return step


def bare(port: int) -> Step:
    """Sockets that say little and go: before TLS, within it, after it, with half a request of either protocol."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def say(connection: socket.socket, text: bytes, chance: random.Random) -> None:
        connection.sendall(text[: chance.randint(0, len(text))])

    def step(chance: random.Random) -> str:
        time.sleep(chance.random() * 0.2)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            if chance.random() < 0.5:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stage = chance.choice(("nothing", "hello", "tls", "http", "http2"))
            if stage == "hello":
                say(plain, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(508), chance)
            if stage in ("nothing", "hello"):
                return f"bare socket, {stage}"
            context.set_alpn_protocols(["h2" if stage == "http2" else "http/1.1"])
            with context.wrap_socket(plain) as secure:
                if stage == "http":
                    head = b"POST /v2/models/standing/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
                    say(secure, head, chance)
                elif stage == "http2":
                    say(secure, _HTTP2 * 2, chance)
        return f"bare socket, {stage}"

    return step


def process(command: list[str]) -> Step:
    """A whole client program with several callers, ended by SIGKILL."""

    def step(chance: random.Random) -> str:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as victim:
            time.sleep(chance.uniform(0.05, 2))
            if victim.poll() is not None:
                raise AssertionError("the program ended by itself")
            victim.kill()
        return "killed process"

    return step
