"""`blindai serve`: the server on this machine, SIMULATED, ready for the tutorial."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from rich.panel import Panel

from .. import keys
from ..errors import ConfigurationError, UnavailableError
from ..profiles import profiles_dir, state_dir
from .output import console
from .programs import find_program

TENANT = "demo"


def find_server() -> Path:
    return find_program("blindai-server", "build it with scripts/setup")


def private_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"the folder {path} cannot be made: {error.strerror}") from None
    return path


def write_new(path: Path, text: str, mode: int = 0o644) -> bool:
    """Writes a file that is not there yet, whole or not at all; says whether it was written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
    return True


def demo_key(state: Path) -> tuple[Path, keys.ApiKey]:
    """The API key of tenant `demo`, made once."""
    path = state / "demo-api-key"
    write_new(path, keys.generate().text + "\n", 0o600)
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"{path} may be read by others: chmod 600 it, or remove it to make a new key")
    return path, keys.parse(path.read_text().strip())


def policy_text(root: str, auth: list[str]) -> str:
    allowed = ", ".join(f'"{word}"' for word in auth)
    return f"""# SIMULATED: this policy accepts a server that no hardware protects. For development only.
version = 1
name = "simulated"
[identity]
server_name = "localhost"
ca = "any"
[config]
auth = [{allowed}]
[accept.simulated]
root = "{root}"
measurement = "any"
[freshness]
fresh_evidence = true
[models]
unpinned = "allow"
"""


def write_profiles(announced: dict[str, Any], key_file: Path) -> dict[str, bool]:
    """The profile `simulated` with its policy, and `default` where there is none. Nothing is ever replaced."""
    folder = profiles_dir()
    policy = folder / "simulated.policy.toml"
    written = {"policy": write_new(policy, policy_text(announced["root"], announced["auth"]))}
    profile = f'url = "{announced["url"]}"\npolicy = "{policy}"\napi_key_file = "{key_file}"\n'
    for name in ("simulated", "default"):
        written[name] = write_new(folder / f"{name}.toml", profile)
    return written


def stale(announced: dict[str, Any]) -> str | None:
    """Why the profile `simulated`, which was there before, does not lead to this server."""
    profile = profiles_dir() / "simulated.toml"
    policy = profiles_dir() / "simulated.policy.toml"
    if f'url = "{announced["url"]}"' not in profile.read_text():
        return f"{profile} names another address than {announced['url']}"
    if announced["root"] not in policy.read_text():
        return f"{policy} names another simulation root"
    return None


def show_welcome(announced: dict[str, Any], written: dict[str, bool]) -> None:
    note = stale(announced)
    lines = [
        f"[bold]{announced['url']}[/]   admin: {announced['admin_url']}",
        "Real signatures and the real protocol, but NO hardware protects the data. For development only.",
        "",
        "Try next, in another terminal:",
        "  blindai verify",
        "  blindai upload model.onnx --id my-model",
        '  python -c "import blindai; print(blindai.connect().report)"',
    ]
    if not written["default"]:
        lines.append("  (the profile 'default' was there already: add --profile simulated)")
    if note is not None:
        lines.append(f"\n[yellow]{note}: remove it to have it written anew[/]")
    console.print(Panel("\n".join(lines), title="SIMULATED", border_style="yellow", title_align="left"))


def run(arguments: list[str]) -> int:
    """Starts the server and waits for its end. Returns its exit status."""
    state = private_folder(state_dir())
    key_file, key = demo_key(state)
    command = [str(find_server()), "--state-dir", str(state), "--tenant", f"{TENANT}:owner:{key.id}:{key.public_key}"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)

    # The server drains on either signal; this process waits for it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        status = process.wait()
        if status != 0:
            raise UnavailableError("blindai-server did not start; what it said stands above")
        return 0
    announced = json.loads(line)
    try:
        written = write_profiles(announced, key_file)
    except ConfigurationError:  # nobody would find the server
        process.terminate()
        process.wait()
        raise
    show_welcome(announced, written)
    return process.wait()
