"""The load generator and `blindai bench`: loads that are what they say, counted right, and drawn."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import blindai
import pytest
from blindai.cli import plots
from blindai.cli.programs import find_program

from . import models

pytestmark = pytest.mark.filterwarnings("ignore::blindai.SimulationModeWarning")


def sample(*arguments, ok=True):
    program = find_program("blindai-bench", "build it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode == 0) == ok, done.stderr
    return json.loads(done.stdout) if ok else done.stderr


def check(result):
    """What holds for every sample."""
    counts = [count for _, count in result["histogram"]]
    bounds = [bound for bound, _ in result["histogram"]]
    assert sum(counts) == result["count"]
    assert bounds == sorted(set(bounds))
    assert result["failures"] == sum(result["failed"].values())
    assert result["per_second"] == pytest.approx(result["count"] / result["seconds"])
    if result["count"]:
        times = [result[f"{key}_us"] for key in ("p50", "p90", "p99", "p999", "max")]
        assert times == sorted(times)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each POST after a while, every so many with 503; counts bodies and heads."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        with server.lock:
            server.seen += 1
            number = server.seen
            server.bodies.add(body)
            server.heads.add(self.headers.get("X-Of-The-Test", ""))
        time.sleep(server.pause)
        status = 503 if server.every and number % server.every == 0 else 200
        self.send_response(status)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"good")

    def log_message(self, *_):
        pass


@pytest.fixture
def peer():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.lock, server.seen, server.bodies, server.heads = threading.Lock(), 0, set(), set()
    server.pause, server.every = 0.005, 0
    server.url = f"http://127.0.0.1:{server.server_address[1]}/path"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def body(tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"a body")
    return path


def test_a_closed_loop_sends_the_same_bytes_and_counts_the_answers(peer, body):
    result = sample(
        *("http", "--url", peer.url, "--body-file", body, "--header", "X-Of-The-Test: yes"),
        *("--callers", "4", "--seconds", "1", "--warmup", "0.3"),
    )
    check(result)
    assert (peer.bodies, peer.heads) == ({b"a body"}, {"yes"})
    assert result["count"] < peer.seen, "the warm-up is not counted"
    assert result["p50_us"] >= 5000
    assert result["callers"] == 4


def test_failures_are_counted_by_what_they_are_and_have_no_latency(peer, body):
    peer.every = 2
    result = sample("http", "--url", peer.url, "--body-file", body, "--seconds", "1", "--warmup", "0")
    check(result)
    assert set(result["failed"]) == {"HTTP 503"}
    assert abs(result["failures"] - result["count"]) <= 1
    peer.every = 0
    short = sample("http", "--url", peer.url, "--body-file", body, "--seconds", "0.5", "--answer-bytes", "5")
    assert (short["count"], set(short["failed"])) == (0, {"short answer"})


def test_nobody_there_is_counted_too(body):
    result = sample("http", "--url", "http://127.0.0.1:9/", "--body-file", body, "--seconds", "0.3")
    assert (result["count"], set(result["failed"])) == (0, {"no connection"})
    assert "http://host:port/path" in sample("http", "--url", "ftp://x/", "--body-file", body, ok=False)


@pytest.mark.parametrize("even", [(), ("--even",)])
def test_an_open_loop_offers_what_it_says_whatever_the_server_does(peer, body, even):
    result = sample(
        *("http", "--url", peer.url, "--body-file", body, "--callers", "32", "--rate", "100", *even),
        *("--seconds", "2", "--warmup", "0.2"),
    )
    check(result)
    assert result["offered_per_second"] == 100
    assert 120 <= result["count"] <= 280


def test_in_an_open_loop_latency_counts_from_when_a_request_was_due(peer, body):
    """One caller, 20 ms an answer, 200 requests a second offered: the queue grows, and the latencies say so."""
    peer.pause = 0.02
    result = sample(
        *("http", "--url", peer.url, "--body-file", body, "--rate", "200", "--even"),
        *("--seconds", "2", "--warmup", "0"),
    )
    check(result)
    assert result["count"] < 120
    assert result["unserved"] > 200
    assert result["max_us"] > 500_000


def run_cli(*arguments):
    command = [sys.executable, "-c", "from blindai.cli import main; main()", "bench", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "140"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def model(service, tmp_path):
    with blindai.connect() as client:
        client.upload_model(models.linear(tmp_path / "linear.onnx"), "bench-model")
        yield "bench-model"
        client.delete_model("bench-model")


def test_the_command_measures_over_verified_channels(model):
    done = run_cli(model, "--callers", "1,3", "--seconds", "0.5", "--warmup", "0.2", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [run["callers"] for run in document["runs"]] == [1, 3]
    assert document["inputs"] == ["x=FP32[1,4]"]
    for run in document["runs"]:
        check(run)
        assert run["count"] > 0
        assert run["failures"] == 0


def test_the_command_prints_a_table_of_an_open_loop(model):
    done = run_cli(model, "--rate", "20,50", "--callers", "4", "--input", "x=FP32[2,4]", "--seconds", "0.5")
    assert done.returncode == 0, done.stderr
    assert "open loop" in done.stdout
    assert [line.split("│")[1].strip() for line in done.stdout.splitlines() if line.startswith("│")] == ["20", "50"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--callers", "0"), "numbers above 0"),
        (("--callers", "1,x"), "numbers above 0"),
        (("--callers", "2000"), "up to 1024"),
        (("--input", "x"), "NAME=DATATYPE"),
        (("--from", "none.json"), "there is no file"),
    ],
)
def test_what_the_command_does_not_take_is_said(model, arguments, words):
    done = run_cli(model, *arguments)
    assert done.returncode == 1
    assert words in " ".join(done.stderr.split())


def test_the_figures_are_drawn_as_svg_and_png(tmp_path):
    pytest.importorskip("matplotlib")
    histogram = [[100.0 * 1.05**i, 1000 // (i + 1)] for i in range(60)]
    run = {"per_second": 100.0, "failed": {}, "histogram": histogram, "p50_us": 200.0, "p99_us": 900.0}
    rest = {"p90_us": 1.0, "p999_us": 1.0, "max_us": 1.0}
    for loop, loads in (("closed", [{"callers": n} for n in (1, 2, 4)]), ("open", [{"offered_per_second": 50.0}])):
        document = {"model": "m", "inputs": ["x=FP32[1,4]"], "loop": loop, "seconds": 5.0}
        document["runs"] = [run | rest | {"callers": 8} | load for load in loads]
        (tmp_path / "results.json").write_text(json.dumps(document))
        done = run_cli("--from", tmp_path / "results.json", "--out", tmp_path / loop)
        assert done.returncode == 0, done.stderr
        for name in ("latency", "throughput"):
            assert (tmp_path / loop / f"{name}.png").read_bytes().startswith(b"\x89PNG")
            assert "</svg>" in (tmp_path / loop / f"{name}.svg").read_text()


def test_a_distribution_ends_at_its_slowest_request():
    xs, ys = plots.curve([[10.0, 90], [20.0, 9], [30.0, 1]])
    assert xs == pytest.approx([1.0, 10.0, 100.0, 100.0])
    assert ys == [10.0, 10.0, 20.0, 30.0]
    assert plots.curve([]) == ([], [])


def test_where_the_program_is_missing_the_way_out_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("BLINDAI_BUILD", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(blindai.ConfigurationError, match="none-such is not installed beside this package; build it"):
        find_program("none-such", "build it")
    assert Path(find_program.__code__.co_filename).name == "programs.py"
