"""The rules of the house: which folder may use which, who may include what, and what the documents promise."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.mutants.run import Mutant
from tests.mutants.run import load as load_mutants

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for path in (ROOT / "src").rglob("*") if path.suffix in {".h", ".cpp"})
MAX_LINES = 600

# Headers of a library, and the folders whose files may include them.
LIBRARIES = {
    "openssl/": {"crypto", "channel", "http"},
    "onnxruntime_": {"engine"},
    "boost/beast": {"http"},
    "boost/asio": {"http", "grpc", "server", "worker", "schedule"},
    "nghttp2/": {"grpc"},
    "seccomp.h": {"worker"},
    "toml++": {"evidence", "server"},
    "CLI/": {"server"},
    "spdlog/": {"server"},
}
# Of these, headers may not carry the include further: only .cpp files, and headers that say they are private.
HIDDEN = ("boost/beast",)


def may_use() -> dict[str, set[str]]:
    text = (ROOT / "cmake/Folders.cmake").read_text()
    found = re.findall(r"set\(BLINDAI_MAY_USE_(\w+)\s+([^)]*)\)", text)
    return {folder: set(used.replace('"', "").split()) for folder, used in found}


def includes(path: Path) -> list[str]:
    return re.findall(r'^#include [<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def folder_of(path: Path) -> str:
    return path.relative_to(ROOT / "src").parts[0]


def test_every_folder_is_in_the_list() -> None:
    folders = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
    assert folders <= set(may_use())


def test_the_list_has_no_cycle() -> None:
    graph = may_use()
    done: set[str] = set()
    while len(done) < len(graph):
        free = {folder for folder, used in graph.items() if folder not in done and used <= done}
        assert free, f"a cycle among {sorted(set(graph) - done)}"
        done |= free


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_to_its_folder(path: Path) -> None:
    folder = folder_of(path)
    graph = may_use()
    for name in includes(path):
        first = name.split("/")[0]
        if "/" in name and first in graph:
            assert first == folder or first in graph[folder], f"src/{folder} may not include {name}"
        for library, allowed in LIBRARIES.items():
            if name.startswith(library):
                assert folder in allowed, f"{name} may only be included in {sorted(allowed)}"
        if path.suffix == ".h":
            assert not name.startswith(HIDDEN), f"{name} may not stand in a header"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_small_plain_and_finished(path: Path) -> None:
    text = path.read_text()
    assert text.isascii()
    assert text.count("\n") <= MAX_LINES
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text)
    if path.suffix == ".h":
        assert text.startswith("//"), "a header opens with what it is for"


def test_the_reference_engine_is_for_tests_alone() -> None:
    """No source of what is shipped includes it, and no library that is shipped has it among its sources."""
    for path in SOURCES:
        inside = path.is_relative_to(ROOT / "src/engine/reference")
        assert (
            inside
            or path.name == "reference_main.cpp"
            or not any(name.startswith("engine/reference/") for name in includes(path))
        ), path
    text = (ROOT / "src/engine/CMakeLists.txt").read_text()
    shipped, _, for_tests = text.partition("if(BLINDAI_TESTS OR BLINDAI_FUZZ)")
    assert "reference/" not in shipped
    assert "blindai_engine_reference" in for_tests
    worker = (ROOT / "src/worker/CMakeLists.txt").read_text()
    assert "reference" not in worker.partition("if(TARGET blindai_engine_reference)")[0]
    presets = {
        preset["name"]: preset for preset in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
    }
    assert presets["release"]["cacheVariables"]["BLINDAI_TESTS"] == "OFF"
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["scikit-build"]["cmake"]["define"]
    assert wheel["BLINDAI_TESTS"] == "OFF"


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "src/README.md"]


def test_links_between_documents_lead_somewhere() -> None:
    for document in documents():
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.relative_to(ROOT)} links to {target}"


def test_the_tour_of_the_folders_names_every_folder() -> None:
    text = (ROOT / "src/README.md").read_text()
    for folder in (path.name for path in (ROOT / "src").iterdir() if path.is_dir()):
        assert f"`{folder}`" in text


def test_every_fuzz_target_is_documented_with_its_length_and_has_seeds() -> None:
    text = (ROOT / "tests/fuzz/CMakeLists.txt").read_text()
    targets = dict(re.findall(r"^blindai_fuzz_target\((\w+) MAX_LENGTH (\d+)", text, re.MULTILINE))
    table = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs/fuzzing.md").read_text(), re.MULTILINE))
    files = {path.stem for path in (ROOT / "tests/fuzz").glob("*.cpp")} - {"replay", "onnx_mutator"}
    assert targets == table
    assert set(targets) == files
    for target in targets:
        assert any((ROOT / "tests/fuzz/seeds" / target).iterdir()), f"no seeds for {target}"


@pytest.mark.parametrize("mutant", load_mutants(), ids=lambda mutant: mutant.name)
def test_a_mutant_is_an_edit_of_the_source_as_it_stands(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    assert mutant.applied_to(text) != text
    assert mutant.tests


def test_no_check_is_listed_twice() -> None:
    names = [mutant.name for mutant in load_mutants()]
    assert len(set(names)) == len(names)
