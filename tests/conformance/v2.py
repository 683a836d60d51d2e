"""A server as clients of V2 meet it that know nothing of BlindAI."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e.conftest import Service


@dataclass
class V2Service(Service):
    @cached_property
    def address(self) -> str:
        """host:port"""
        for line in self.profile.read_text().splitlines():
            if line.startswith("url"):
                return urlsplit(line.partition("=")[2].strip().strip('"')).netloc
        raise AssertionError(f"no url in {self.profile}")

    @cached_property
    def ca(self) -> Path:
        """The server's certificate, which signs itself, for clients that trust files."""
        host, _, port = self.address.partition(":")
        path = self.home / "certificate.pem"
        path.write_text(ssl.get_server_certificate((host, int(port))))
        return path

    def connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection(self.address, context=context, timeout=60)

    def upload_models(self, make: list[str]) -> None:
        """All models that the program writes into a folder, under the names of their files."""
        folder = self.home / "models"
        subprocess.run([*make, str(folder)], check=True, stdout=subprocess.DEVNULL)
        connection = self.connect()
        for model in sorted(folder.glob("*.onnx")):
            connection.request("POST", f"/blindai/v1/models?id={model.stem}", model.read_bytes())
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == 201, said
        connection.close()
