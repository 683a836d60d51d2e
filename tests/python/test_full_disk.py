"""What the SDK and the command write when the disk is full: a clear error, and nothing of before is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.full_disk import run_on_small_disk

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def outcome(folder: Path, code: str) -> Any:
    done = run_on_small_disk(folder, "import json\n" + code, environment={"XDG_STATE_HOME": str(folder)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_pins_that_cannot_be_written_keep_what_was_there(tmp_path: Path) -> None:
    said, here, later, names = outcome(
        tmp_path / "disk",
        f"""
from blindai.errors import ConfigurationError
from blindai.pins import Pins
pins = Pins("p")
pins.remember("m", "{OLD}")
fill()
try:
    pins.remember("m", "{NEW}")
except ConfigurationError as error:
    said = str(error)
print(json.dumps([said, pins.get("m"), Pins("p").get("m"), sorted(files())]))
""",
    )
    assert "No space left on device" in said
    assert "pins" in said
    assert here == NEW, "the connection that uploaded it holds the service to it"
    assert later == OLD, "and no later one takes any model for it"
    assert names == ["blindai/pins/p.json", "blindai/pins/p.lock"], "no draft is left"


def test_pins_that_were_never_written_are_written_once_there_is_room(tmp_path: Path) -> None:
    first, second = outcome(
        tmp_path / "disk",
        f"""
from blindai.errors import ConfigurationError
from blindai.pins import Pins
pins = Pins("p")
fill()
try:
    pins.remember("m", "{NEW}")
except ConfigurationError:
    first = Pins("p").get("m")
make_room()
pins.remember("m", "{NEW}")
print(json.dumps([first, Pins("p").get("m")]))
""",
    )
    assert (first, second) == (None, NEW)


@pytest.mark.parametrize("name", ["demo-api-key", "profiles/default.toml"])
def test_a_file_of_serve_is_whole_or_not_there(tmp_path: Path, name: str) -> None:
    said, during, written, after = outcome(
        tmp_path / "disk",
        f"""
from blindai.cli.serve import write_new
from blindai.errors import ConfigurationError
fill()
try:
    write_new(DISK / "{name}", "text\\n", 0o600)
except ConfigurationError as error:
    said = str(error)
during = files()
make_room()
print(json.dumps([said, during, write_new(DISK / "{name}", "text\\n", 0o600), files()]))
""",
    )
    assert "No space left on device" in said
    assert name in said
    assert during == {}
    assert written is True
    assert after == {name: "text\n"}
