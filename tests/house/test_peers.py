"""What the comparison with other servers says and sends: messages, ratios, the table, the locks."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from bench.peers import environments, messages, table
from bench.peers.session import specs

INPUTS = "ids=INT64[2,3] x=FP32[4]"


def sample(rate: float, p50: float = 100.0, failures: int = 0) -> dict[str, float]:
    return {"per_second": rate, "p50_us": p50, "p99_us": 2 * p50, "failures": failures}


def test_inputs_are_those_of_the_load_generator() -> None:
    assert specs(INPUTS) == [("ids", "INT64", [2, 3]), ("x", "FP32", [4])]
    (_, ids), (_, x) = messages.tensors(specs(INPUTS))
    assert (ids.dtype, ids.shape, x.dtype, x.shape) == (np.int64, (2, 3), np.float32, (4,))
    assert ids.reshape(-1).tolist() == [0, 37, 74, 10, 47, 84]
    assert np.allclose(x, np.array([0, 37, 74, 10], np.float32) / 101)


def test_the_three_forms_of_a_request_say_the_same() -> None:
    body, json_bytes = messages.v2_binary(specs(INPUTS))
    head = json.loads(body[:json_bytes])
    assert body[json_bytes:] == messages.raw(specs(INPUTS))
    assert [tensor["parameters"]["binary_data_size"] for tensor in head["inputs"]] == [48, 16]
    listed = json.loads(messages.v2_json(specs(INPUTS)))["inputs"]
    assert [(t["name"], t["datatype"], t["shape"]) for t in listed] == specs(INPUTS)
    assert listed[0]["data"] == [0, 37, 74, 10, 47, 84]


def test_answers_of_each_form_are_the_same_numbers() -> None:
    numbers = np.array([1.5, -2.0], np.float32)
    document = json.dumps({"outputs": [{"data": [1.5]}, {"data": [[-2.0]]}]}).encode()
    for body, length, kind in (
        (numbers.tobytes(), None, "raw"),
        (b"{}" + numbers.tobytes(), 2, "v2-binary"),
        (document, None, "v2-json"),
    ):
        assert messages.numbers_of(body, length, kind).tolist() == [1.5, -2.0]


def test_the_table_has_medians_of_ratios_round_by_round_and_names_what_failed() -> None:
    sides = {
        "BlindAI": [sample(100, 10), sample(300, 10), sample(200, 10)],
        "bare engine": [sample(100), sample(100), sample(100)],
        "FastAPI": [sample(50, 20), sample(50, 40), sample(50, 20)],
        "MLServer": [sample(10, 90), sample(10, 90), sample(10, 90, failures=3)],
    }
    line = {"model": "m", "callers": 8, "sides": sides, "others": [0.1, 0.2, 0.3]}
    text = table.markdown({"lines": [line], "missing": {"Triton": "no network"}})
    cells = [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]
    assert cells[:3] == ["m, 8", "200.0", "2.00 (1.00 to 3.00)"]
    assert cells[3:] == ["4.00 (2.00 to 6.00)", "20.00 (10.00 to 30.00)", "-", "0.50 (0.25 to 0.50)", "20%"]
    assert "MLServer failed 3 requests of m at 8 callers." in text
    assert "Triton was left out" in text


def test_a_side_that_answered_nothing_has_no_ratio() -> None:
    assert table.cell(table.ratios([sample(1)], [sample(0)], "per_second")) == "-"


def test_the_table_goes_between_its_marks_and_nowhere_else(tmp_path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.put(path, "| new |")
    assert path.read_text() == f"before\n{table.BEGIN}\n| new |\n{table.END}\nafter\n"
    path.write_text("no marks")
    with pytest.raises(SystemExit):
        table.put(path, "| new |")
    document = (environments.ROOT / "docs/performance.md").read_text()
    assert table.BEGIN in document
    assert table.END in document


@pytest.mark.parametrize("name", environments.NAMES)
def test_each_package_of_a_peer_is_locked_with_a_digest(name: str) -> None:
    text = (environments.REQUIREMENTS / f"{name}.txt").read_text()
    packages = re.findall(r"^[a-z0-9._-]+==\S+ \\$", text, re.MULTILINE | re.IGNORECASE)
    assert len(packages) > 5
    for block in re.split(r"\n(?=[a-zA-Z0-9])", text.strip()):
        if not block.startswith("#"):
            assert "--hash=sha256:" in block, block[:80]
    assert "://" not in text
