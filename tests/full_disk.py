"""A disk that is full: a small tmpfs in a mount namespace of the child's own."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

# What the child begins with: fill() takes the last byte of the disk, make_room() gives it back, files() lists the rest.
PROLOGUE = """
import os, pathlib
DISK = pathlib.Path(os.environ["DISK"])
def fill():
    with open(DISK / "ballast", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
def make_room():
    (DISK / "ballast").unlink()
def files():
    found = (path for path in DISK.rglob("*") if path.is_file() and path.name != "ballast")
    return {str(path.relative_to(DISK)): path.read_text() for path in found}
"""


@cache
def _unshare() -> list[str]:
    """How to get a mount namespace here; empty where that is not permitted."""
    for command in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        tried = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
        if tried.returncode == 0:
            return command
    return []


def run_on_small_disk(
    folder: Path, code: str, *arguments: str, environment: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs Python code whose DISK, mounted at `folder`, has 256 KiB. Skips the test where mounting is not permitted."""
    if not _unshare():
        pytest.skip("mounting a small disk is not permitted here")
    folder.mkdir(parents=True, exist_ok=True)
    mount = 'mount -t tmpfs -o size=256k none "$DISK" && exec "$@"'
    variables = os.environ | {"DISK": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [*_unshare(), "sh", "-c", mount, "sh", sys.executable, "-c", PROLOGUE + code, *arguments],
        env=variables | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
