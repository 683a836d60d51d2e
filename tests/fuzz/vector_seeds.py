"""Makes seeds of the reference data for the fuzz targets, where it is there: vector_seeds.py FOLDER writes to
FOLDER/<target>. Only the standard library, so that any Python 3 runs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("BLINDAI_TEST_DATA", ROOT.parent / "shared")) / "vectors"


def files(*patterns: str) -> dict[str, bytes]:
    """The files of all cases that a pattern matches, by a name made of their path."""
    found = sorted(path for pattern in patterns for path in VECTORS.glob(pattern))
    return {"-".join(path.relative_to(VECTORS).parts): path.read_bytes() for path in found}


SEEDS = {
    "qe_identity": lambda: files("*/*/qe_identity.json"),
    "quote": lambda: files("sgx/*/quote.bin", "tdx/*/quote.bin"),
    "snp_report": lambda: files("snp/*/report.bin"),
    "tcb_info": lambda: files("*/*/tcb_info.json"),
    "vek": lambda: files("snp/*/vek.der"),
}


def main() -> None:
    if not VECTORS.is_dir():
        print(f"no reference data at {VECTORS}")
    for target, make in SEEDS.items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in make().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
