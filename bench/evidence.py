"""Appraisals of evidence, beside the signature checks that they cannot do without and beside another verifier.

One thread each, and times of the CPU: what else the machine does counts for neither side.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.rows import Row
from tests.independent import dcap_qvl_judge

VECTORS = Path(os.environ.get("BLINDAI_TEST_DATA", Path(__file__).resolve().parents[2] / "shared")) / "vectors"
CASE = VECTORS / "sgx/dcapqvl-v3-config-sw-hardening"

# What an appraisal costs at the very least: the signature checks that it makes, on one curve.
BOUNDS = (
    ("sgx_cold", "SGX quote, nothing remembered", "p256_verify", 0.7),
    ("tdx_cold", "TDX quote, nothing remembered", "p256_verify", 0.7),
    ("sgx_warm", "SGX quote, collateral remembered", "p256_verify", 0.6),
    ("tdx_warm", "TDX quote, collateral remembered", "p256_verify", 0.6),
    ("snp_warm", "SNP report, chain remembered", "p384_verify", 0.8),
)


def peer_seconds(seconds: float) -> float:
    """CPU seconds of one verification by dcap-qvl of the quote that `sgx_cold` appraises."""
    import dcap_qvl

    text = {path.name: path.read_bytes() for path in CASE.iterdir()}
    collateral = dcap_qvl_judge.collateral(text)
    at = json.loads(text["case.json"])["verification_time_unix"]
    dcap_qvl.verify(text["quote.bin"], collateral, at)
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        dcap_qvl.verify(text["quote.bin"], collateral, at)
        count += 1
    return (time.process_time() - begin) / count


class Appraisals:
    """Runs `blindai-evidence-bench`, one benchmark at a time."""

    def __init__(self, binary: Path, facts: dict[str, Any]) -> None:
        self.binary = binary
        self.facts = facts

    def seconds(self, name: str) -> float:
        command = [self.binary, f"--benchmark_filter=^{name}/", "--benchmark_format=json", "--benchmark_min_time=0.3"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if run.returncode != 0:
            raise SystemExit(f"{self.binary.name}: {run.stderr.strip()}")
        (sample,) = json.loads(run.stdout)["benchmarks"]
        if sample.get("error_occurred"):
            raise SystemExit(f"{self.binary.name} {name}: {sample['error_message']}")
        if "heap_bytes" in sample:
            self.facts[f"{name}_heap_bytes"] = int(sample["heap_bytes"])
            self.facts[f"{name}_signature_checks"] = int(sample["signature_checks"])
        return float(sample["cpu_time"]) / 1e6

    def rows(self, in_turn: Callable[[Row, Callable[[], float], Callable[[], float]], None]) -> None:
        for name, title, check, limit in BOUNDS:
            self.seconds(name)
            count = self.facts[f"{name}_signature_checks"]
            curve = check.split("_")[0].upper().replace("P", "P-")
            row = Row(title, "1/s", baseline=f"{count} {curve} checks", bound=f">= {limit}", limit=limit)
            in_turn(row, lambda n=name: 1 / self.seconds(n), lambda c=check, k=count: 1 / (k * self.seconds(c)))  # type: ignore[misc]
        row = Row("SGX quote, nothing remembered", "1/s", baseline="dcap-qvl", bound=">= 1.2", limit=1.2)
        in_turn(row, lambda: 1 / self.seconds("sgx_cold"), lambda: 1 / peer_seconds(0.3))
