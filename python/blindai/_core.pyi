from collections.abc import Callable

import numpy as np
import numpy.typing as npt

class Failure(Exception):
    """args: code, message, the service's own sentence, detail, report as JSON or None."""

class Connection:
    def upload(
        self,
        files: list[tuple[str, str]],
        model_id: str,
        save: bool,
        progress: Callable[[int, int], object] | None,
    ) -> str: ...
    def predict(
        self,
        model_id: str,
        inputs: list[tuple[str, str, tuple[int, ...], npt.NDArray[np.uint8]]],
        pin: str | None,
    ) -> tuple[str, list[tuple[str, str, tuple[int, ...], npt.NDArray[np.uint8]]]]: ...
    def call(self, method: str, target: str, json_body: str) -> str: ...
    def report(self) -> str: ...
    def close(self) -> None: ...

def connect(
    *,
    url: str,
    policy: str,
    policy_folder: str,
    api_key: str,
    connect_timeout: float,
    request_timeout: float,
    load_timeout: float,
) -> Connection: ...
def check_policy(text: str, folder: str, evidence_only: bool) -> tuple[str, str, bool]: ...
def generate_api_key() -> tuple[str, str, str]: ...
def parse_api_key(text: str) -> tuple[str, str, str]: ...
