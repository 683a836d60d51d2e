"""The file that was probably meant, for messages about one that is not there."""

from __future__ import annotations

import difflib
import os
from itertools import islice
from pathlib import Path

_MAX_ENTRIES = 10_000


def near_matches(path: Path) -> list[str]:
    """Names beside `path` that resemble its name, the best first, at most three."""
    try:
        with os.scandir(path.parent) as entries:
            files = [entry.name for entry in islice(entries, _MAX_ENTRIES) if not entry.is_dir()]
    except OSError:
        return []
    name = path.name.lower()
    same_kind = [file for file in files if Path(file).suffix.lower() == path.suffix.lower()]

    def likeness(file: str) -> float:
        other = file.lower()
        ratio = difflib.SequenceMatcher(None, name, other).ratio()
        # "distilbert.onnx" for "distilbert-base-uncased.onnx": one stem is the beginning of the other.
        stem, other_stem = path.stem.lower(), Path(other).stem
        if stem and other_stem and (other_stem.startswith(stem) or stem.startswith(other_stem)):
            ratio = max(ratio, 0.9)
        return ratio

    ranked = sorted(same_kind or files, key=lambda file: (-likeness(file), file))
    return [file for file in ranked if likeness(file) >= 0.6][:3]


def near_match(path: Path) -> str:
    """`; did you mean "x.onnx"?`, or nothing where nothing resembles it."""
    found = near_matches(path)
    return f'; did you mean "{path.parent / found[0]}"?' if found else ""
