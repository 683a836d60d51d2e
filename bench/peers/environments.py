"""Virtual environments of the peers, one for each under build/peers, made from locks with the digests of every package.

python -m bench.peers.environments --lock      makes the locks anew from the .in files
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements")
ENVIRONMENTS = ROOT / "build/peers"
NAMES = ("fastapi", "mlserver", "triton")
_INSTALL_SECONDS = 900


class NotInstalled(Exception):
    """The packages of a peer cannot be installed."""


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment, which is made where it is not there or its lock has changed."""
    folder, lock = ENVIRONMENTS / name, REQUIREMENTS / f"{name}.txt"
    python, stamp = folder / "bin/python", folder / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return python
    print(f"installing the packages of {name} ...", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "--quiet", "install", "--require-hashes", "--no-deps", "-r", str(lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotInstalled("pip did not end in time") from None
    if done.returncode != 0:
        raise NotInstalled(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")
    stamp.write_text(digest)
    return python


def packages_of(name: str) -> Path:
    """The folder of a peer's packages."""
    return next((ENVIRONMENTS / name / "lib").glob("python3*/site-packages"))


def lock() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        subprocess.run([f"{folder}/bin/pip", "--quiet", "install", "pip-tools==7.5.3"], check=True)
        options = ["--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-annotate", "--no-header"]
        options += ["--no-emit-index-url", "--no-emit-find-links", "--quiet"]
        for name in NAMES:
            files = ["--output-file", str(REQUIREMENTS / f"{name}.txt"), str(REQUIREMENTS / f"{name}.in")]
            subprocess.run([f"{folder}/bin/pip-compile", *options, *files], check=True)


if __name__ == "__main__":
    if sys.argv[1:] != ["--lock"]:
        sys.exit(__doc__)
    lock()
