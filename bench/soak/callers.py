"""The callers of a soak. Each runs in a thread of its own until told to stop; a good one checks every answer."""

from __future__ import annotations

import collections
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import blindai
import numpy as np
import tritonclient.grpc as triton
from onnx import TensorProto, helper, numpy_helper, save_model

_MOST_ELEMENTS = 256 * 1024  # of a request: 1 MB


def scale(path: Path, weights: int = 0) -> Path:
    """y = 3 x + 1 of any shape with two axes; `weights` more floats make its file larger, and the sum of them is 0."""
    nodes = [helper.make_node("Mul", ["x", "three"], ["p"]), helper.make_node("Add", ["p", "one"], ["q"])]
    constants = [numpy_helper.from_array(np.float32(3), "three"), numpy_helper.from_array(np.float32(1), "one")]
    constants.append(numpy_helper.from_array(np.zeros(max(weights, 1), np.float32), "ballast"))
    nodes += [helper.make_node("ReduceSum", ["ballast"], ["none"], keepdims=0)]
    nodes += [helper.make_node("Add", ["q", "none"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "scale",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "m"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "m"])],
        constants,
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


class Count:
    """What was asked, by kind, and how it ended. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.good: collections.Counter[str] = collections.Counter()
        self.failed: collections.Counter[str] = collections.Counter()
        self.spoilt: collections.Counter[str] = collections.Counter()  # calls that were meant to fail, and did
        self.failed_at: list[float] = []  # seconds since the start
        self._begun = time.monotonic()

    def add(self, counter: collections.Counter[str], word: str) -> None:
        with self._lock:
            counter[word] += 1
            if counter is self.failed:
                self.failed_at.append(time.monotonic() - self._begun)


class Crowd:
    """Threads that call `step` again and again. What a good one raises is counted, and it goes on."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def add(self, kind: str, step: Callable[[random.Random], str | None], *, good: bool) -> None:
        """`step` returns a word to count under, or nothing for that of `kind`."""
        number = len(self._threads)

        def run() -> None:
            chance = random.Random(number)
            while not self.stop.is_set():
                try:
                    word = step(chance) or kind
                except Exception as error:  # whatever it is, it is what is looked for
                    if good:
                        self.count.add(self.count.failed, f"{kind}: {type(error).__name__}: {error}"[:200])
                        self.stop.wait(0.2)
                    else:
                        self.count.add(self.count.spoilt, f"{kind}: {type(error).__name__}")
                else:
                    self.count.add(self.count.good, word)

        self._threads.append(threading.Thread(target=run, name=f"{kind}-{number}"))

    def __len__(self) -> int:
        return len(self._threads)

    def run(self, seconds: float) -> None:
        for thread in self._threads:
            thread.start()
        time.sleep(seconds)
        self.stop.set()
        for thread in self._threads:
            thread.join()


def random_input(chance: random.Random) -> np.ndarray[Any, np.dtype[np.float32]]:
    """One to 64 rows; as often few elements as many."""
    rows = chance.randint(1, 64)
    columns = max(1, int((_MOST_ELEMENTS / rows) ** chance.random()))
    return np.full((rows, columns), chance.randint(-100, 100), np.float32)


def check(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> None:
    if x.shape != y.shape or not np.array_equal(y, x * 3 + 1):
        raise AssertionError("the answer is another")


def predict(client: blindai.Connection, model: str) -> Callable[[random.Random], str | None]:
    def step(chance: random.Random) -> None:
        x = random_input(chance)
        check(x, client.predict(model, x).output[0].as_numpy())

    return step


def predict_grpc(client: triton.InferenceServerClient, key: str, model: str) -> Callable[[random.Random], str | None]:
    def step(chance: random.Random) -> None:
        x = random_input(chance)
        tensor = triton.InferInput("x", x.shape, "FP32")
        tensor.set_data_from_numpy(x)
        answer = client.infer(model, [tensor], headers={"authorization": f"Bearer {key}"}, client_timeout=60)
        check(x, answer.as_numpy("y"))

    return step


def turnover(client: blindai.Connection, name: str, folder: Path) -> Callable[[random.Random], str | None]:
    """Uploads a model of its own, asks it, unloads, loads and asks it again, and deletes it."""
    path = folder / f"{name}.onnx"

    def step(chance: random.Random) -> None:
        scale(path, int((1 << 20) ** chance.random()))
        client.upload_model(path, name)
        for _ in range(chance.randint(1, 20)):
            x = random_input(chance)
            check(x, client.predict(name, x).output[0].as_numpy())
        if chance.random() < 0.5:
            client.request("POST", f"/v2/repository/models/{name}/unload", {})
            client.request("POST", f"/v2/repository/models/{name}/load", {})
            x = random_input(chance)
            check(x, client.predict(name, x).output[0].as_numpy())
        client.delete_model(name)

    return step
