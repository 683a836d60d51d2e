"""The corpus of hostile models under the gate alone, and the gate beside onnx.checker."""

from __future__ import annotations

import json
import re
import time

import onnx
import pytest
from blindai import _core

from tests.hostile.models import FAMILIES, Fate
from tests.hostile.models.family import write

LEAST = 60
names = [
    pytest.param(name, marks=pytest.mark.slow) if family.slow else name for name, family in sorted(FAMILIES.items())
]


def checked(model):
    """What onnx.checker says of it."""
    try:
        onnx.checker.check_model(model)
    except Exception as refusal:
        return str(refusal)
    return None


def judge(bodies, folder):
    return json.loads(_core.check_model(write(bodies, folder)))


def test_the_corpus_is_as_large_as_it_should_be():
    assert len(FAMILIES) >= LEAST
    assert all(family.why for family in FAMILIES.values())


@pytest.mark.parametrize("name", names)
def test_the_gate_refuses_what_it_must_and_nothing_else(name, tmp_path):
    family = FAMILIES[name]
    for number, bodies in enumerate(family.make()):
        started = time.monotonic()
        verdict = judge(bodies, tmp_path)
        assert time.monotonic() - started < family.seconds
        if family.fate is Fate.GATE and "malformed" not in family.word:
            assert not verdict["accepted"], (number, family.why)
            assert re.search(family.word, verdict["refusal"]), (number, verdict["refusal"])
            assert verdict["code"] in ("model_rejected", "too_large")
        elif family.fate is not Fate.GATE:
            assert verdict["accepted"], (number, verdict["refusal"])


# What the checker says where the gate takes a model that it refuses: docs/models.md gives the reasons.
TAKEN = re.compile(
    "Field 'shape' of 'type' is required"  # of an output: many exporters leave it out
    "|Unrecognized attribute|Required attribute|attribute"  # attributes and counts of inputs are the engine's to judge
    "|input size|output size|is marked single but has an empty string"
    "|ir_version|IR version|duplicate keys in metadata_props|Field 'name' of 'graph'"  # the engine needs none of these
)


@pytest.mark.parametrize("name", names)
def test_what_the_gate_takes_the_checker_takes_too(name, tmp_path):
    family = FAMILIES[name]
    for bodies in family.make():
        if len(bodies) > 1 or not judge(bodies, tmp_path)["accepted"]:
            continue
        refusal = checked(next(iter(bodies.values())))
        assert refusal is None or TAKEN.search(refusal), refusal
