"""blindai.evidence as a caller meets it: arguments, policies that are none, strange clocks, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest
from blindai import evidence
from blindai.cli import app as cli
from blindai.errors import ConfigurationError, InputError, QuoteValidationError, attestation_error
from typer.testing import CliRunner

from tests import evidence_vectors as vectors

POLICY = evidence.DEFAULT_POLICY
GOOD = "tdx/gotdx-v5-td15-uptodate"
OUT_OF_DATE = "tdx/automata-v4-platform-outofdate-module-uptodate"
SNP = "snp/virtee-milan-v2"


def at(name):
    return vectors.case(name)["verification_time_unix"]


@pytest.mark.parametrize(
    ("files", "moment", "policy"),
    [
        ([], 0, POLICY),
        ("quote.bin", 0, POLICY),
        ({1: b""}, 0, POLICY),
        ({"quote.bin": "text"}, 0, POLICY),
        ({"quote.bin": None}, 0, POLICY),
        ({}, 0.5, POLICY),
        ({}, "0", POLICY),
        ({}, True, POLICY),
        ({}, None, POLICY),
        ({}, 0, None),
        ({}, 0, POLICY.encode()),
        ({}, 0, {"version": 1.0}),
        ({}, 0, {1: "version"}),
    ],
)
def test_arguments_of_another_type_are_an_error(files, moment, policy):
    with pytest.raises(TypeError):
        evidence.appraise(files, at=moment, policy=policy)


def test_a_policy_may_be_given_as_nested_mappings():
    strange = {"version": 1, "name": 'a "b"\n\\ \x7f \u00fc', "accept": tomllib.loads(POLICY)["accept"]}
    report = evidence.appraise({}, at=0, policy=strange)
    assert report.reasons == ["EVIDENCE_AMBIGUOUS"]
    assert report.to_dict()["policy"]["name"] == strange["name"]
    unknown = {**strange, "accept": {"sgx": {"mrenclave": "any"}}}
    assert evidence.appraise({}, at=0, policy=unknown).reasons[0].startswith("POLICY_INVALID")
    assert evidence.appraise({}, at=0, policy={}).verdict == "reject"


def test_a_cache_is_a_cache():
    with pytest.raises(TypeError):
        evidence.appraise({}, at=0, policy=POLICY, cache={})


def test_files_that_nobody_looks_at_may_hold_anything():
    report = evidence.appraise({"notes.txt": None, "case.json": 3, "\udcff": b""}, at=0, policy=POLICY)
    assert report.reasons == ["EVIDENCE_AMBIGUOUS"]


@pytest.mark.parametrize("files", [{}, {"tcb_info.json": b"{}"}, {"quote.bin": b"", "report.bin": b""}])
def test_none_or_two_pieces_of_evidence_are_ambiguous(files):
    report = evidence.appraise(files, at=0, policy=POLICY)
    assert (report.verdict, report.reasons, report.claims, report.tcb) == ("reject", ["EVIDENCE_AMBIGUOUS"], {}, {})


@pytest.mark.parametrize("moment", [0, -1, -(2**63), 2**63 - 1, 2**64, -(10**30), 10**30, 253402300800])
@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff" * 70000, bytes(16 * 1024 * 1024), b"\x03\x00\x02\x00" * 300])
@pytest.mark.parametrize("name", ["quote.bin", "report.bin", "simulated.cbor"])
def test_bad_evidence_is_a_verdict_at_any_time(name, content, moment):
    report = evidence.appraise({name: content}, at=moment, policy=POLICY)
    assert report.verdict == "reject"
    assert report.reasons
    assert report.to_json() == evidence.appraise({name: bytearray(content)}, at=moment, policy=POLICY).to_json()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "POLICY_EMPTY:accept"),
        ("version = 1\n", "POLICY_EMPTY:accept"),
        ("no toml", "POLICY_INVALID:toml"),
        ("a = '\udcff'", "POLICY_INVALID:toml"),
        (POLICY + "speed = 1\n", "POLICY_INVALID:accept.snp.speed"),
        (POLICY.replace('mrenclave = "any"', "mrenclave = []"), "POLICY_EMPTY:accept.sgx.mrenclave"),
        (POLICY.replace('mr_td = "any"\n', ""), "POLICY_INVALID:accept.tdx.mr_td"),
        (POLICY.replace("version = 1", "version = 2"), "POLICY_INVALID:version"),
    ],
)
def test_a_text_that_is_no_policy_is_a_verdict(text, reason):
    report = evidence.appraise({}, at=0, policy=text)
    assert (report.verdict, report.reasons) == ("reject", [reason])
    assert report.first_failed.name == "policy"


def test_a_policy_that_is_none_cannot_be_made():
    with pytest.raises(ConfigurationError, match="POLICY_EMPTY:accept"):
        evidence.Policy("")
    policy = evidence.Policy(POLICY)
    assert policy.production
    assert policy.digest.startswith("sha256:")
    assert policy.name == "up-to-date hardware, any measurement"


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 100, b"\x82", bytes(70000), bytes(1184), b"\x03\x00\x02\x00" + bytes(44)]
)
def test_what_cannot_be_decoded_is_an_error(data):
    with pytest.raises(InputError):
        evidence.decode(data)


def test_decoding_wants_bytes():
    with pytest.raises(TypeError):
        evidence.decode("text")


@vectors.needs_vectors
def test_a_policy_object_and_its_text_judge_alike():
    files = vectors.files(GOOD)
    by_text = evidence.appraise(files, at=at(GOOD), policy=POLICY)
    by_object = evidence.appraise(files, at=at(GOOD), policy=evidence.Policy(POLICY))
    assert by_text.verdict == "accept"
    assert by_text.to_json() == by_object.to_json()
    document = json.loads(by_text.to_json())
    assert (document["verdict"], document["reasons"], document["accepted"]) == ("accept", [], True)


@vectors.needs_vectors
def test_the_measurement_of_a_policy_is_compared():
    files, moment = vectors.files(GOOD), at(GOOD)
    measured = vectors.case(GOOD)["expected"]["measurements"]
    for register in ("mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3"):
        right = POLICY.replace(f'{register} = "any"', f'{register} = ["{measured[register]}"]')
        assert evidence.appraise(files, at=moment, policy=right).verdict == "accept"
        wrong = POLICY.replace(f'{register} = "any"', f'{register} = ["{"ab" * 48}"]')
        assert evidence.appraise(files, at=moment, policy=wrong).reasons == [f"MEASUREMENT_MISMATCH:{register}"]


@vectors.needs_vectors
def test_the_report_says_what_pulled_the_platform_down():
    report = evidence.appraise(vectors.files(OUT_OF_DATE), at=at(OUT_OF_DATE), policy=POLICY)
    assert report.reasons[0] == "TCB_STATUS:OutOfDate"
    assert report.tcb["platform_level"] > 0
    assert report.tcb["shortfalls"]
    for shortfall in report.tcb["shortfalls"]:
        assert shortfall["found"] < shortfall["wanted"]
    assert report.tcb["valid_from"] < report.tcb["valid_until"]


@vectors.needs_vectors
def test_the_container_holds_what_the_files_hold(tmp_path):
    files = vectors.files(GOOD)
    packed = evidence.pack_collateral(files)
    judged = {"quote.bin": files["quote.bin"], "collateral.json": packed.encode()}
    report = evidence.appraise(judged, at=at(GOOD), policy=POLICY)
    assert report.to_json() == evidence.appraise(files, at=at(GOOD), policy=POLICY).to_json()
    described = evidence.describe_collateral({"collateral.json": packed.encode()})
    assert described == evidence.describe_collateral(files)
    assert described["verified"] is False
    window = vectors.case(GOOD)["all_valid_window"]
    assert described["valid_until"] == window[1]
    assert described["valid_from"] == window[0]
    with pytest.raises(InputError):
        evidence.pack_collateral({"collateral.json": b"["})
    with pytest.raises(InputError):
        evidence.describe_collateral({"vek.der": bytes(1024 * 1024 + 1)})


@vectors.needs_vectors
def test_collateral_of_amd_is_described():
    described = evidence.describe_collateral(vectors.files(SNP))
    vek = described["items"]["vek"]
    expected = vectors.case(SNP)
    assert vek["hwid"] == expected["vek"]["extensions"]["hwid"]
    assert vek["product"] == "Milan"
    assert vek["valid_from"] == expected["validity"]["vek"][0]
    assert described["items"]["ark_crl"]["valid_until"] == expected["validity"]["crl"][1]


def test_collateral_that_cannot_be_read_says_so():
    described = evidence.describe_collateral({"tcb_info.json": b"{}", "vek.der": b"\x30", "ark_crl.der": b""})
    assert {item["unreadable"].split(":")[0] for item in described["items"].values()} <= {
        "BAD_COLLATERAL_FORMAT",
        "BAD_CERTIFICATE",
        "BAD_CRL",
    }
    assert described["valid_until"] is None


@pytest.fixture
def run():
    def command(*arguments):
        return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})

    return command


def folder(path, name):
    path.mkdir()
    for file, content in vectors.files(name).items():
        (path / file).write_bytes(content)
    return path


@vectors.needs_vectors
def test_check_says_why_and_by_its_status(run, tmp_path):
    good, old = folder(tmp_path / "good", GOOD), folder(tmp_path / "old", OUT_OF_DATE)
    accepted = run("evidence", "check", good, "--at", at(GOOD))
    assert accepted.exit_code == 0, accepted.output
    assert "TCB UpToDate" in accepted.output
    assert "holds from 2026-02-18T10:58:51Z until 2026-03-20T10:41:14Z" in accepted.output
    rejected = run("evidence", "check", old, "--at", at(OUT_OF_DATE))
    assert rejected.exit_code == 1
    assert "TCB_STATUS:OutOfDate" in rejected.output
    assert "below" in rejected.output
    as_json = run("evidence", "check", old, "--at", at(OUT_OF_DATE), "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.output)["reasons"][0] == "TCB_STATUS:OutOfDate"
    policy = tmp_path / "policy.toml"
    policy.write_text(vectors.lenient_policy(OUT_OF_DATE))
    assert run("evidence", "check", old, "--at", at(OUT_OF_DATE), "--policy", policy).exit_code == 0
    policy.write_text("version = 1\n")
    broken = run("evidence", "check", old, "--at", at(OUT_OF_DATE), "--policy", policy)
    assert broken.exit_code == 1
    assert "POLICY_EMPTY:accept" in broken.output


@vectors.needs_vectors
def test_check_without_a_time_judges_now(run, tmp_path):
    now = run("evidence", "check", folder(tmp_path / "old", OUT_OF_DATE), "--json")
    assert now.exit_code == 1
    assert any(reason.startswith("EXPIRED:") for reason in json.loads(now.output)["reasons"])


def test_wrong_usage_has_a_status_of_its_own(run, tmp_path):
    assert run("evidence", "check", tmp_path / "absent").exit_code == 2
    assert run("evidence", "check", tmp_path, "--at", "noon").exit_code == 2
    assert run("evidence", "check", tmp_path, "--policy", tmp_path / "absent").exit_code == 2
    assert run("evidence", "show", tmp_path / "absent").exit_code == 2
    assert run("collateral", "show", tmp_path / "absent").exit_code == 2
    assert run("evidence", "check", tmp_path).exit_code == 1  # nothing to judge


@vectors.needs_vectors
@pytest.mark.parametrize(("name", "file"), [(GOOD, "quote.bin"), (OUT_OF_DATE, "quote.bin"), (SNP, "report.bin")])
def test_show_prints_every_field_as_unverified(run, tmp_path, name, file):
    path = tmp_path / file
    path.write_bytes(vectors.file(f"{name}/{file}"))
    shown = run("evidence", "show", path)
    assert shown.exit_code == 0, shown.output
    assert "UNVERIFIED" in shown.output
    fields = vectors.case(name)["expected"].get("measurements") or vectors.case(name)["report"]
    for field, value in fields.items():
        assert field in shown.output
        if isinstance(value, str) and field != "product_line":  # a report of version 2 does not say it
            assert value in shown.output
    assert json.loads(run("evidence", "show", path, "--json").output)["verified"] is False


def test_show_refuses_what_is_no_evidence(run, tmp_path):
    (tmp_path / "x").write_bytes(b"hello")
    shown = run("evidence", "show", tmp_path / "x")
    assert shown.exit_code == 1
    assert "neither a quote nor a report" in shown.output


@vectors.needs_vectors
def test_collateral_show_says_until_when(run, tmp_path):
    container = tmp_path / "collateral.json"
    container.write_text(evidence.pack_collateral(vectors.files(GOOD)))
    shown = run("collateral", "show", container)
    assert shown.exit_code == 0, shown.output
    assert "UNVERIFIED" in shown.output
    assert "all of it from 2026-02-18T10:58:51Z until 2026-03-20T10:41:15Z" in shown.output
    for item in ("tcb_info", "qe_identity", "pck_crl", "fmspc 90c06f000000"):
        assert item in shown.output
    from_folder = run("collateral", "show", folder(tmp_path / "case", SNP), "--json")
    assert set(json.loads(from_folder.output)["items"]) == {"vek", "ask", "ark", "ark_crl"}
    assert run("collateral", "show", tmp_path).exit_code == 0  # the container in it
    container.write_text("[")
    assert run("collateral", "show", container).exit_code == 1
    (tmp_path / "empty").mkdir()
    assert run("collateral", "show", tmp_path / "empty").exit_code == 1


def test_a_check_of_evidence_that_failed_is_a_quote_validation_error():
    report = evidence.appraise({"quote.bin": b""}, at=0, policy=POLICY)
    error = attestation_error("no", report)
    assert type(error) is QuoteValidationError
    assert error.failed_check == report.first_failed.name


def test_the_verifier_opens_no_connection():
    code = (
        "import socket, sys\n"
        "from blindai import evidence\n"
        "def refuse(*_, **__): raise AssertionError('network')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse\n"
        "report = evidence.appraise({'quote.bin': b''}, at=0, policy=evidence.DEFAULT_POLICY)\n"
        "assert report.verdict == 'reject'\n"
        "assert 'blindai.collateral' not in sys.modules, 'the fetching of collateral is apart'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
