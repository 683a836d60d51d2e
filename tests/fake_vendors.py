"""Intel's and AMD's services as they answer, made of the reference data: one server on this machine for both."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests import evidence_vectors as vectors

Answer = tuple[int, dict[str, str], bytes]


class FakeVendors:
    """Serves the collateral of one case. `asked` has the paths that were asked for; `twist` may change an answer."""

    def __init__(self, name: str) -> None:
        self.files = vectors.files(name)
        self.document = vectors.case(name)
        self.asked: list[str] = []
        self.twist: Callable[[str, Answer], Answer] | None = None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.asked.append(self.path)
                answer = fake.answer(self.path)
                status, headers, body = fake.twist(self.path, answer) if fake.twist else answer
                self.send_response(status)
                for header, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, path: str) -> Answer:
        split = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(split.query))
        routes = self._amd() if "report" in self.document else self._intel(query)
        header, *names = routes.get(split.path, (None,))
        if header is None or any(name not in self.files for name in names):
            return 404, {}, b"no such thing"
        if not header:
            return 200, {}, b"".join(self.files[name] for name in names)
        return 200, {header: urllib.parse.quote(self.files[names[1]].decode())}, self.files[names[0]]

    def _intel(self, query: dict[str, str]) -> dict[str, tuple[str, ...]]:
        pck = self.document["quote"]["pck"]
        tee = self.document["tee"]
        routes: dict[str, tuple[str, ...]] = {
            f"/{tee}/certification/v4/qe/identity": (
                "SGX-Enclave-Identity-Issuer-Chain",
                "qe_identity.json",
                "qe_identity_signing_chain.pem",
            ),
            "/IntelSGXRootCA.der": ("", "root_ca_crl.der"),
        }
        if query.get("fmspc") == pck["fmspc"]:
            routes[f"/{tee}/certification/v4/tcb"] = ("TCB-Info-Issuer-Chain", "tcb_info.json", "tcb_signing_chain.pem")
        if query.get("ca") in pck["issuer"].lower().split() and query.get("encoding") == "der":
            routes["/sgx/certification/v4/pckcrl"] = (
                "SGX-PCK-CRL-Issuer-Chain",
                "pck_crl.der",
                "pck_crl_issuer_chain.pem",
            )
        return routes

    def _amd(self) -> dict[str, tuple[str, ...]]:
        product = self.document["report"]["product_line"]
        hardware_id = self.document["vek"]["extensions"].get("hwid", "")
        return {
            f"/vcek/v1/{product}/{hardware_id}": ("", "vek.der"),
            f"/vcek/v1/{product}/cert_chain": ("", "ask.pem", "ark.pem"),
            f"/vlek/v1/{product}/cert_chain": ("", "asvk.pem", "ark.pem"),
            f"/vcek/v1/{product}/crl": ("", "ark_crl.der"),
        }
