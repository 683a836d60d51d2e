"""The channel under attack. In every case the right exception with the failed check, and the attacker has received one
attest request and nothing else: no key, no id, no request."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import warnings

import blindai
import numpy as np
import pytest
from blindai import keys

from tests.hostile.attacker import Attacker, Impostor, Leaf
from tests.independent import protocol as p

warnings.filterwarnings("ignore", category=blindai.SimulationModeWarning)
KEY = keys.generate()
MODEL = "secret-model-name"


@pytest.fixture
def leaf():
    return Leaf()


@pytest.fixture
def impostor(leaf):
    return Impostor(leaf, int(time.time()))


def use(port, policy, tmp_path):
    """What a caller does: connect and predict."""
    file = tmp_path / "policy.toml"
    file.write_text(policy)
    with blindai.Connection(f"https://localhost:{port}", policy=file, api_key=KEY.text, timeout=10) as client:
        client.predict(MODEL, {"secret-input": np.full(4, 7.5, np.float32)})


# What a caller can tell from the class alone.
CLASSES = {
    "sizes": blindai.QuoteValidationError,
    "attest_answer": blindai.QuoteValidationError,
    "evidence_item": blindai.QuoteValidationError,
    "evidence_accepted_type": blindai.QuoteValidationError,
    "evidence_root": blindai.QuoteValidationError,
    "report_data": blindai.EnclaveHeldDataError,
    "keyset_form": blindai.EnclaveHeldDataError,
    "keyset_life": blindai.EnclaveHeldDataError,
    "keyset_time": blindai.EnclaveHeldDataError,
    "tls_version": blindai.ChannelBindingError,
    "tls_key": blindai.ChannelBindingError,
    "tls_tickets": blindai.ChannelBindingError,
    "session_signature": blindai.ChannelBindingError,
    "identity": blindai.IdentityError,
    "code": blindai.PolicyError,
}


def attacked(attacker, policy, tmp_path):
    """The name of the check that failed, once the exception is the right one and nothing has left."""
    with attacker:
        with pytest.raises(blindai.AttestationError) as caught:
            use(attacker.port, policy, tmp_path)
        time.sleep(0.05)
    assert attacker.requests <= 1
    assert attacker.received.count(b"HTTP/1.1") <= 1
    if attacker.received:
        assert attacker.received.startswith(b"POST /blindai/v1/attest HTTP/1.1\r\n")
        body = json.loads(attacker.received.partition(b"\r\n\r\n")[2])
        assert set(body) == {"nonce", "fresh", "have"}
        assert body["nonce"] != p.b64(bytes(32))
    for secret in (KEY.text, KEY.id, MODEL, "secret-input", "Authorization"):
        assert secret.encode() not in attacker.received
    failed = caught.value.report.first_failed
    assert failed is not None
    assert (caught.value.failed_check, caught.value.expected, caught.value.found) == (
        failed.name,
        failed.expected,
        failed.found,
    )
    assert failed.expected
    assert failed.found
    assert failed.name in str(caught.value)
    assert type(caught.value) is CLASSES.get(failed.name, blindai.PolicyError)
    return failed.name


def forged(impostor, change=None):
    """An attacker who answers as `impostor` does, changed by `change`."""

    def answer(request, export):
        made = impostor.answer(request, export)
        return json.dumps(change(made) or made if change else made).encode()

    return answer


def test_without_a_forgery_the_request_goes_out(impostor, leaf, tmp_path):
    """The control: this attacker holds every key that the policy trusts, and is believed."""
    with Attacker(forged(impostor), leaf=leaf) as attacker:
        with pytest.raises(Exception):  # noqa: B017, PT011  he cannot run models
            use(attacker.port, impostor.policy(), tmp_path)
        time.sleep(0.05)
    assert MODEL.encode() in attacker.received


def test_relay_of_a_true_services_evidence(service, tmp_path):
    target = int(
        next(line for line in service.profile.read_text().splitlines() if line.startswith("url"))
        .split(":")[-1]
        .strip('"')
    )
    policy = (service.profile.parent / "simulated.policy.toml").read_text()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def relay(request, _export):
        real = http.client.HTTPSConnection("localhost", target, context=context)
        real.request("POST", "/blindai/v1/attest", json.dumps(request))
        return real.getresponse().read()

    assert attacked(Attacker(relay), policy, tmp_path) == "tls_key"


def test_another_tls_key(impostor, tmp_path):
    assert attacked(Attacker(forged(impostor), leaf=Leaf()), impostor.policy(), tmp_path) == "tls_key"


def test_another_keyset(impostor, leaf, tmp_path):
    def change(answer):
        answer["keyset"] = p.b64(p.canonical(impostor.keyset | {"build": "other"}))

    assert attacked(Attacker(forged(impostor, change), leaf=leaf), impostor.policy(), tmp_path) == "report_data"


def test_a_replayed_answer(impostor, leaf, tmp_path):
    nonce = p.b64(p.sha256(b"an earlier nonce"))

    def answer(_request, export):
        return json.dumps(impostor.answer({"nonce": nonce}, export)).encode()

    assert attacked(Attacker(answer, leaf=leaf), impostor.policy(), tmp_path) == "report_data"


@pytest.mark.parametrize("change", ["hash", "index", "none"])
def test_a_wrong_merkle_path(impostor, leaf, tmp_path, change):
    def spoil(answer):
        if change == "hash":
            answer["path"]["hashes"][0] = p.b64(bytes(32))
        elif change == "index":
            answer["path"]["index"] = 2
        else:
            answer["path"] = None

    assert attacked(Attacker(forged(impostor, spoil), leaf=leaf), impostor.policy(), tmp_path) == "report_data"


def test_standing_evidence_instead_of_fresh(impostor, leaf, tmp_path):
    impostor.kind = p.STANDING
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == "report_data"


def test_the_exporter_of_another_connection(impostor, leaf, tmp_path):
    def answer(request, _export):
        return json.dumps(impostor.answer(request, lambda _label, _context: bytes(32))).encode()

    assert attacked(Attacker(answer, leaf=leaf), impostor.policy(), tmp_path) == "session_signature"


@pytest.mark.parametrize(
    ("not_before", "not_after", "check"),
    [(-7200, -3600, "keyset_time"), (7200, 10800, "keyset_time"), (-300, 90_000, "keyset_life")],
)
def test_an_expired_a_future_and_an_endless_keyset(impostor, leaf, tmp_path, not_before, not_after, check):
    now = int(time.time())
    impostor.keyset |= {"not_before": now + not_before, "not_after": now + not_after}
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == check


def test_a_wrong_server_name(tmp_path):
    leaf = Leaf("elsewhere.example")
    impostor = Impostor(leaf, int(time.time()))
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == "identity"


def test_a_certificate_that_no_authority_signed(impostor, leaf, tmp_path):
    policy = impostor.policy(identity='server_name = "localhost"\nca = "system"')
    assert attacked(Attacker(forged(impostor), leaf=leaf), policy, tmp_path) == "identity"


def test_evidence_type_and_tee_that_differ(impostor, leaf, tmp_path):
    impostor.keyset["tee"] = "sgx"
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == "evidence_item"


def test_two_evidence_items(impostor, leaf, tmp_path):
    def change(answer):
        answer["evidence"] *= 2

    assert attacked(Attacker(forged(impostor, change), leaf=leaf), impostor.policy(), tmp_path) == "evidence_item"


def test_simulated_evidence_under_a_production_policy(impostor, leaf, tmp_path):
    snp = 'measurement = "any"\nproducts = ["Genoa"]\nplatform_ids = "any"'
    policy = impostor.policy(**{"accept.simulated": "", "accept.snp": snp})
    assert attacked(Attacker(forged(impostor), leaf=leaf), policy, tmp_path) == "evidence_accepted_type"


def test_another_root(impostor, leaf, tmp_path):
    impostor.root = p.key_of(b"x" * 32)
    policy = Impostor(leaf, 0).policy()
    assert attacked(Attacker(forged(impostor), leaf=leaf), policy, tmp_path) == "evidence_root"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("isolation", "model"),
        ("engine", "in-process"),
        ("batch", "proved"),
        ("auth", ["bearer", "proof"]),
        ("auth", ["open"]),
    ],
)
def test_a_weaker_configuration(impostor, leaf, tmp_path, member, value):
    impostor.keyset["config"][member] = value
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == f"config_{member}"


def test_code_that_was_not_measured(impostor, leaf, tmp_path):
    impostor.keyset["code"] = {"blindai-server": p.sha256(b"another server")}
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == "code"


def test_code_that_the_policy_does_not_list(impostor, leaf, tmp_path):
    listed = f'code = [{{ "blindai-server" = "sha256:{p.sha256(b"audited").hex()}" }}]'
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(config=listed), tmp_path) == "config_code"


def test_tls_1_2(impostor, leaf, tmp_path):
    attacker = Attacker(forged(impostor), leaf=leaf, version=ssl.TLSVersion.TLSv1_2)
    assert attacked(attacker, impostor.policy(), tmp_path) == "tls_version"


def test_a_session_ticket(impostor, leaf, tmp_path):
    attacker = Attacker(forged(impostor), leaf=leaf, tickets=True)
    assert attacked(attacker, impostor.policy(), tmp_path) == "tls_tickets"


def test_a_redirect(impostor, leaf, tmp_path):
    attacker = Attacker(lambda *_: (307, b"", {"Location": "https://localhost:1/"}), leaf=leaf)
    assert attacked(attacker, impostor.policy(), tmp_path) == "attest_answer"


def test_a_plaintext_answer(impostor, leaf, tmp_path):
    attacker = Attacker(forged(impostor), leaf=leaf, plain=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert attacked(attacker, impostor.policy(), tmp_path) == "tls_version"


def test_an_oversized_answer(impostor, leaf, tmp_path):
    attacker = Attacker(lambda *_: b" " * (4 * 1024 * 1024 + 1), leaf=leaf)
    assert attacked(attacker, impostor.policy(), tmp_path) == "sizes"


def test_an_answer_that_is_no_answer(impostor, leaf, tmp_path):
    for body in (b"", b"{}", b"[]", b"\xff" * 100, b'{"keyset": 1}'):
        assert attacked(Attacker(lambda *_, body=body: body, leaf=leaf), impostor.policy(), tmp_path) == "attest_answer"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (100, {}),
        (101, {"Upgrade": "h2c"}),
        (200, {"Transfer-Encoding": "chunked"}),
        (302, {"Location": "https://localhost:1/"}),
    ],
)
def test_an_answer_of_another_kind(impostor, leaf, tmp_path, status, headers):
    def answer(request, export):
        return status, json.dumps(impostor.answer(request, export)).encode(), headers

    assert attacked(Attacker(answer, leaf=leaf), impostor.policy(), tmp_path) == "attest_answer"


def test_a_keyset_of_another_form(impostor, leaf, tmp_path):
    impostor.keyset["extra"] = 1
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == "keyset_form"


def test_a_session_key_that_the_evidence_does_not_name(impostor, leaf, tmp_path):
    """Evidence and keyset are true; the attacker, who lacks the session key, signs with another one."""
    impostor.session = p.key_of(b"x" * 32)
    assert attacked(Attacker(forged(impostor), leaf=leaf), impostor.policy(), tmp_path) == "session_signature"
