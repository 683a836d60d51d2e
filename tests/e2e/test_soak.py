"""A short soak: 64 callers, some of whom are killed. No good call fails, and what clients left behind is given back."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from blindai.cli.programs import find_program

MIB = 1024 * 1024


@pytest.mark.slow
def test_a_minute_of_killed_clients_fails_no_good_call(tmp_path):
    command = [sys.executable, "-m", "bench.soak.run", "--minutes", "1", "--every", "1"]
    command += ["--json", str(tmp_path / "soak.json"), "--plot", str(tmp_path / "soak.svg")]
    command += ["--binary", str(find_program("blindai-bench", "build it"))]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([".", *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "soak.json").read_text())
    assert result["callers"] == 64
    assert result["failed"] == {}
    assert {"predict", "predict over gRPC", "upload to deletion", "killed process"} <= set(result["good"])
    assert result["cut"] > 0
    assert len(result["samples"]) > 20
    # In a minute a slope is noise; what a leak of a whole connection, request or model would be is not.
    memory = result["memory"]
    assert memory["server_pss"]["last_quarter"] < memory["server_pss"]["first_quarter"] + 16 * MIB
    assert memory["server_fds"]["last_quarter"] < memory["server_fds"]["first_quarter"] + 64
    assert memory["server_threads"]["last_quarter"] <= memory["server_threads"]["first_quarter"] + 1
    assert (tmp_path / "soak.svg").read_text().lstrip().startswith("<?xml")
