"""What clients of KServe V2 rely on, as a real Triton server was recorded to answer, and as its own client sees it.

Both judges come with the recordings and stand outside of this project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

# Cases whose advice is not followed, each with the reason.
NOT_FOLLOWED = {
    "http-framing/content_length_longer_then_close": (
        "its sender closes one direction, which the judge cannot do over TLS: it waits with an open connection, for "
        "less than the 30 s after which a body without a byte is given up"
    ),
}
LINE = re.compile(r"^(required|advice) +(ok|BAD) +(\S+?)(?:: (.*))?$")


def test_every_case_is_answered_as_recorded_or_advised(v2, v2_data):
    judge = [sys.executable, str(v2_data / "replay.py"), "-v", "--tls", "--ca", str(v2.ca), "--url", v2.address]
    done = subprocess.run([*judge, str(v2_data / "cases.json")], capture_output=True, text=True, check=False)
    verdicts = [match.groups() for line in done.stdout.splitlines() if (match := LINE.match(line))]
    bad = {(kind, name): why for kind, verdict, name, why in verdicts if verdict == "BAD"}
    required = {name: why for (kind, name), why in bad.items() if kind == "required"}
    assert not required, json.dumps(required, indent=1)
    advice = {name: why for (kind, name), why in bad.items() if kind == "advice"}
    assert set(advice) == set(NOT_FOLLOWED), json.dumps(advice, indent=1)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = json.loads((v2_data / "cases.json").read_text())
    judged = [
        case
        for case in cases
        if (case["compare"] != "info" or case.get("advice"))
        and not case.get("state_dependent")
        and case.get("server_mode") != "none"
    ]
    assert len(verdicts) == len(judged)
    print(f"{len(verdicts)} cases, {len(advice)} pieces of advice not followed")


def test_the_unmodified_triton_client_works(v2, v2_data):
    pytest.importorskip("grpc", reason="the suite imports all of tritonclient: run scripts/setup")
    environment = os.environ | {"V2_URL": v2.address, "V2_GRPC_URL": v2.address, "V2_TLS": "1"}
    environment["V2_CA"] = str(v2.ca)
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(v2_data / "client_suite.py")]
    done = subprocess.run(suite, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 745, done.stdout[-500:]
