"""What holds a worker, as its process shows it, and that the keyset says the same."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import ssl
from pathlib import Path

import blindai
import cbor2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from . import models
from .conftest import Service

pytestmark = [
    pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning"),
    pytest.mark.skipif("san" in os.environ.get("BLINDAI_BUILD", ""), reason="sanitizers need what the layers forbid"),
]

MIB = 1 << 20
ROOM = 256 * MIB
RING = 16 * MIB
MUCH = 1 << 29  # elements: 2 GiB of numbers


@pytest.fixture(scope="module")
def confined(tmp_path_factory):
    """A service whose workers have little room."""
    home = tmp_path_factory.mktemp("confined")
    sizes = ["--request-bytes", str(RING), "--answer-bytes", str(RING)]
    service = Service(home, ["--port", "0", "--worker-bytes", str(ROOM), *sizes])
    with pytest.MonkeyPatch.context() as patch:
        service.use(patch)
        with service:
            yield service
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def client(confined):
    with blindai.connect(timeout=60) as connected:
        yield connected


def keyset_of(service):
    """The keyset's document, unverified: this is about what it says."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    line = next(line for line in service.profile.read_text().splitlines() if line.startswith("url"))
    connection = http.client.HTTPSConnection("localhost", int(line.rpartition(":")[2].strip('"')), context=context)
    nonce = base64.b64encode(os.urandom(32)).decode()
    connection.request("POST", "/blindai/v1/attest", json.dumps({"nonce": nonce, "fresh": True, "have": None}))
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return cbor2.loads(base64.b64decode(answer["keyset"]))


def limits_of(pid):
    """Soft limits of a process by their names in /proc."""
    text = Path(f"/proc/{pid}/limits").read_text()
    return dict(re.findall(r"^(Max .*?) {2,}(\S+)", text, re.MULTILINE))


def status_of(pid):
    """The lines of a process's status."""
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def sized(path, make):
    """A model of one operator whose output, as large as its caller says, is summed up."""
    inputs = [helper.make_tensor_value_info("n", TensorProto.INT64, ["k"])]
    nodes, constants = make()
    graph = helper.make_graph(
        [*nodes, helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0)],
        "sized",
        inputs,
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])],
        constants,
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


ONE = numpy_helper.from_array(np.ones(1, np.float32), "one")
GROWERS = {
    "ConstantOfShape": (
        lambda: (
            [helper.make_node("ConstantOfShape", ["n"], ["large"], value=helper.make_tensor("v", 1, [1], [1]))],
            [],
        ),
        [4],
        [MUCH],
    ),
    "Expand": (lambda: ([helper.make_node("Expand", ["one", "n"], ["large"])], [ONE]), [4], [MUCH]),
    "Pad": (lambda: ([helper.make_node("Pad", ["one", "n", "one"], ["large"])], [ONE]), [0, 3], [0, MUCH]),
    "Tile": (lambda: ([helper.make_node("Tile", ["one", "n"], ["large"])], [ONE]), [4], [MUCH]),
}


@pytest.mark.parametrize("operator", GROWERS)
def test_a_request_that_asks_for_much_memory_fails_alone(confined, client, tmp_path, operator):
    make, few, many = GROWERS[operator]
    client.upload_model(sized(tmp_path / "sized.onnx", make), "sized")
    client.upload_model(models.linear(tmp_path / "linear.onnx"), "linear")
    assert client.predict("sized", np.array(few, np.int64)).output[0].as_flat() == [4.0]
    with pytest.raises(blindai.QuotaError, match="needed more memory than it may use"):
        client.predict("sized", np.array(many, np.int64))
    assert client.predict("sized", np.array(few, np.int64)).output[0].as_flat() == [4.0]
    assert client.model("sized")["restarts"] == 0, "the worker that refused is the one that answers"
    x = np.ones((1, 4), np.float32)
    np.testing.assert_allclose(client.predict("linear", x).output[0].as_numpy(), models.linear_result(x))
    for pid in confined.worker_pids():
        assert int(status_of(pid)["VmHWM"].split()[0]) * 1024 < ROOM + 128 * MIB
    client.delete_model("sized")
    client.delete_model("linear")


def test_a_model_that_needs_more_than_its_worker_may_take_is_refused_with_the_number(client, tmp_path):
    dimensions = numpy_helper.from_array(np.array([MUCH], np.int64), "wide")
    graph = helper.make_graph(
        [
            helper.make_node("Expand", ["x", "wide"], ["large"]),
            helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
        ],
        "large",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])],
        [dimensions],
    )
    path = tmp_path / "large.onnx"
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    with pytest.raises(blindai.ModelError, match=r"more memory to load, or to run once, than the 26\d+ bytes"):
        client.upload_model(path)


def test_the_limits_of_a_worker_follow_from_its_model_and_the_configuration(confined, client, tmp_path):
    client.upload_model(models.linear(tmp_path / "linear.onnx"), "linear")
    (pid,) = confined.worker_pids()
    limits, status = limits_of(pid), status_of(pid)
    own = int(status["VmData"].split()[0]) * 1024
    assert ROOM <= int(limits["Max data size"]) <= own + ROOM + MIB
    mapped = int(status["VmSize"].split()[0]) * 1024
    assert ROOM <= int(limits["Max address space"]) <= mapped + ROOM + MIB
    for name in ("processes", "open files", "file size", "core file size", "locked memory", "msgqueue size"):
        assert limits[f"Max {name}"] == "0", name
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000", "the kernel ends workers first"
    client.delete_model("linear")


def test_the_keyset_says_which_layers_are_in_force(confined, client, tmp_path):
    client.upload_model(models.linear(tmp_path / "linear.onnx"), "linear")
    config = keyset_of(confined)["config"]
    layers = config["sandbox"]
    assert layers == sorted(set(layers))
    assert {"no-new-privs", "rlimits"} <= set(layers)
    assert config["limits"]["worker_bytes"] == ROOM
    (pid,) = confined.worker_pids()
    status = status_of(pid)
    assert status["NoNewPrivs"] == "1"
    assert ("seccomp" in layers) == (status["Seccomp"] == "2")
    own = [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("user", "net", "mnt", "ipc", "pid")]
    ours = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "net", "mnt", "ipc", "pid")]
    assert [a != b for a, b in zip(own, ours, strict=True)] == ["namespaces" in layers] * len(own)
    assert set(layers) <= {"namespaces", "no-new-privs", "landlock", "rlimits", "seccomp"}
    client.delete_model("linear")
