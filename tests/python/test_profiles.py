"""Profiles, remembered digests, reports and the error tree."""

from __future__ import annotations

import threading

import blindai
import pytest
from blindai import errors, profiles
from blindai.errors import ConfigurationError
from blindai.pins import Pins
from blindai.report import Report

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


@pytest.fixture(autouse=True)
def xdg(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("BLINDAI_PROFILE", raising=False)
    (tmp_path / "config/blindai/profiles").mkdir(parents=True)
    return tmp_path


def write(name, text):
    path = profiles.profiles_dir() / f"{name}.toml"
    path.write_text(text)
    return path


GOOD = 'url = "https://localhost:8443"\npolicy = "p.toml"\napi_key_file = "k"\n'


def test_default_is_read_without_a_name_and_paths_are_relative_to_it():
    path = write("default", GOOD)
    profile = profiles.load()
    assert (profile.name, profile.url) == ("default", "https://localhost:8443")
    assert profile.policy == path.parent / "p.toml"
    assert profile.api_key_file == path.parent / "k"


def test_the_environment_chooses_and_the_argument_wins(monkeypatch):
    write("one", GOOD)
    write("two", GOOD)
    monkeypatch.setenv("BLINDAI_PROFILE", "one")
    assert profiles.load().name == "one"
    assert profiles.load("two").name == "two"
    assert profiles.names() == ["one", "two"]


def test_a_relative_xdg_path_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert profiles.config_dir() == tmp_path / ".config" / "blindai"


def test_a_missing_profile_names_the_way_out_and_the_near_match():
    write("production", GOOD)
    with pytest.raises(ConfigurationError, match=r"blindai serve"):
        profiles.load()
    with pytest.raises(ConfigurationError, match=r"did you mean .*production"):
        profiles.load("prodution")


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "x" * 65, "a b", "a\n"])
def test_a_name_that_is_a_path_is_refused(name):
    with pytest.raises(ConfigurationError, match="not a profile name"):
        profiles.valid_name(name)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD + 'extra = "x"', "unknown member 'extra'"),
        ('url = "https://x"', "no member 'policy'"),
        ('policy = "p"', "no member 'url'"),
        ('url = 3\npolicy = "p"', "'url'.*must be text"),
        ("url = ", "not TOML"),
        ("#" * (64 * 1024 + 1), "larger than"),
    ],
)
def test_a_profile_of_another_form_is_refused(text, problem):
    write("default", text)
    with pytest.raises(ConfigurationError, match=problem):
        profiles.load()


def test_a_profile_that_is_not_text_is_refused():
    (profiles.profiles_dir() / "default.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        profiles.load()


def test_the_key_file_holds_one_key():
    path = write("default", GOOD).parent / "k"
    with pytest.raises(ConfigurationError, match="API key file not found"):
        profiles.load().read_api_key()
    path.write_text("bk_x\n")
    assert profiles.load().read_api_key() == "bk_x"
    for wrong in ("", "a\nb\n"):
        path.write_text(wrong)
        with pytest.raises(ConfigurationError, match="one API key"):
            profiles.load().read_api_key()


def test_pins_last_and_belong_to_their_profile():
    Pins("a").remember("m", DIGEST)
    assert Pins("a").get("m") == DIGEST
    assert Pins("b").get("m") is None
    Pins("a").remember("m", OTHER)
    assert Pins("a").get("m") == OTHER
    Pins("a").forget("m")
    Pins("a").forget("m")
    assert Pins("a").get("m") is None


def test_a_pin_that_another_process_moved_is_seen():
    one, other = Pins("a"), Pins("a")
    one.remember("m", DIGEST)
    assert other.get("m") == DIGEST
    one.remember("m", OTHER)
    assert other.get("m") == OTHER
    one.path.unlink()
    assert other.get("m") is None


def test_pins_without_a_profile_are_in_memory_alone(xdg):
    pins = Pins(None)
    pins.remember("m", DIGEST)
    assert pins.get("m") == DIGEST
    assert Pins(None).get("m") is None
    assert not (xdg / "state").exists()


def test_the_file_of_pins_is_private():
    pins = Pins("a")
    pins.remember("m", DIGEST)
    assert pins.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["{", "[]", '{"m": 3}', '{"m": "sha256:00"}', '{"m": "x" , "m2": null}'])
def test_damaged_pins_are_an_error_and_not_forgotten(damage):
    pins = Pins("a")
    pins.remember("m", DIGEST)
    pins.path.write_text(damage)
    with pytest.raises(ConfigurationError, match="damaged"):
        pins.get("m")
    with pytest.raises(ConfigurationError, match="damaged"):
        pins.remember("m", DIGEST)


def test_something_that_is_no_digest_is_never_remembered():
    for wrong in ("", "sha256:00", DIGEST.upper(), DIGEST + "\n"):
        with pytest.raises(ValueError, match="not a digest"):
            Pins("a").remember("m", wrong)


def test_pins_written_at_once_are_all_kept():
    threads = [threading.Thread(target=Pins("a").remember, args=(f"m{i}", DIGEST)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(Pins("a").get(f"m{i}") == DIGEST for i in range(16))


def report(name, outcome="failed"):
    return Report(
        {
            "checks": [{"name": name, "outcome": outcome, "expected": "E", "found": "F", "voucher": "V"}],
            "tee": "simulated",
        }
    )


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        ("sizes", errors.QuoteValidationError),
        ("evidence_item", errors.QuoteValidationError),
        ("evidence_root", errors.QuoteValidationError),
        ("report_data", errors.EnclaveHeldDataError),
        ("keyset_time", errors.EnclaveHeldDataError),
        ("tls_key", errors.ChannelBindingError),
        ("session_signature", errors.ChannelBindingError),
        ("identity", errors.IdentityError),
        ("code", errors.PolicyError),
        ("config_isolation", errors.PolicyError),
        ("freshness", errors.PolicyError),
        ("something_new", errors.AttestationError),
    ],
)
def test_each_failed_check_has_its_class(check, kind):
    error = errors.error_of("attestation_failed", "no", report(check))
    assert type(error) is kind
    assert (error.failed_check, error.expected, error.found) == (check, "E", "F")


def test_codes_have_their_classes():
    assert type(errors.error_of("unauthenticated", "m")) is blindai.AuthenticationError
    assert type(errors.error_of("unavailable", "m")) is blindai.UnavailableError
    assert isinstance(errors.error_of("deadline_exceeded", "m"), TimeoutError)
    assert isinstance(errors.error_of("invalid_argument", "m"), ValueError)
    assert type(errors.error_of("never heard of", "m")) is blindai.BlindAIError
    assert errors.error_of("permission_denied", "m").code == "permission_denied"


@pytest.mark.parametrize(
    ("outcomes", "accepted"),
    [
        ([], False),
        (["not applicable"], False),
        (["passed"], True),
        (["passed", "not applicable"], True),
        (["passed", "skipped"], False),
        (["passed", "failed"], False),
        (["passed", "anything"], False),
    ],
)
def test_a_skipped_check_is_never_a_pass(outcomes, accepted):
    made = Report({"checks": [{"name": "x", "outcome": outcome} for outcome in outcomes]})
    assert made.accepted is accepted


def test_exported_names_are_these():
    assert set(blindai.__all__) <= set(dir(blindai))
