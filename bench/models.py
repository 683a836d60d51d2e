"""The models that the benchmarks run, made with torch and seeded weights: arithmetic, not accuracy, is measured."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class BenchModel:
    """A model file and the inputs of one request, in the notation of `blindai-bench --input`."""

    name: str
    path: Path
    inputs: tuple[str, ...]


class TinyMlp(torch.nn.Module):
    """Four numbers in, two out: what is left is the cost of asking."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


def _export(model: torch.nn.Module, args: tuple[torch.Tensor, ...], path: Path, names: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), args, str(path), input_names=names, output_names=["out"], dynamo=False, opset_version=17
        )


def tiny_mlp(folder: Path) -> BenchModel:
    path = folder / "tiny-mlp.onnx"
    if not path.exists():
        torch.manual_seed(0)
        _export(TinyMlp(), (torch.zeros(1, 4),), path, ["x"])
    return BenchModel("tiny-mlp", path, ("x=FP32[1,4]",))


def distilbert(folder: Path) -> BenchModel:
    """The architecture of distilbert-base-uncased, two labels, 128 tokens: 268 MB."""
    path = folder / "distilbert-128.onnx"
    if not path.exists():
        from transformers import DistilBertConfig, DistilBertForSequenceClassification

        torch.manual_seed(0)
        model = DistilBertForSequenceClassification(DistilBertConfig())
        model.config.return_dict = False
        ids = torch.ones(1, 128, dtype=torch.int64)
        _export(model, (ids, torch.ones_like(ids)), path, ["input_ids", "attention_mask"])
    return BenchModel("distilbert-128", path, ("input_ids=INT64[1,128]", "attention_mask=INT64[1,128]"))
