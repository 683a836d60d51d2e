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
    """With a batch axis that is free, so that a server may put requests together."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            args,
            str(path),
            input_names=names,
            output_names=["out"],
            dynamic_axes={name: {0: "batch"} for name in [*names, "out"]},
            dynamo=False,
            opset_version=17,
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


def resnet50(folder: Path) -> BenchModel:
    """The architecture of ResNet-50, 1 000 labels, one picture of 224 by 224: 102 MB."""
    path = folder / "resnet-50.onnx"
    if not path.exists():
        from transformers import ResNetConfig, ResNetForImageClassification

        torch.manual_seed(0)
        model = ResNetForImageClassification(ResNetConfig(num_labels=1000))
        model.config.return_dict = False
        _export(model, (torch.zeros(1, 3, 224, 224),), path, ["pixel_values"])
    return BenchModel("resnet-50", path, ("pixel_values=FP32[1,3,224,224]",))


def identity_1mb(folder: Path) -> BenchModel:
    """1 MiB in, the same out: what is left is moving it."""
    path = folder / "identity-1mb.onnx"
    if not path.exists():
        _export(torch.nn.Identity(), (torch.zeros(1, 262144),), path, ["x"])
    return BenchModel("identity-1mb", path, ("x=FP32[1,262144]",))
