"""What stands between a caller and the core: profiles, overrides, errors, pins. The core is replaced here."""

from __future__ import annotations

import asyncio
import inspect
import json
import warnings

import blindai
import numpy as np
import pytest
from blindai import _core, connection, profiles

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
REPORT = {"tee": "simulated", "simulated": True, "checks": [{"name": "report_data", "outcome": "passed"}]}
X = np.zeros((1, 2), np.float32)


class CallOptions:
    """Stands for _core.Call."""

    def __init__(self, *, timeout, load_timeout, retries, signals):
        self.timeout, self.load_timeout, self.retries, self.signals = timeout, load_timeout, retries, signals

    def cancel(self):
        raise AssertionError("nothing is cancelled here")


class Core:
    """Stands for _core.Connection: remembers what it was asked, and gives or raises what a test says."""

    def __init__(self):
        self.options = {}
        self.asked = []
        self.calls = []
        self.answers = {}
        self.report_document = REPORT
        self.closed = 0

    def _answer(self, what, *details):
        self.asked.append((what, *details))
        answer = self.answers.get(what)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def upload(self, files, model_id, save, weights, progress, call):
        self.calls.append(call)
        return self._answer("upload", files, model_id, save, weights)

    def predict(self, model_id, inputs, pin, call):
        self.calls.append(call)
        return self._answer("predict", model_id, inputs, pin)

    def call(self, method, target, body, call):
        self.calls.append(call)
        return self._answer("call", method, target, body)

    def report(self):
        return json.dumps(self.report_document)

    def close(self):
        self.closed += 1


