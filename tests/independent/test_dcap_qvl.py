"""Our verdicts on SGX and TDX evidence, beside those of an independent verifier. Every disagreement is a known one."""

from __future__ import annotations

import pytest
from blindai import evidence

from tests import evidence_vectors as vectors
from tests.independent import dcap_qvl_judge as peer

pytestmark = vectors.needs_vectors

STATUSES = (
    *("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"),
    *("OutOfDate", "OutOfDateConfigurationNeeded"),
)
# dcap-qvl reports every status but Revoked and leaves it to the caller; debug it refuses, as this policy does.
POLICY = evidence.Policy(vectors.policy(tcb_status=STATUSES, advisories='"any"'))
CASES = [name for name in vectors.cases("sgx", "tdx") if vectors.has_verdict(name)]
MUTATIONS = [mutation for mutation in vectors.mutations("dcap") if mutation["must"] != "policy"]


def compare(files, at, what):
    ours = evidence.appraise(files, at=at, policy=POLICY)
    theirs = peer.judge(files, at)
    if (ours.verdict == "accept") == isinstance(theirs, tuple):
        if isinstance(theirs, tuple):
            assert theirs == (ours.tcb["status"], sorted(ours.tcb["advisory_ids"]))
        return None
    known = peer.known_disagreement(files, theirs, what)
    assert known in peer.KNOWN, f"ours: {ours.verdict} {ours.reasons}, theirs: {theirs}"
    return known


@pytest.mark.parametrize("name", CASES)
def test_both_judge_a_case_alike(name):
    compare(vectors.files(name), vectors.case(name)["verification_time_unix"], name)


def test_both_judge_changed_inputs_alike_but_for_what_is_known():
    seen = set()
    for mutation in MUTATIONS:
        files, at = vectors.mutate(mutation)
        seen.add(compare(files, at, mutation["what"]))
    assert seen - {None} == set(peer.KNOWN), "a disagreement in the list that no input shows any more"
