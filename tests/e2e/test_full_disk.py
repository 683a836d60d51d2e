"""The service and the command when a disk or memory is full: a clear error, nothing lost, and it goes on afterwards."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import blindai
import numpy as np
import pytest
from blindai.cli.serve import find_server

from tests.full_disk import run_on_small_disk

from . import models
from .conftest import Service

X = np.arange(8, dtype=np.float32).reshape(2, 4)
pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")
COMMAND = """
import json, sys
from blindai.cli import main
fill()
sys.argv[0] = "blindai"
try:
    main()
except SystemExit as end:
    status = end.code
    print("status", status, json.dumps(sorted(files())), file=sys.stderr)
"""


def command(disk, *arguments, environment=None):
    """Exit status, output, errors, and the files on the full disk afterwards."""
    variables = {"COLUMNS": "400"} | (environment or {})
    done = run_on_small_disk(disk, COMMAND, *map(str, arguments), environment=variables)
    assert "Traceback" not in done.stderr, done.stderr
    status, names = done.stderr.splitlines()[-1].removeprefix("status ").split(" ", 1)
    return int(status), done.stdout, done.stderr, json.loads(names)


def server_processes():
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "exe").resolve().name == "blindai-server":
                found.add(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("full", ["XDG_STATE_HOME", "XDG_CONFIG_HOME"])
def test_serve_says_so_and_leaves_no_server_behind(tmp_path, full):
    before = server_processes()
    disk = tmp_path / "disk"
    folders = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")} | {
        full: str(disk)
    }
    status, _, err, names = command(disk, "serve", "--port", "0", environment=folders)
    assert status == 1
    assert "No space left on device" in err
    assert str(disk) in err
    assert names == []
    assert server_processes() <= before


@pytest.mark.parametrize("state", ["disk", "room"])
def test_the_server_names_its_root_key(tmp_path, state):
    """The control: with room it starts, and says where it listens."""
    code = f"""
import subprocess, sys
if {state == "disk"}:
    fill()