@pytest.fixture
def core(monkeypatch, tmp_path):
    made = Core()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("BLINDAI_PROFILE", raising=False)
    folder = profiles.profiles_dir()
    folder.mkdir(parents=True)
    (folder / "default.toml").write_text('url = "https://one:1"\npolicy = "p.toml"\napi_key_file = "k"\n')
    (folder / "other.toml").write_text('url = "https://two:2"\npolicy = "p.toml"\n')
    (folder / "p.toml").write_text("the policy")
    (folder / "k").write_text("the key\n")

    def connect(**options):
        made.options = options
        made._answer("connect")
        return made

    monkeypatch.setattr(_core, "connect", connect)
    monkeypatch.setattr(_core, "Call", CallOptions)
    warnings.simplefilter("ignore", blindai.SimulationModeWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", blindai.SimulationModeWarning)
        yield made


def failure(code, message="private words", answer="", report=None, retry_after=None):
    return _core.Failure(code, message, answer, "detail", json.dumps(report) if report else None, retry_after)


def test_without_arguments_the_default_profile_says_all(core):
    blindai.connect()
    assert core.options["url"] == "https://one:1"
    assert core.options["policy"] == "the policy"
    assert core.options["policy_folder"] == str(profiles.profiles_dir())
    assert core.options["api_key"] == "the key"


def test_the_environment_or_an_argument_choose_another_profile(core, monkeypatch):
    blindai.connect(profile="other")
    assert (core.options["url"], core.options["api_key"]) == ("https://two:2", "")
    monkeypatch.setenv("BLINDAI_PROFILE", "other")
    blindai.connect()
    assert core.options["url"] == "https://two:2"


def test_arguments_override_the_profile(core, tmp_path):
    blindai.connect("https://three", api_key="mine")
    assert (core.options["url"], core.options["policy"], core.options["api_key"]) == (
        "https://three",
        "the policy",
        "mine",
    )
    (tmp_path / "q.toml").write_text("another")
    blindai.connect(policy=tmp_path / "q.toml")
    assert (core.options["url"], core.options["policy"]) == ("https://one:1", "another")


def test_url_and_policy_together_need_no_profile_and_take_no_key_from_one(core, tmp_path):
    (profiles.profiles_dir() / "default.toml").write_text("not TOML at all [")
    (tmp_path / "q.toml").write_text("another")
    blindai.connect("https://three", policy=tmp_path / "q.toml")
    assert core.options["api_key"] == ""


def test_a_policy_that_is_not_there_is_named(core, tmp_path):
    with pytest.raises(blindai.ConfigurationError, match=r"policy not found: .*nope"):
        blindai.connect(policy=tmp_path / "nope.toml")


def test_time_outs_are_finite_and_an_upload_has_time_to_load(core):
    core.answers["call"] = "{}"
    blindai.connect(timeout=3).models()
    assert core.options["connect_timeout"] == 3
    assert (core.calls[-1].timeout, core.calls[-1].load_timeout) == (3, 300)
    blindai.connect(timeout=900).models()
    assert (core.options["connect_timeout"], core.calls[-1].load_timeout) == (10, 900)
    for wrong in (0, -1, float("inf"), float("nan"), None, "3"):
        with pytest.raises(blindai.ConfigurationError, match="finite"):
            blindai.connect(timeout=wrong)


def test_options_are_changed_for_a_view_of_the_same_client(core):
    core.answers["call"] = "{}"
    client = blindai.connect(timeout=7)
    hasty = client.with_options(timeout=1, retries=0)
    for given, wanted in ((client, (7, 2)), (hasty, (1, 0)), (hasty.with_options(retries=5), (1, 5))):
        given.models()
        assert (core.calls[-1].timeout, core.calls[-1].retries, core.calls[-1].signals) == (*wanted, True)
    for wrong in ({"retries": -1}, {"retries": 11}, {"retries": 1.5}, {"retries": True}, {"timeout": 0}):
        with pytest.raises(blindai.ConfigurationError):
            client.with_options(**wrong)
    hasty.close()
    assert core.closed == 1
    with pytest.raises(blindai.BlindAIError, match="closed"):
        client.models()


def test_connecting_itself_is_not_repeated(core):
    blindai.connect()
    assert core.options["call"].retries == 0


def test_an_error_says_when_to_come_back(core):
    client = blindai.connect()
    for code, kind in (("unavailable", blindai.UnavailableError), ("resource_exhausted", blindai.QuotaError)):
        core.answers["predict"] = failure(code, retry_after=3.0)
        with pytest.raises(kind) as caught:
            client.predict("m", X)
        assert caught.value.retry_after == 3.0
        core.answers["predict"] = failure(code)
        with pytest.raises(kind) as caught:
            client.predict("m", X)
        assert caught.value.retry_after is None


def test_simulation_is_said_aloud_at_the_callers_line(core):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        blindai.connect()
        blindai.Connection()
    assert [warning.category for warning in caught] == [blindai.SimulationModeWarning] * 2
    assert {warning.filename for warning in caught} == {__file__}
    core.report_document = REPORT | {"simulated": False, "tee": "sgx"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        blindai.connect()


def test_a_failed_attestation_has_its_class_and_its_report(core):
    report = {
        "checks": [
            {"name": "sizes", "outcome": "passed"},
            {"name": "tls_key", "outcome": "failed", "expected": "aa", "found": "bb"},
        ]
    }
    core.answers["connect"] = failure("attestation_failed", report=report)
    with pytest.raises(blindai.ChannelBindingError) as caught:
        blindai.connect()
    error = caught.value
    assert (error.failed_check, error.expected, error.found) == ("tls_key", "aa", "bb")
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_the_services_own_sentence_is_what_the_caller_reads(core):
    client = blindai.connect()
    core.answers["predict"] = failure("invalid_argument", answer="input 'x' has shape [1]")
    with pytest.raises(blindai.InputError, match=r"input 'x' has shape \[1\]"):
        client.predict("m", X)
    core.answers["predict"] = failure("unavailable")
    with pytest.raises(blindai.UnavailableError, match="private words"):
        client.predict("m", X)


def test_the_same_code_means_what_the_call_means(core, tmp_path):
    core.answers["connect"] = failure("invalid_argument")
    with pytest.raises(blindai.ConfigurationError):
        blindai.connect()
    core.answers = {"upload": failure("invalid_argument")}
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x3a\x00")
    with pytest.raises(blindai.ModelError):
        blindai.connect().upload_model(path)


def test_an_upload_is_remembered_and_later_predictions_pin_it(core, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x3a\x00")
    core.answers["upload"] = json.dumps({"id": "net", "digest": DIGEST, "inputs": []})
    core.answers["predict"] = (DIGEST, [("y", "FP32", (2,), np.zeros(8, np.uint8))])
    with blindai.connect() as client:
        uploaded = client.upload_model(path)
    assert (uploaded.digest, uploaded.model_id) == (DIGEST, "net")
    assert core.asked[-1] == ("upload", [("net.onnx", str(path))], "net", False, "")
    with blindai.connect() as client:
        response = client.predict("net", X)
        assert core.asked[-1][3] == DIGEST
        assert response.output[0].as_flat() == [0, 0]
        core.answers["call"] = ""
        client.delete_model("net")
        client.predict("net", X)
        assert core.asked[-1][3] is None
    with blindai.connect(profile="other") as client:
        client.predict("net", X)
        assert core.asked[-1][3] is None


def test_an_answer_without_a_digest_is_not_remembered(core, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x3a\x00")
    core.answers["upload"] = json.dumps({"id": "net"})
    with pytest.raises(ValueError, match="not a digest"):
        blindai.connect().upload_model(path)


@pytest.mark.parametrize("answer", ["", "3", "nonsense", '"text"'])
def test_an_answer_that_is_no_object_is_refused(core, tmp_path, answer):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x3a\x00")
    core.answers["upload"] = answer
    with pytest.raises(blindai.UnavailableError, match="understood"):
        blindai.connect().upload_model(path)


def test_a_file_name_that_cannot_be_an_id_asks_for_one(core, tmp_path):
    path = tmp_path / "my model.onnx"
    path.write_bytes(b"\x3a\x00")
    with pytest.raises(blindai.InputError, match="give model_id="):
        blindai.connect().upload_model(path)
    assert core.asked == [("connect",)]


def test_shared_models_are_one_segment_of_the_path(core):
    core.answers["call"] = "{}"
    blindai.connect().model("clinic/bert")
    assert core.asked[-1] == ("call", "GET", "/blindai/v1/models/clinic%2Fbert", "")
    with pytest.raises(blindai.InputError):
        blindai.connect().model("a/b/c")


def test_receipts_are_refused_and_not_ignored(core):
    with pytest.raises(blindai.BlindAIError, match="receipt") as caught:
        blindai.connect().predict("m", X, receipt=True)
    assert caught.value.code == "unimplemented"


def test_a_closed_connection_is_closed_once_and_says_so(core):
    with blindai.connect() as client:
        pass
    client.close()
    assert core.closed == 1
    with pytest.raises(blindai.BlindAIError, match="closed"), client:
        pass


def test_models_are_listed_in_either_form(core):
    client = blindai.connect()
    for answer in ('{"models": [{"id": "m"}]}', '[{"id": "m"}]'):
        core.answers["call"] = answer
        assert client.models() == [{"id": "m"}]


def test_asyncio_calls_are_the_same_calls(core):
    core.answers["predict"] = (DIGEST, [])

    async def run():
        client = blindai.AsyncClient()
        with pytest.raises(blindai.BlindAIError, match="not connected"):
            await client.predict("m", X)
        async with client:
            assert client.report.simulated
            return await client.predict("m", X)

    assert asyncio.run(run()).model_digest == DIGEST
    assert core.closed == 1


def test_signatures_are_those_of_the_design():
    wanted = "(url=None, *, profile=None, policy=None, api_key=None, timeout=60.0)"
    bare = inspect.signature(connection.connect).replace(return_annotation=inspect.Signature.empty)
    bare = bare.replace(parameters=[p.replace(annotation=p.empty) for p in bare.parameters.values()])
    assert str(bare) == wanted
