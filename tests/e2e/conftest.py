"""The real server, started as a newcomer starts it, with folders of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

# What sanitizers say, in a build that has them: $BLINDAI_BUILD names the one whose programs are tested.
SANITIZER_REPORT = re.compile(r"^.*(?:\w+Sanitizer: |runtime error:).*$", re.MULTILINE)
START_SECONDS = 60
STOP_SECONDS = 20


@dataclass
class Service:
    """A running `blindai serve`. Its profile is `default` of its own XDG folders."""

    home: Path
    arguments: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    segfaults: bool = False  # a test sends SIGSEGV, and a sanitizer reports it

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_RUNTIME_DIR": str(self.home),
        }

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def profile(self) -> Path:
        return self.home / "config/blindai/profiles/default.toml"

    @property
    def api_key(self) -> str:
        for line in self.profile.read_text().splitlines():
            if line.startswith("api_key_file"):
                path = Path(line.partition("=")[2].strip().strip('"'))
                return (path if path.is_absolute() else self.profile.parent / path).read_text().strip()
        raise AssertionError(f"no api_key_file in {self.profile}")

    def use(self, patch: pytest.MonkeyPatch) -> None:
        """Has this process's profile point to it."""
        for name, value in self.environment.items():
            patch.setenv(name, value)
        patch.delenv("BLINDAI_PROFILE", raising=False)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        command = [sys.executable, "-c", "from blindai.cli import main; main()", "serve", *self.arguments]
        environment = os.environ | self.environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        environment.pop("BLINDAI_PROFILE", None)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        probe = "import blindai, warnings; warnings.simplefilter('ignore'); blindai.connect(timeout=5).close()"
        environment = os.environ | self.environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        end = time.monotonic() + START_SECONDS
        said = ""
        while time.monotonic() < end:
            if self.process is None or self.process.poll() is not None:
                break
            if self.profile.exists():
                done = subprocess.run(
                    [sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=False
                )
                if done.returncode == 0:
                    return
                said = done.stderr
            time.sleep(0.1)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}\n{said}")

    def server_pid(self) -> int:
        """The process that listens: `blindai serve` itself, or the child that it started."""
        assert self.process is not None
        pids = [self.process.pid]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            with contextlib.suppress(OSError):
                pids.extend(int(child) for child in children.read_text().split())
        for pid in pids:
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/exe").resolve().name == "blindai-server":
                    return pid
        raise AssertionError("no blindai-server runs")

    def worker_pids(self) -> list[int]:
        """The worker processes of the server."""
        server = self.server_pid()
        children = Path(f"/proc/{server}/task").glob("*/children")
        pids = {int(child) for file in children for child in file.read_text().split()}
        return sorted(pid for pid in pids if Path(f"/proc/{pid}").exists())

    def model_memory(self) -> int:
        """Bytes of uploads that the server holds."""
        total = 0
        for link in Path(f"/proc/{self.server_pid()}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(link).startswith("/memfd:blindai-model"):
                    total += link.stat().st_size
        return total

    def stop(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(STOP_SECONDS)
        self.process = None
        self.check_log()

    def check_log(self) -> None:
        """What sanitizers say in server and workers, which write to the same log."""
        found = [
            line for line in SANITIZER_REPORT.findall(self.log.read_text()) if not (self.segfaults and "SEGV" in line)
        ]
        assert not found, f"{found}\n{self.log.read_text()}"


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One server for all tests that do it no harm."""
    with Service(tmp_path_factory.mktemp("service"), ["--port", "0"]) as service:
        yield service


@pytest.fixture
def service(shared_service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The shared server, with this process's profile pointing to it."""
    shared_service.use(monkeypatch)
    return shared_service


@pytest.fixture
def own_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A server of the test's own, which it may kill."""
    home = tmp_path / "service"
    home.mkdir()
    service = Service(home, ["--port", "0"])
    service.use(monkeypatch)
    try:
        with service:
            yield service
    finally:
        shutil.rmtree(home, ignore_errors=True)
