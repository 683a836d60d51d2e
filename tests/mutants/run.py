"""Takes each security check out of the source, one at a time, and sees a test fail.

The checks are listed in the TOML files beside this one, each by its words: `find` is a piece of the source that stands
there exactly once, `with` is what it becomes without the check. No switch for this exists in the product: the edit is
made in a copy of the tree, which is built without optimisation and without warnings.

    python tests/mutants/run.py                  all; exit status 1 where one survives
    python tests/mutants/run.py channel "nonce"  those whose list or words contain one of the texts
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "mutants"
TREE, BUILD = FOLDER / "tree", FOLDER / "build"
COPIED = (
    "CMakeLists.txt",
    "cmake",
    "src",
    "tests/CMakeLists.txt",
    "tests/chains",
    "tests/unit",
    "tests/data",
    "tests/vectors",
    "README.md",
)
TEST_SECONDS = 60


@dataclass(frozen=True)
class Mutant:
    """One check, and the edit that takes it out."""

    list: str
    check: str
    file: str
    find: str
    instead: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.list}: {self.check}"

    def applied_to(self, text: str) -> str:
        if text.count(self.find) != 1:
            raise ValueError(f"{self.name}: its text stands {text.count(self.find)} times in {self.file}, not once")
        return text.replace(self.find, self.instead)


def load(folder: Path = Path(__file__).parent) -> list[Mutant]:
    """All mutants, in the order of their files."""
    mutants = []
    for path in sorted(folder.glob("*.toml")):
        document = tomllib.loads(path.read_text())
        for entry in document["mutant"]:
            mutants.append(
                Mutant(
                    path.stem,
                    entry["check"],
                    entry["file"],
                    entry["find"].strip("\n"),
                    entry["with"].strip("\n"),
                    tuple(entry.get("tests", document["tests"])),
                )
            )
    return mutants


def copy_tree() -> None:
    """Brings the copy up to date; what did not change keeps its time, so that little is built again."""
    wanted: dict[Path, Path] = {}
    for name in COPIED:
        source = ROOT / name
        files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        wanted |= {TREE / path.relative_to(ROOT): path for path in files if "__pycache__" not in path.parts}
    for path in [path for path in TREE.rglob("*") if path.is_file() and path not in wanted]:
        path.unlink()
    for target, source in wanted.items():
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    (TREE / "tests/CMakeLists.txt").write_text("add_subdirectory(unit)\n")


def configure() -> None:
    options = {
        "CMAKE_BUILD_TYPE": "Debug",
        "CMAKE_CXX_FLAGS": "-w -O0 -g0",
        "CMAKE_CXX_FLAGS_DEBUG": "",
        "BLINDAI_BENCH": "OFF",
        "BLINDAI_PYTHON": "OFF",
        "BLINDAI_ONNXRUNTIME_ROOT": str(ROOT / "build/third_party/onnxruntime"),
    }
    command = ["cmake", "-G", "Ninja", "-S", str(TREE), "-B", str(BUILD)]
    command += [f"-D{name}={value}" for name, value in options.items()]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build(targets: list[str]) -> subprocess.CompletedProcess[str]:
    command = ["cmake", "--build", str(BUILD), "--target", *targets]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def passes(test: str) -> bool:
    """Whether a test program holds; one that hangs or crashes does not."""
    try:
        done = subprocess.run(
            [BUILD / "bin" / test, "--gtest_fail_fast", "--gtest_brief=1"],
            capture_output=True,
            timeout=TEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def judge(mutant: Mutant) -> str:
    """The test that noticed, "" where none did, or why the mutant is no mutant."""
    path = TREE / mutant.file
    before = path.read_text()
    path.write_text(mutant.applied_to(before))
    try:
        for test in mutant.tests:
            built = build([test])
            if built.returncode != 0:
                errors = [line for line in built.stdout.splitlines() if "error" in line] or built.stdout.splitlines()
                return "does not build: " + " | ".join(errors[:3])
            if not passes(test):
                return test
        return ""
    finally:
        path.write_text(before)


def run(mutants: list[Mutant]) -> int:
    begin = time.monotonic()
    copy_tree()
    configure()
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    built = build(tests)
    if built.returncode != 0:
        print(built.stdout[-4000:], file=sys.stderr)
        return 1
    if failing := [test for test in tests if not passes(test)]:
        print(f"fail without any mutant: {', '.join(failing)}", file=sys.stderr)
        return 1
    print(f"{len(mutants)} checks; ready after {time.monotonic() - begin:.0f} s", flush=True)
    survivors = []
    for mutant in mutants:
        start = time.monotonic()
        verdict = judge(mutant)
        print(f"  {time.monotonic() - start:5.1f} s  {mutant.name}: {verdict or 'SURVIVES'}", flush=True)
        if verdict not in mutant.tests:
            survivors.append({"list": mutant.list, "check": mutant.check, "file": mutant.file, "verdict": verdict})
    (FOLDER / "survivors.json").write_text(json.dumps(survivors, indent=1) + "\n")
    noticed = len(mutants) - len(survivors)
    print(f"{noticed} of {len(mutants)} noticed, {len(survivors)} not, in {time.monotonic() - begin:.0f} s")
    for survivor in survivors:
        print(f"  {survivor['list']}: {survivor['check']} ({survivor['file']}) {survivor['verdict']}")
    return 1 if survivors else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="texts in the name of a list or a check")
    only = parser.parse_args().only
    mutants = [mutant for mutant in load() if not only or any(text in mutant.name for text in only)]
    if not mutants:
        print("no check has that text in its name", file=sys.stderr)
        return 2
    return run(mutants)


if __name__ == "__main__":
    raise SystemExit(main())
