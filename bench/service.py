"""A simulated server of its own for the measurements, in folders of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import blindai

SERVE = "from blindai.cli import main; main()"


class Watch:
    """The highest sum of PSS seen while it ran."""

    def __init__(self) -> None:
        self.peak = 0


class Service:
    """`blindai serve` on a free port with `arguments`; `url`, `policy` and `key_file` are what its profile says."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.arguments = arguments
        self.url = ""
        self.policy = folder / "config/blindai/profiles/simulated.policy.toml"
        self.key_file = folder / "state/blindai/demo-api-key"
        self.seconds_to_listening = 0.0

    def __enter__(self) -> Self:
        warnings.simplefilter("ignore", blindai.SimulationModeWarning)
        folders = {"XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_STATE_HOME": str(self.folder / "state")}
        os.environ.update(folders)
        with (self.folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, "serve", "--port", "0", *self.arguments], stdout=log, stderr=log
            )
        profile = self.folder / "config/blindai/profiles/default.toml"
        end = time.monotonic() + 60
        while not profile.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit((self.folder / "server.log").read_text())
            time.sleep(0.01)
        self.url = next(line.split('"')[1] for line in profile.read_text().splitlines() if line.startswith("url"))
        self.seconds_to_listening = self._time_a_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(30)

    def _time_a_start(self) -> float:
        """From the start of blindai-server alone to its announcement."""
        from blindai import keys
        from blindai.cli.serve import find_server

        key = keys.generate()
        state = self.folder / "timed"
        state.mkdir()
        command = [str(find_server()), "--state-dir", str(state), "--port", "0"]
        begin = time.monotonic()
        with subprocess.Popen(
            [*command, "--tenant", f"t:owner:{key.id}:{key.public_key}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            json.loads(process.stdout.readline())
            seconds = time.monotonic() - begin
            process.terminate()
        return seconds

    def connect(self) -> blindai.Connection:
        return blindai.connect()

    def upload(self, path: Path, name: str) -> None:
        with self.connect() as client:
            client.upload_model(path, model_id=name)

    def delete(self, name: str) -> None:
        with self.connect() as client:
            client.delete_model(name)

    def settle(self) -> None:
        """Waits until no worker is left: a deletion is answered before its process has ended."""
        end = time.monotonic() + 10
        while len(self.pids()) > 1 and time.monotonic() < end:
            time.sleep(0.05)

    def pids(self) -> list[int]:
        """blindai-server and its workers."""
        pids, found = [self.process.pid], []
        for pid in pids:
            try:
                if pid != self.process.pid:
                    found.append(pid)
                for children in Path(f"/proc/{pid}/task").glob("*/children"):
                    pids.extend(int(child) for child in children.read_text().split())
            except OSError:
                continue
        return found

    def pss_bytes(self) -> int:
        """Sum of the proportional set sizes of server and workers."""
        total = 0
        for pid in self.pids():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
        return total

    @contextmanager
    def watch_pss(self) -> Iterator[Watch]:
        watch, stop = Watch(), threading.Event()

        def look() -> None:
            while not stop.is_set():
                watch.peak = max(watch.peak, self.pss_bytes())
                stop.wait(0.02)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield watch
        finally:
            stop.set()
            thread.join()
