"""A text classifier from PyTorch, served confidentially: export, upload, predict, compare.

Takes DistilBERT from a model hub where one answers, else the same architecture with seeded weights.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import blindai
import torch
import transformers

NAME = "distilbert-base-uncased"


def load() -> torch.nn.Module:
    try:
        return transformers.DistilBertForSequenceClassification.from_pretrained(NAME).eval()
    except OSError:
        print(f"{NAME} cannot be had here: taking seeded weights of the same architecture")
        torch.manual_seed(0)
        return transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig()).eval()


def main() -> None:
    model = load()
    inputs = torch.randint(0, 30522, (1, 8))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "distilbert.onnx"
        torch.onnx.export(model, (inputs,), path, verbose=False)
        with blindai.connect() as client:
            print(client.report)
            uploaded = client.upload_model(
                path, "distilbert", progress=lambda sent, total: print(f"\r{sent * 100 // total} %", end="")
            )
            print(f"\ruploaded as {uploaded.digest}")
            response = client.predict("distilbert", inputs)
    with torch.no_grad():
        want = model(inputs).logits
    got = response.output[0].as_torch()
    print("BlindAI", response.output[0].as_flat())
    print("PyTorch", want.reshape(-1).tolist())
    print("largest difference", (got - want).abs().max().item())


if __name__ == "__main__":
    main()
