"""The properties of the evidence verifier at every byte; the unit tests try some (own_keys_property_test.cpp)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "build/dev/bin/unit_evidence"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_changed_signed_byte_is_accepted() -> None:
    command = [PROGRAM, "--gtest_filter=OwnKeysProperty.*", "--gtest_brief=1"]
    run = subprocess.run(
        command, env=os.environ | {"BLINDAI_EVERY_BYTE": "1"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:]
    assert "[  PASSED  ]" in run.stdout
