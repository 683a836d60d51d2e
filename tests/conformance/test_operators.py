"""ONNX's conformance suite through a real server: what becomes of each case is what docs/operators.md says of it.

All cases in the slow suite; in the fast one some of the first of many operators.
"""

from __future__ import annotations

from collections import defaultdict

import blindai
import pytest

from tests.conformance.operator_cases import DEBIAN, all_cases, node_cases_of
from tests.conformance.operators import FATES, TARGET, run, table

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")

SAMPLE = [
    "add",
    "affinegrid",
    "argmax",
    "averagepool",
    "bitshift",
    "cast",
    "clip",
    "concat",
    "conv",
    "convinteger",
    "cumsum",
    "depthtospace",
    "einsum",
    "gather",
    "gemm",
    "gru",
    "identity",
    "layernormalization",
    "lstm",
    "matmul",
    "nonmaxsuppression",
    "nonzero",
    "pad",
    "quantizelinear",
    "reducesum",
    "resize",
    "scatternd",
    "sequence_map",
    "slice",
    "softmax",
    "string_concat",
    "string_split",
    "stringnormalizer",
    "tfidfvectorizer",
    "topk",
    "trilu",
    "where",
]
OF_EACH = 2


def sample():
    """The first cases of each operator of the sample."""
    first = defaultdict(list)
    for case in node_cases_of(SAMPLE):
        if case.operator.lower() in {name.replace("_", "") for name in SAMPLE} and len(first[case.operator]) < OF_EACH:
            first[case.operator].append(case)
    return [case for cases in first.values() for case in cases]


def test_a_sample_of_cases_comes_to_what_the_table_says(service, tmp_path):
    cases, fates = sample(), table()
    assert len(cases) >= 60
    with blindai.connect(timeout=600) as client:
        outcomes = {case.id: run(client, case, tmp_path) for case in cases}
    assert {case_id: outcome.fate for case_id, outcome in outcomes.items()} == {
        case.id: fates.get(case.id, "passed") for case in cases
    }
    assert {outcome.fate for outcome in outcomes.values()} >= {"passed", "gate"}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_case_comes_to_what_the_table_says(service, tmp_path):
    """A case may end in no other way, and none may end a worker: run() sees to that."""
    cases, fates = all_cases(), table()
    wrong = {}
    with blindai.connect(timeout=600) as client:
        for case in cases.values():
            outcome = run(client, case, tmp_path)
            if outcome.fate != fates.get(case.id, "passed"):
                wrong[case.id] = outcome
    assert not wrong, (
        "docs/operators.md is out of date, or something broke: see --write of tests/conformance/operators.py"
    )
    if not DEBIAN.is_dir():
        pytest.skip(f"only the cases of the onnx package: libonnx-testdata is not at {DEBIAN}")


def test_the_table_names_fates_that_there_are():
    fates = table()
    assert len(fates) > 100
    assert set(fates.values()) <= FATES.keys()
    assert "(operators.md)" in (TARGET.parent / "models.md").read_text()
