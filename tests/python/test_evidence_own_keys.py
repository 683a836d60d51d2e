"""blindai.evidence on generated cases, without the reference data. Their root is their own, and nothing that is shipped
trusts it: everything but the root is judged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from blindai import evidence
from blindai.cli import app as cli
from typer.testing import CliRunner

MAKER = Path(__file__).resolve().parents[2] / "build/dev/bin/blindai-test-chain"
POLICY = evidence.DEFAULT_POLICY.replace('"Genoa", "Turin"', '"Milan", "Genoa", "Turin"')
KINDS = [
    ["sgx"],
    ["sgx", "--version", "5"],
    ["tdx"],
    ["tdx", "--version", "5", "--body-type", "3"],
    ["tdx", "--version", "5", "--body-type", "4"],
    ["snp", "--product", "milan", "--version", "2"],
    ["snp", "--product", "genoa", "--key", "vlek"],
    ["snp", "--product", "turin", "--version", "5"],
]


def make(folder: Path, *arguments: str) -> dict[str, bytes]:
    if not MAKER.exists():
        pytest.skip("blindai-test-chain is not built")
    subprocess.run([MAKER, "--tee", *arguments, "--out", folder], check=True)
    return evidence.read_folder(folder)


def time_of(folder: Path) -> int:
    return json.loads((folder / "case.json").read_text())["verification_time_unix"]


@pytest.mark.parametrize("arguments", KINDS, ids=" ".join)
def test_a_generated_root_is_not_trusted(arguments, tmp_path):
    files = make(tmp_path, *arguments)
    report = evidence.appraise(files, at=time_of(tmp_path), policy=POLICY)
    assert report.verdict == "reject"
    assert {reason.split(":")[0] for reason in report.reasons} == {"UNTRUSTED_ROOT"}
    assert (report.claims, report.tcb) == ({}, {})
    assert evidence.appraise(files, at=time_of(tmp_path), policy=POLICY).to_json() == report.to_json()


@pytest.mark.parametrize("arguments", KINDS, ids=" ".join)
def test_a_generated_case_can_be_looked_at(arguments, tmp_path):
    files = make(tmp_path, *arguments)
    decoded = evidence.decode(files.get("quote.bin") or files["report.bin"])
    assert decoded["verified"] is False
    assert "da" * 64 in json.dumps(decoded)  # the report data that the generator writes
    described = evidence.describe_collateral(files)
    assert all("unreadable" not in item for item in described["items"].values()), described
    assert described["valid_until"] is not None


@pytest.mark.parametrize("arguments", KINDS, ids=" ".join)
def test_the_command_says_so_too(arguments, tmp_path):
    make(tmp_path, *arguments)
    checked = CliRunner().invoke(
        cli.app, ["evidence", "check", str(tmp_path), "--at", str(time_of(tmp_path))], env={"COLUMNS": "200"}
    )
    assert checked.exit_code == 1
    assert "UNTRUSTED_ROOT" in checked.output


@pytest.mark.parametrize("arguments", KINDS, ids=" ".join)
def test_every_file_cut_or_changed_is_a_verdict(arguments, tmp_path):
    files = make(tmp_path, *arguments)
    for name, content in files.items():
        for wrong in [b"", content[: len(content) // 2], content[::-1], content + content, bytes(len(content))]:
            report = evidence.appraise(files | {name: wrong}, at=time_of(tmp_path), policy=POLICY)
            assert report.verdict == "reject"
            assert report.reasons