server = subprocess.Popen(
    [{str(find_server())!r}, "--port", "0", "--auth", "open", "--state-dir", str(DISK)],
    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
)
print(server.stdout.readline(), sorted(files()) if {state == "disk"} else "")
server.terminate()
print(server.stderr.read(), server.wait())
"""
    done = run_on_small_disk(tmp_path / "disk", code)
    if state == "room":
        assert '"url"' in done.stdout, done.stdout + done.stderr
        return
    assert '"url"' not in done.stdout
    assert "simulation root key cannot be written" in done.stdout
    assert "No space left on device" in done.stdout
    assert "[]" in done.stdout, "no half of a key is left"


def start_server(folder, **streams):
    return subprocess.Popen(
        [find_server(), "--port", "0", "--auth", "open", "--state-dir", str(folder)], text=True, **streams
    )


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    with open("/dev/full", "w") as full:
        server = start_server(tmp_path, stdout=subprocess.PIPE, stderr=full)
    assert json.loads(server.stdout.readline())["tee"] == "simulated"
    time.sleep(0.3)
    assert server.poll() is None
    server.terminate()
    assert server.wait(20) == 0


def test_a_server_that_cannot_say_where_it_listens_does_not_run_on(tmp_path):
    with open("/dev/full", "w") as full:
        server = start_server(tmp_path, stdout=full, stderr=subprocess.PIPE)
    _, err = server.communicate(timeout=30)
    assert server.returncode == 1
    assert "standard output" in err
    assert "No space left on device" in err


def test_a_server_without_standard_descriptors_prints_into_no_socket(tmp_path):
    server = start_server(tmp_path, stdout=None, stderr=None, preexec_fn=lambda: os.closerange(0, 3))
    try:
        descriptors = Path(f"/proc/{server.pid}/fd")
        end = time.monotonic() + 20
        while not any(os.readlink(link).startswith("socket:") for link in descriptors.iterdir()):
            assert time.monotonic() < end
            assert server.poll() is None
            time.sleep(0.05)
        assert [os.readlink(descriptors / number) for number in "012"] == ["/dev/null"] * 3
    finally:
        server.terminate()
    assert server.wait(20) == 0


@pytest.fixture
def linear(service, tmp_path):
    with blindai.connect() as client:
        client.upload_model(models.linear(tmp_path / "linear.onnx"), "full-disk")
        yield "full-disk"
        client.delete_model("full-disk")


def test_predictions_are_shown_where_their_file_has_no_room(linear, tmp_path):
    np.save(tmp_path / "x.npy", X)
    disk = tmp_path / "disk"
    arguments = ("predict", linear, tmp_path / "x.npy", "-o", disk / "y.npz", "--json")
    status, out, err, names = command(disk, *arguments)
    assert status == 1
    assert "No space left on device" in err + out
    first = json.JSONDecoder().raw_decode(out)[0]
    assert np.allclose(first["outputs"][0]["data"], models.linear_result(X).ravel(), atol=1e-5)
    assert names == []


def test_a_key_that_cannot_be_kept_is_not_registered(service, tmp_path):
    def listed():
        with blindai.connect() as client:
            return client.request("GET", "/blindai/v1/keys")["keys"]

    before = listed()
    disk = tmp_path / "disk"
    status, _, err, names = command(disk, "keys", "new", "--out", disk / "key")
    assert status == 1
    assert "No space left on device" in err
    assert names == []
    assert listed() == before


def test_output_that_goes_nowhere_is_an_error(service):
    call = [sys.executable, "-c", "import sys; sys.argv[0] = 'blindai'; from blindai.cli import main; main()"]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*call, "models", "--json"], env=variables, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_an_upload_that_memory_does_not_suffice_for_is_refused_and_given_back(tmp_path, monkeypatch):
    """RLIMIT_FSIZE bounds memory files too: the model, the programs that the server runs (25 MB), the worker's ring."""
    home = tmp_path / "service"
    home.mkdir()
    service = Service(home, ["--port", "0", "--slots", "2", "--request-bytes", "65536", "--answer-bytes", "65536"])
    service.use(monkeypatch)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 << 20, limit[1]))
    try:
        service.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    try:
        large = models.linear(tmp_path / "large.onnx", columns=4000, outputs=4000)
        small = models.linear(tmp_path / "small.onnx")
        with blindai.connect() as client:
            client.upload_model(small)
            held = service.model_memory()
            for _ in range(2):
                with pytest.raises(blindai.QuotaError, match="no memory left"):
                    client.upload_model(large)
            assert [model["id"] for model in client.models()] == ["small"]
            assert np.allclose(client.predict("small", X).output[0].as_numpy(), models.linear_result(X), atol=1e-5)
            end = time.monotonic() + 5
            while service.model_memory() > held:
                assert time.monotonic() < end, "what was received of the refused upload is still held"
                time.sleep(0.05)
    finally:
        service.stop()


def test_a_quota_that_is_used_up_is_named_and_given_back(tmp_path, monkeypatch):
    home = tmp_path / "service"
    home.mkdir()
    service = Service(
        home, ["--port", "0", "--tenant-bytes", "40000", "--tenant-models", "2", "--model-bytes", "50000"]
    )
    service.use(monkeypatch)
    service.start()
    try:
        large = models.linear(tmp_path / "large.onnx", columns=100, outputs=75)
        small = models.linear(tmp_path / "small.onnx")
        with blindai.connect() as client:
            with pytest.raises(blindai.QuotaError, match="the limit is 50000"):
                client.upload_model(models.linear(tmp_path / "larger.onnx", columns=100, outputs=130))
            client.upload_model(large)
            with pytest.raises(blindai.QuotaError, match="delete one first"):
                client.upload_model(large, "second")
            client.upload_model(small)
            with pytest.raises(blindai.QuotaError, match="which is the limit"):
                client.upload_model(small, "third")
            client.delete_model("large")
            client.upload_model(large, "second")
            assert [model["id"] for model in client.models()] == ["second", "small"]
    finally:
        service.stop()
