"""What a family of hostile models is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

Bodies = dict[str, bytes]  # name in the bundle -> bytes; the model first


class Fate(Enum):
    """What must become of a model."""

    GATE = "refused by the gate"
    ENGINE = "refused by the engine"
    CONTAINED = "loads or not; what it does ends at a limit"
    HARMLESS = "loads, and answers what it should"


@dataclass(frozen=True)
class Family:
    """A family: one model that stands for it, or several that must all meet the same fate."""

    name: str
    fate: Fate
    why: str
    make: Callable[[], list[Bodies]]
    word: str = ""  # a regular expression that the refusal matches
    inputs: dict[str, Any] = field(default_factory=dict)  # of a run, where it comes to one
    seconds: float = 5.0  # each model is dealt with in that time
    slow: bool = False


FAMILIES: dict[str, Family] = {}


def family(
    fate: Fate, why: str, word: str = "", **more: Any
) -> Callable[[Callable[[], bytes | Bodies | list[bytes] | list[Bodies]]], Callable[[], Any]]:
    """Registers a maker of models under its name."""

    def register(make: Callable[[], Any]) -> Callable[[], Any]:
        def bodies() -> list[Bodies]:
            made = make()
            listed = made if isinstance(made, list) else [made]
            return [one if isinstance(one, dict) else {"model.onnx": one} for one in listed]

        name = make.__name__.replace("_", "-")
        assert name not in FAMILIES, name
        FAMILIES[name] = Family(name, fate, why, bodies, word, **more)
        return make

    return register


def write(bodies: Bodies, folder: Path) -> list[tuple[str, str]]:
    """The files of a model, as (name in the bundle, path); names are the bundle's, paths are ours."""
    out = []
    for index, (name, data) in enumerate(bodies.items()):
        path = folder / f"{index}.bin"
        path.write_bytes(data)
        out.append((name, str(path)))
    return out
