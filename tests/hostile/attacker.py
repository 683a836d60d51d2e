"""A man in the middle: terminates TLS with a key of his own, speaks HTTP, answers attest as a test tells him, and keeps
every byte that he receives. The exporter of his connection comes from the key log, by RFC 8446."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import select
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from tests.independent import protocol as p

Answer = bytes | tuple[int, bytes, dict[str, str]]


class Leaf:
    """A TLS key and its self-signed certificate."""

    def __init__(self, name: str = "localhost") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "attacker")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(subject, subject, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def write(self, folder: Path) -> Path:
        path = folder / "leaf.pem"
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(key + self.certificate.public_bytes(Encoding.PEM))
        return path


def expand_label(digest: str, secret: bytes, label: bytes, context: bytes, size: int) -> bytes:
    """HKDF-Expand-Label, RFC 8446 section 7.1."""
    full = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    out, block = b"", b""
    while len(out) < size:
        block = hmac.digest(secret, block + info + bytes([len(out) // hashlib.new(digest).digest_size + 1]), digest)
        out += block
    return out[:size]


def exporter(digest: str, master: bytes, label: bytes, context: bytes) -> bytes:
    """32 bytes of TLS-Exporter, RFC 8446 section 7.5."""
    secret = expand_label(digest, master, label, hashlib.new(digest).digest(), len(master))
    return expand_label(digest, secret, b"exporter", hashlib.new(digest, context).digest(), 32)


class Attacker:
    """`answer(request_body, exporter)` gives the body of the answer to attest, or (status, body, headers)."""

    def __init__(
        self,
        answer: Callable[[dict[str, Any], Callable[[bytes, bytes], bytes]], Answer],
        *,
        leaf: Leaf | None = None,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        tickets: bool = False,
        plain: bytes | None = None,
    ) -> None:
        self.answer, self.leaf, self.plain = answer, leaf or Leaf(), plain
        self.received = b""
        self.requests = 0
        self.folder = tempfile.TemporaryDirectory()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.num_tickets = 1 if tickets else 0
        context.load_cert_chain(self.leaf.write(Path(self.folder.name)))
        context.keylog_filename = f"{self.folder.name}/keys"
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self) -> Attacker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        self.listener.close()
        self.thread.join(5)
        self.folder.cleanup()

    def _accept(self) -> None:
        while not self.stopping:
            try:
                if not select.select([self.listener], [], [], 0.05)[0]:
                    continue
                peer, _ = self.listener.accept()
            except (OSError, ValueError):
                return
            peer.settimeout(5)
            try:
                self._serve(peer)
            except OSError:
                pass
            finally:
                peer.close()

    def _serve(self, peer: socket.socket) -> None:
        if self.plain is not None:
            peer.recv(4096)  # a ClientHello is no request
            peer.sendall(self.plain)
            return
        tls = self.context.wrap_socket(peer, server_side=True)
        lines = Path(f"{self.folder.name}/keys").read_text().splitlines()
        master = next((line.split()[2] for line in reversed(lines) if line.startswith("EXPORTER_SECRET")), "")
        digest = "sha384" if str((tls.cipher() or ("",))[0]).endswith("SHA384") else "sha256"
        head = b""
        while True:
            data = tls.recv(65536)
            if not data:
                return
            self.received += data
            head += data
            end = head.find(b"\r\n\r\n")
            if end < 0:
                continue
            fields = [line.lower().split(b":") for line in head[:end].split(b"\r\n")[1:]]
            length = next((int(value) for name, value, *_ in fields if name == b"content-length"), 0)
            if len(head) < end + 4 + length:
                continue
            self.requests += 1
            body = json.loads(head[end + 4 : end + 4 + length])
            head = head[end + 4 + length :]
            answer = self.answer(body, lambda label, context: exporter(digest, bytes.fromhex(master), label, context))
            status, text, headers = (200, answer, {}) if isinstance(answer, bytes) else answer
            out = [
                f"HTTP/1.1 {status} Word",
                f"Content-Length: {len(text)}",
                *(f"{k}: {v}" for k, v in headers.items()),
            ]
            tls.sendall("\r\n".join(out).encode() + b"\r\n\r\n" + text)


class Impostor:
    """Makes attest answers that hold, with the root that the policy names, for tests to break one thing at a time."""

    def __init__(self, leaf: Leaf, now: int) -> None:
        self.leaf = leaf
        self.root, self.platform, self.session = p.key_of(b"o" * 32), p.key_of(b"p" * 32), p.key_of(b"s" * 32)
        self.code = {"blindai-server": p.sha256(b"server")}
        self.kind = p.FRESH
        self.keyset: dict[str, Any] = {
            "ctx": "blindai keyset v1",
            "tee": "simulated",
            "tls": p.sha256(leaf.spki),
            "session": p.spki(self.session),
            "receipt": p.spki(p.key_of(b"r" * 32)),
            "hpke": None,
            "config": {
                "engine": "worker",
                "isolation": "group",
                "batch": "group",
                "auth": ["proof"],
                "sandbox": [],
                "sealing": "none",
                "models": None,
                "limits": {},
                "metrics": p.sha256(b""),
            },
            "code": self.code,
            "store": None,
            "build": "impostor",
            "not_before": now - 300,
            "not_after": now + 3600,
        }

    def answer(self, request: dict[str, Any], export: Callable[[bytes, bytes], bytes]) -> dict[str, Any]:
        nonce = base64.b64decode(request["nonce"])
        document = p.canonical(self.keyset)
        identity = p.keyset_id(document)
        leaves = [p.sha256(b"other"), nonce, p.sha256(b"another")]
        value = p.merkle_root(leaves) if self.kind == p.FRESH else bytes(32)
        data = p.report_data(self.kind, identity, value)
        evidence = p.simulated_evidence(self.root, self.platform, p.measurement(self.code), data)
        path = {"index": 1, "size": 3, "hashes": [p.b64(h) for h in p.merkle_path(1, leaves)]}
        signature = self.session.sign(p.session_message(identity, nonce, export(b"EXPORTER-blindai-session", nonce)))
        return {
            "keyset": p.b64(document),
            "evidence": [{"type": "simulated", "data": p.b64(evidence), "log": None}],
            "collateral": None,
            "path": path if self.kind == p.FRESH else None,
            "session_signature": p.b64(signature),
        }

    def policy(self, **replace: str) -> str:
        sections = {
            "identity": 'server_name = "localhost"\nca = "any"',
            "accept.simulated": f'root = "{p.sha256(p.spki(self.root)).hex()}"\nmeasurement = "any"',
            "models": 'unpinned = "allow"',
        } | replace
        text = "\n".join(f"[{name.replace('_', '.')}]\n{body}" for name, body in sections.items() if body)
        return f'version = 1\nname = "attacked"\n{text}\n'
