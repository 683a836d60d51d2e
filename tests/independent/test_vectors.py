"""The vectors in the tree are what the independent implementation makes, and hold under it."""

from __future__ import annotations

import json

import pytest

from tests.independent import protocol as p
from tests.vectors.make_vectors import FILE, make

VECTORS = json.loads(FILE.read_text())


def test_the_file_is_what_its_maker_makes():
    assert make() == VECTORS


def test_simulated_evidence_holds_and_breaks_with_any_bit():
    evidence = bytes.fromhex(VECTORS["simulated"]["evidence"])
    assert p.verify_simulated(evidence)["report_data"].hex() == VECTORS["report_data"]["fresh"]
    for at in range(0, len(evidence), 5):
        broken = evidence[:at] + bytes([evidence[at] ^ 1]) + evidence[at + 1 :]
        with pytest.raises(Exception):  # noqa: B017, PT011  which of many depends on the bit
            assert p.verify_simulated(broken) == p.verify_simulated(evidence)


def test_every_path_leads_to_the_root():
    tree = VECTORS["merkle"]
    leaves = [bytes.fromhex(leaf) for leaf in tree["leaves"]]
    for index, path in enumerate(tree["paths"]):
        hashes = [bytes.fromhex(h) for h in path]
        assert p.root_of_path(leaves[index], index, len(leaves), hashes).hex() == tree["root"]
        assert p.root_of_path(leaves[index], index + 1, len(leaves), hashes) != bytes.fromhex(tree["root"])
