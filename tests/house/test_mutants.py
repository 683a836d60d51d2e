"""The switch that takes a check away exists in the build of tests/mutants alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import evidence

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build/dev"
PRODUCTS = [*(BUILT / "bin").glob("blindai-*"), *(BUILT / "python/blindai").glob("_core*.so")]


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda path: path.name)
def test_no_product_knows_the_switch(product: Path) -> None:
    assert b"BLINDAI_MUTANT" not in product.read_bytes()


def test_checks_are_found_and_can_be_told_apart() -> None:
    found = evidence.mutants()
    assert len(found) > 20
    assert len({mutant.place for mutant in found}) == len(found)
