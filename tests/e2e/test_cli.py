"""The command line against a real service: what it prints, its JSON, and its exit status."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from .models import linear, linear_result


@pytest.fixture
def run(service):
    def command(*arguments, environment=None):
        call = [sys.executable, "-c", "import sys; sys.argv[0] = 'blindai'; from blindai.cli import main; main()"]
        variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "200"}
        done = subprocess.run(
            [*call, *map(str, arguments)],
            env=variables | (environment or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    assert service.process is not None
    return command


def test_verify_prints_every_check_and_json(run):
    status, out, err = run("verify")
    assert status == 0
    assert "session_signature" in out
    assert "SIMULATED" in out + err
    status, out, _ = run("verify", "--json")
    assert status == 0
    assert json.loads(out)["accepted"] is True


def test_verify_fails_with_a_status_of_its_own(run, service, tmp_path):
    policy = (service.profile.parent / "simulated.policy.toml").read_text()
    root = next(line for line in policy.splitlines() if line.startswith("root"))
    folder = tmp_path / "blindai/profiles"
    folder.mkdir(parents=True)
    (folder / "other.policy.toml").write_text(policy.replace(root, f'root = "{"ab" * 32}"'))
    profile = service.profile.read_text().replace("simulated.policy.toml", "other.policy.toml")
    (folder / "default.toml").write_text(profile.replace(str(service.profile.parent), str(folder)))
    elsewhere = {"XDG_CONFIG_HOME": str(tmp_path)}
    status, _, err = run("verify", environment=elsewhere)
    assert status == 3
    assert "evidence_root" in err
    assert "Nothing was sent" in err
    status, out, _ = run("verify", "--json", environment=elsewhere)
    assert status == 3
    assert json.loads(out)["code"] == "attestation_failed"


def test_a_model_from_upload_to_deletion(run, tmp_path):
    model = linear(tmp_path / "linear.onnx")
    status, out, err = run("upload", model, "--id", "cli-model")
    assert status == 0, err
    assert "sha256:" in out
    x = np.arange(4, dtype=np.float32).reshape(1, 4)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "x.json").write_text(json.dumps({"x": x.tolist()}))
    for name in ("x.npy", "x.json"):
        status, out, err = run("predict", "cli-model", tmp_path / name, "--json")
        assert status == 0, err
        np.testing.assert_allclose(json.loads(out)["outputs"][0]["data"], linear_result(x).ravel())
    status, out, _ = run("models", "--json")
    assert "cli-model" in {entry["id"] for entry in json.loads(out)["models"]}
    assert run("delete", "cli-model")[0] == 0
    status, _, err = run("predict", "cli-model", tmp_path / "x.npy")
    assert status == 1
    assert "there is no model 'cli-model'" in err


def test_a_file_that_is_not_there_names_the_near_match(run, tmp_path):
    linear(tmp_path / "distilbert-base-uncased.onnx")
    status, _, err = run("upload", tmp_path / "distilbert.onnx")
    assert status == 1
    assert "distilbert-base-uncased.onnx" in err.replace("\n", "")


def test_keys_and_policy(run, service, tmp_path):
    status, out, err = run("keys", "new", "--role", "caller", "--out", tmp_path / "key", "--json")
    assert status == 0, err
    made = json.loads(out)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert made["id"] in run("keys", "list")[1]
    assert run("keys", "remove", made["id"])[0] == 0
    policy = service.profile.parent / "simulated.policy.toml"
    status, out, _ = run("policy", "check", policy, "--json")
    assert json.loads(out)["production"] is False
    (tmp_path / "bad.toml").write_text(policy.read_text() + "surprise = 1\n")
    status, _, err = run("policy", "check", tmp_path / "bad.toml")
    assert status == 1
    assert "surprise" in err


def test_serve_says_that_its_port_is_taken(run, tmp_path):
    elsewhere = {"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, _, err = run("serve", "--port", taken.getsockname()[1], environment=elsewhere)
    assert status != 0
    assert "--port" in err


def test_wrong_usage_has_a_status_of_its_own(run):
    assert run("upload")[0] == 2
    assert run("nonsense")[0] == 2
