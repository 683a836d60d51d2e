"""Hostile ONNX models, made here: what each is, and what must become of it."""

from . import bombs, encoding, graphs, references, tensors
from .family import FAMILIES, Family, Fate

__all__ = ["FAMILIES", "Family", "Fate", "bombs", "encoding", "graphs", "references", "tensors"]
