"""Where the programs in C++ are that this package runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import ConfigurationError


def find_program(name: str, otherwise: str) -> Path:
    """A program of the installed package, or of the build tree, which for tests $BLINDAI_BUILD names, or of $PATH.

    `otherwise` is what to do where there is none.
    """
    package = Path(__file__).resolve().parent.parent
    built = package.parents[1] / os.environ.get("BLINDAI_BUILD", "build/dev") / "bin"
    for folder in (package / "bin", built):
        if (folder / name).is_file():
            return folder / name
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(f"{name} is not installed beside this package; {otherwise}")
    return Path(found)
