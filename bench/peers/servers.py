"""The peers as processes on loopback: started as their documentation says, ended by their process group.

All run the same ONNX Runtime over the same file, each run with all CPUs, which is what ONNX Runtime does unless told
otherwise, and as many server processes with an engine as there are CPUs: uvicorn's workers, MLServer's parallel
workers, Triton's instances.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import environments, messages
from bench.peers.session import specs

_START_SECONDS = 180
_STOP_SECONDS = 20
_TRITON_TYPES = {"FP32": "TYPE_FP32", "INT64": "TYPE_INT64"}


class NotStarted(Exception):
    """A peer did not start."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [made.getsockname()[1] for made in sockets]
    for made in sockets:
        made.close()
    return ports


@dataclass
class Peer:
    """A running peer: where it answers, and the request to send."""

    name: str
    kind: str  # how tensors travel: "raw", "v2-json", "v2-binary"
    url: str
    headers: list[str]
    body: bytes
    process: subprocess.Popen[bytes]
    log: Path
    ready_url: str = ""
    arguments: list[str] = field(default_factory=list)  # of `blindai-bench http`

    def wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.ready_url, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise NotStarted(f"{self.name} did not start: {self.log.read_text(errors='replace')[-1500:]}")

    def ask(self) -> messages.Array:
        """One request, and the numbers of its answer."""
        request = urllib.request.Request(self.url, self.body, dict(line.split(": ", 1) for line in self.headers))
        with urllib.request.urlopen(request, timeout=120) as answer:
            length = answer.headers.get("Inference-Header-Content-Length")
            return messages.numbers_of(answer.read(), int(length) if length else None, self.kind)

    def pids(self) -> list[int]:
        """Its processes."""
        pids = [self.process.pid]
        for pid in pids:
            try:
                for children in Path(f"/proc/{pid}/task").glob("*/children"):
                    pids.extend(int(child) for child in children.read_text().split())
            except OSError:
                continue
        return pids

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The second is for workers that outlived their parent too: they are still of its group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_SECONDS)


def _spawn(command: list[str], model: Path, inputs: str, log: Path, **extra: str) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(log.parent),
        "PYTHONPATH": str(environments.ROOT),
        "PEER_MODEL": str(model),
        "PEER_INPUTS": inputs,
        "PEER_THREADS": str(os.cpu_count() or 1),
    }
    with log.open("wb") as out:
        return subprocess.Popen(
            command, env=environment | extra, stdout=out, stderr=out, cwd=log.parent, start_new_session=True
        )


def fastapi(model: Path, inputs: str, folder: Path) -> Peer:
    python = environments.python_of("fastapi")
    (port,) = free_ports(1)
    command = [str(python), "-m", "uvicorn", "bench.peers.fastapi_app:app", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(os.cpu_count() or 1), "--no-access-log", "--log-level", "warning"]
    log = folder / "fastapi.log"
    url = f"http://127.0.0.1:{port}"
    process = _spawn(command, model, inputs, log)
    headers = ["Content-Type: application/octet-stream"]
    body = messages.raw(specs(inputs))
    return Peer("FastAPI", "raw", f"{url}/predict", headers, body, process, log, f"{url}/ready")


def mlserver(model: Path, inputs: str, folder: Path) -> Peer:
    python = environments.python_of("mlserver")
    http, grpc, metrics = free_ports(3)
    home = folder / "mlserver"
    home.mkdir(exist_ok=True)
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": os.cpu_count() or 1,
        "debug": False,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    implementation = "bench.peers.mlserver_runtime.OnnxRuntime"
    (home / "model-settings.json").write_text(json.dumps({"name": "model", "implementation": implementation}))
    log = folder / "mlserver.log"
    process = _spawn([str(python.with_name("mlserver")), "start", str(home)], model, inputs, log)
    url = f"http://127.0.0.1:{http}/v2"
    headers = ["Content-Type: application/json"]
    body = messages.v2_json(specs(inputs))
    return Peer(
        "MLServer", "v2-json", f"{url}/models/model/infer", headers, body, process, log, f"{url}/models/model/ready"
    )


def _triton_config(inputs: list[messages.Spec], outputs: list[tuple[str, str, int]]) -> str:
    def block(kind: str, name: str, datatype: str, rank: int) -> str:
        dims = ", ".join(["-1"] * rank)
        return f'{kind} [{{ name: "{name}" data_type: {_TRITON_TYPES[datatype]} dims: [ {dims} ] }}]'

    lines = ['name: "model"', 'backend: "python"', "max_batch_size: 0"]
    lines += [block("input", name, datatype, len(shape)) for name, datatype, shape in inputs]
    lines += [block("output", name, datatype, rank) for name, datatype, rank in outputs]
    lines.append(f"instance_group [{{ count: {os.cpu_count() or 1} kind: KIND_CPU }}]")
    return "\n".join(lines) + "\n"


def triton(model: Path, inputs: str, folder: Path, outputs: list[tuple[str, str, int]]) -> Peer:
    """`outputs`: name, datatype and rank of each."""
    python = environments.python_of("triton")
    packages = environments.packages_of("triton")
    home = packages / "pytriton/tritonserver"
    backends = folder / "triton-backends"
    # The backend looks for the stub of its interpreter beside itself.
    shutil.copytree(home / "backends", backends, dirs_exist_ok=True)
    stub = home / "python_backend_stubs" / packages.parent.name.removeprefix("python") / "triton_python_backend_stub"
    shutil.copy(stub, backends / "python")
    version = folder / "triton-models/model/1"
    version.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).with_name("triton_model.py"), version / "model.py")
    (version.parent / "config.pbtxt").write_text(_triton_config(specs(inputs), outputs))
    (port,) = free_ports(1)
    command = [str(home / "bin/tritonserver"), f"--model-repository={folder / 'triton-models'}"]
    command += [f"--backend-directory={backends}", "--http-address=127.0.0.1", f"--http-port={port}"]
    command += ["--allow-grpc=false", "--allow-metrics=false"]
    log = folder / "triton.log"
    process = _spawn(
        command,
        model,
        inputs,
        log,
        LD_LIBRARY_PATH=str(packages / "nvidia_pytriton.libs"),
        PEER_PATH=f"{environments.ROOT}:{packages}",
        PATH=f"{python.parent}:{os.environ['PATH']}",
    )
    body, json_bytes = messages.v2_binary(specs(inputs))
    headers = ["Content-Type: application/octet-stream", f"Inference-Header-Content-Length: {json_bytes}"]
    url = f"http://127.0.0.1:{port}/v2"
    return Peer(
        "Triton", "v2-binary", f"{url}/models/model/infer", headers, body, process, log, f"{url}/models/model/ready"
    )
