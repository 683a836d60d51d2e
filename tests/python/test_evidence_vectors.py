"""Every reference case and every changed input through blindai.evidence, and each decoded field."""

from __future__ import annotations

import pytest
from blindai import evidence

from tests import evidence_vectors as vectors

JUDGED = [name for name in vectors.cases("sgx", "tdx", "snp") if vectors.has_verdict(name)]
INTEL = [name for name in JUDGED if not name.startswith("snp/")]
AMD = [name for name in JUDGED if name.startswith("snp/")]
MUTATIONS = vectors.mutations("dcap") + vectors.mutations("snp")

pytestmark = vectors.needs_vectors


def codes(reasons):
    return {reason.split(":")[0] for reason in reasons}


def appraise(name, policy):
    return evidence.appraise(vectors.files(name), at=vectors.case(name)["verification_time_unix"], policy=policy)


@pytest.mark.parametrize("name", JUDGED)
def test_a_case_has_the_verdict_that_its_file_says(name):
    report = appraise(name, vectors.strict_policy(name))
    expected = vectors.case(name)["expected"]
    assert report.verdict == expected["strict_policy_verdict"], report.reasons
    if report.verdict == "reject":
        assert codes(report.reasons) & codes(expected["reject_reasons"]), report.reasons
    assert appraise(name, vectors.strict_policy(name)).to_json() == report.to_json()


def without_claims(name):
    """Why the evidence of a case proves nothing, whatever the policy."""
    reasons = codes(vectors.case(name)["expected"]["reject_reasons"])
    missing = reasons & {"COLLATERAL_MISSING"} and vectors.has_crls(name)
    return missing or reasons & {"EXPIRED", "BAD_REPORT_SIGNATURE"} or "qe_identity.json" not in vectors.files(name)


@pytest.mark.parametrize("name", INTEL)
def test_claims_and_tcb_of_an_intel_case_equal_its_file(name):
    report = appraise(name, vectors.lenient_policy(name))
    expected = vectors.case(name)["expected"]
    if without_claims(name):
        assert (report.verdict, report.claims, report.tcb) == ("reject", {}, {})
        return
    tcb = {key: value for key, value in expected["tcb"].items() if key not in ("computed_by", "why")}
    assert {key: report.tcb.get(key) for key in tcb} == tcb
    assert {key: report.claims[key] for key in expected["measurements"]} == expected["measurements"]
    assert {key: report.claims["pck"][key] for key in ("ppid", "fmspc", "pcesvn")} == {
        key: vectors.case(name)["quote"]["pck"][key] for key in ("ppid", "fmspc", "pcesvn")
    }
    assert report.verdict == ("reject" if tcb["status"] == "TcbNotSupported" else "accept"), report.reasons


@pytest.mark.parametrize("name", AMD)
def test_claims_of_an_amd_case_equal_its_file(name):
    report = appraise(name, vectors.lenient_policy(name))
    if without_claims_of_amd(name):
        assert (report.verdict, report.claims, report.tcb) == ("reject", {}, {})
        return
    fields = vectors.case(name)["report"]
    assert {key: report.claims[key] for key in fields} == fields
    assert report.tcb["reported_tcb"] == fields["reported_tcb"]
    assert report.verdict == "accept", report.reasons


def without_claims_of_amd(name):
    return "BAD_REPORT_SIGNATURE" in vectors.case(name)["expected"]["reject_reasons"]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation["id"])
def test_a_changed_input_gets_the_verdict_that_it_must(mutation):
    changed, at = vectors.mutate(mutation)
    policy = vectors.lenient_policy(mutation["base"])
    report = evidence.appraise(changed, at=at, policy=policy)
    match mutation["must"]:
        case "reject":
            assert report.verdict == "reject"
            assert codes(report.reasons) & set(mutation["error_any_of"]), report.reasons
        case "same-as-base":
            base = appraise(mutation["base"], policy)
            assert (report.verdict, report.reasons, report.claims) == (base.verdict, base.reasons, base.claims)
        case "policy":
            # Both answers can be defended: the same one each time, and a reason where it is no.
            assert report.verdict == "accept" or codes(report.reasons) & set(mutation["error_any_of"]), report.reasons
        case other:
            raise AssertionError(other)
    assert evidence.appraise(changed, at=at, policy=policy).to_json() == report.to_json()


def test_bases_are_accepted_by_their_policies():
    for name in sorted({mutation["base"] for mutation in MUTATIONS}):
        report = appraise(name, vectors.lenient_policy(name))
        assert report.verdict == "accept", (name, report.reasons)


def equal(found, expected, path=""):
    """Each member of `expected` is in `found`, with its value."""
    for key, value in expected.items():
        if isinstance(value, dict) and key in found:
            equal(found[key], value, f"{path}{key}.")
        else:
            assert found.get(key) == value, f"{path}{key}"


@pytest.mark.parametrize("name", [name for name in vectors.cases("sgx", "tdx") if "pck" in vectors.case(name)["quote"]])
def test_each_field_of_a_quote_is_decoded(name):
    decoded = evidence.decode(vectors.file(f"{name}/quote.bin"))
    assert decoded["verified"] is False
    equal(decoded["quote"], vectors.case(name)["quote"])
    equal(decoded["measurements"], vectors.case(name)["expected"]["measurements"])


@pytest.mark.parametrize("name", [name for name in vectors.cases("snp") if "report" in vectors.case(name)])
def test_each_field_of_a_report_is_decoded(name):
    decoded = evidence.decode(vectors.file(f"{name}/report.bin"))
    assert decoded["verified"] is False
    expected = dict(vectors.case(name)["report"])
    if expected["cpuid"] is None:
        expected["product_line"] = None  # a report of version 2 does not say
    equal(decoded["report"], expected)


@pytest.mark.parametrize("name", JUDGED)
def test_a_cache_of_collateral_changes_no_answer(name):
    cache = evidence.CollateralCache()
    at = vectors.case(name)["verification_time_unix"]
    policy = evidence.Policy(vectors.lenient_policy(name))
    plain = evidence.appraise(vectors.files(name), at=at, policy=policy)
    for moment in (at, at, 0):
        cached = evidence.appraise(vectors.files(name), at=moment, policy=policy, cache=cache)
        fresh = evidence.appraise(vectors.files(name), at=moment, policy=policy)
        assert (cached.verdict, cached.reasons, cached.claims) == (fresh.verdict, fresh.reasons, fresh.claims)
    warm = evidence.appraise(vectors.files(name), at=at, policy=policy, cache=cache)
    if plain.verdict == "accept":
        assert checks(warm) < checks(plain)


def checks(report):
    return report.to_dict()["effort"]["signature_checks"]
