"""Fetching collateral, against a fake of the vendors' services that serves the reference data."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from blindai import collateral, evidence
from blindai.cli import app as cli
from blindai.errors import ConfigurationError, DeadlineError, InputError, UnavailableError
from typer.testing import CliRunner

from tests import evidence_vectors as vectors
from tests.fake_vendors import FakeVendors

TDX = "tdx/gotdx-v5-td15-uptodate"
SGX = "sgx/dcapqvl-v3-config-sw-hardening"
MILAN = "snp/virtee-milan-v2"
MILAN_VLEK = "snp/trustee-milan-vlek-v3-vmpl1"
TURIN = "snp/tav-turin-v5"

pytestmark = vectors.needs_vectors


@pytest.fixture
def vendors():
    started = []

    def start(name):
        started.append(FakeVendors(name))
        return started[-1]

    yield start
    for fake in started:
        fake.close()


def sources(fake):
    return collateral.Sources(intel=fake.url + "/", intel_root_crl=fake.url + "/IntelSGXRootCA.der", amd=fake.url)


def data(name):
    return vectors.file(f"{name}/{'report' if name.startswith('snp/') else 'quote'}.bin")


@pytest.mark.parametrize("name", [TDX, SGX])
def test_intels_collateral_is_that_of_the_quote_and_holds(vendors, name):
    fake = vendors(name)
    files = collateral.fetch(data(name), sources=sources(fake))
    assert files == {file: content for file, content in vectors.files(name).items() if file in files}
    assert len(files) == 7
    assert len(fake.asked) == 4
    container = evidence.pack_collateral(files).encode()
    report = evidence.appraise(
        {"quote.bin": data(name), "collateral.json": container},
        at=vectors.case(name)["verification_time_unix"],
        policy=vectors.lenient_policy(name),
    )
    assert report.verdict == "accept", report.reasons


def test_amds_collateral_is_that_of_the_report_and_holds(vendors):
    fake = vendors(MILAN)
    with pytest.raises(InputError, match="product"):
        collateral.fetch(data(MILAN), sources=sources(fake))  # version 2 does not say
    files = collateral.fetch(data(MILAN), sources=sources(fake), product="Milan")
    assert set(files) == {"vek.der", "ask.pem", "ark.pem", "ark_crl.der"}
    report = evidence.appraise(
        {"report.bin": data(MILAN), **files},
        at=vectors.case(MILAN)["verification_time_unix"],
        policy=vectors.strict_policy(MILAN),
    )
    assert report.verdict == "accept", report.reasons
    with pytest.raises(InputError):
        collateral.fetch(data(MILAN), sources=sources(fake), product="Turin")
    with pytest.raises(InputError):
        collateral.fetch(data(MILAN), sources=sources(fake), product="../../x")


def test_a_turin_report_asks_for_eight_bytes_and_fmc(vendors):
    fake = vendors(TURIN)
    fake.files["ark_crl.der"] = b"not read here"
    files = collateral.fetch(data(TURIN), sources=sources(fake))
    assert files["vek.der"] == vectors.file(f"{TURIN}/vek.der")
    assert "/vcek/v1/Turin/59790fb1c39f35c1?fmcSPL=1&blSPL=1&teeSPL=1&snpSPL=4&ucodeSPL=81" in fake.asked


def test_a_vlek_comes_with_the_report_and_its_chain_is_fetched(vendors):
    fake = vendors(MILAN_VLEK)
    fake.files["ark_crl.der"] = vectors.file(f"{MILAN}/ark_crl.der")
    files = collateral.fetch(data(MILAN_VLEK), sources=sources(fake))
    assert set(files) == {"asvk.pem", "ark.pem", "ark_crl.der"}
    assert all("/vcek/v1/Milan/0" not in path for path in fake.asked)


def test_the_chain_may_come_in_either_order(vendors):
    fake = vendors(MILAN)

    def turned(path, answer):
        status, headers, body = answer
        if path.endswith("cert_chain"):
            body = fake.files["ark.pem"] + fake.files["ask.pem"]
        return status, headers, body

    straight = collateral.fetch(data(MILAN), sources=sources(fake), product="Milan")
    fake.twist = turned
    assert collateral.fetch(data(MILAN), sources=sources(fake), product="Milan") == straight
    fake.files["ark.pem"] = b""
    fake.twist = None
    with pytest.raises(UnavailableError, match="certificates and not two"):
        collateral.fetch(data(MILAN), sources=sources(fake), product="Milan")
    fake.files["ark.pem"] = fake.files["ask.pem"]
    with pytest.raises(UnavailableError, match="not an intermediate and a root"):
        collateral.fetch(data(MILAN), sources=sources(fake), product="Milan")


@pytest.mark.parametrize(
    ("twist", "error"),
    [
        (lambda *_: (404, {}, b""), "status 404"),
        (lambda *_: (500, {}, b""), "status 500"),
        (lambda *_: (302, {"Location": "https://elsewhere.example/"}, b""), "status 302"),
        (lambda _, answer: (200, {}, answer[2]), "without the chain"),
        (lambda _, answer: (200, answer[1], bytes(1024 * 1024 + 1)), "more than"),
        (lambda _, answer: (200, answer[1] | {"Content-Length": "100000"}, b"x"), "too early"),
    ],
)
def test_an_answer_that_is_none_is_an_error(vendors, twist, error):
    fake = vendors(TDX)
    fake.twist = twist
    with pytest.raises(UnavailableError, match=error):
        collateral.fetch(data(TDX), sources=sources(fake), timeout=5)


def test_a_service_that_is_silent_or_absent_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(DeadlineError):
            collateral.fetch(data(TDX), sources=collateral.Sources(intel=url), timeout=0.2)
    with pytest.raises(UnavailableError):
        collateral.fetch(data(TDX), sources=collateral.Sources(intel=url), timeout=2)
    for strange in ("file:///etc", "ftp://x", "nonsense"):
        with pytest.raises(ConfigurationError):
            collateral.fetch(data(TDX), sources=collateral.Sources(intel=strange))


def test_a_service_that_drips_is_ended():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises((UnavailableError, DeadlineError)):
            collateral.fetch(data(TDX), sources=collateral.Sources(intel=url), timeout=2)
        thread.join()


def test_only_evidence_of_hardware_has_collateral():
    with pytest.raises(InputError):
        collateral.fetch(b"nonsense", offline=True)


def test_a_cache_answers_while_it_is_valid(vendors, tmp_path):
    fake = vendors(TDX)
    at = vectors.case(TDX)["verification_time_unix"]
    with pytest.raises(UnavailableError, match="the cache"):
        collateral.fetch(data(TDX), sources=sources(fake), cache=tmp_path, offline=True, now=at)
    assert fake.asked == []
    first = collateral.fetch(data(TDX), sources=sources(fake), cache=tmp_path, now=at)
    asked = len(fake.asked)
    again = collateral.fetch(data(TDX), sources=sources(fake), cache=tmp_path, now=at)
    offline = collateral.fetch(data(TDX), sources=sources(fake), cache=tmp_path, now=at, offline=True)
    assert first == again == offline
    assert len(fake.asked) == asked
    ended = at + 365 * 86400
    collateral.fetch(data(TDX), sources=sources(fake), cache=tmp_path, now=ended)
    assert len(fake.asked) == 2 * asked
    with pytest.raises(UnavailableError):
        collateral.fetch(data(TDX), cache=tmp_path, now=ended, offline=True)
    (tmp_path / "intel-tdx-90c06f000000-platform" / "tcb_info.json").write_text("{}")
    with pytest.raises(UnavailableError):
        collateral.fetch(data(TDX), cache=tmp_path, now=at, offline=True)


def test_a_cache_that_cannot_be_written_is_an_error(vendors, tmp_path):
    fake = vendors(TDX)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cache"):
        collateral.fetch(data(TDX), sources=sources(fake), cache=tmp_path / "file")


def test_the_command_writes_a_container_that_the_verifier_takes(vendors, tmp_path):
    fake = vendors(TDX)
    quote, out = tmp_path / "quote.bin", tmp_path / "collateral.json"
    quote.write_bytes(data(TDX))
    at_fake = ["--intel", fake.url, "--intel-root-crl", fake.url + "/IntelSGXRootCA.der", "--amd", fake.url]
    run = CliRunner().invoke
    fetched = run(cli.app, ["collateral", "fetch", str(quote), "--out", str(out), *at_fake], env={"COLUMNS": "160"})
    assert fetched.exit_code == 0, fetched.output
    assert "UNVERIFIED" in fetched.output
    moment = str(vectors.case(TDX)["verification_time_unix"])
    checked = run(cli.app, ["evidence", "check", str(tmp_path), "--at", moment])
    assert checked.exit_code == 0, checked.output
    as_json = run(cli.app, ["collateral", "fetch", str(quote), "--out", str(out), "--json", *at_fake])
    assert set(json.loads(as_json.output)["items"]) >= {"tcb_info", "pck_crl"}
    fake.twist = lambda *_: (503, {}, b"")
    failed = run(cli.app, ["collateral", "fetch", str(quote), "--out", str(tmp_path / "other"), *at_fake])
    assert failed.exit_code == 1
    assert "status 503" in failed.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collateral.json", "quote.bin"]
    nowhere = run(cli.app, ["collateral", "fetch", str(quote), "--out", str(tmp_path / "no/where"), *at_fake])
    assert nowhere.exit_code == 1
    assert run(cli.app, ["collateral", "fetch", str(tmp_path / "absent")]).exit_code == 2
