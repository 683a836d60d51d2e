"""Takes away each check of src/evidence in turn, and asks the unit tests whether they noticed.

Every decision that refuses evidence is written with BLINDAI_REQUIRE or BLINDAI_HOLDS (src/evidence/refusal.h). In the
build of the preset `mutants` the environment variable BLINDAI_MUTANT names one of them, by file and line, and that one
always holds. Mutant N is the Nth such place in the order of files and lines.

    .venv/bin/python -m tests.mutants.evidence                all of them; exit status 1 where one survives
    .venv/bin/python -m tests.mutants.evidence --list         number and place of each
    .venv/bin/python -m tests.mutants.evidence --only 17 18   these
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src/evidence"
PROGRAM = ROOT / "build/mutants/bin/unit_evidence"
PLACE = re.compile(r"\bBLINDAI_(?:REQUIRE|HOLDS)\(")
TOKEN = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\[^'\n]+)'|//[^\n]*|[()]""")


@dataclass(frozen=True)
class Mutant:
    number: int
    place: str  # "dcap/tcb.cpp:21", as BLINDAI_MUTANT wants it
    text: str


def end_of_call(source: str, start: int) -> int:
    """Where the parenthesis closes that opens right before `start`."""
    depth = 1
    for token in TOKEN.finditer(source, start):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.start()
    raise SystemExit("a check is not closed")


def mutants() -> list[Mutant]:
    found: dict[str, Mutant] = {}
    for path in sorted(SOURCES.rglob("*.cpp")):
        source = path.read_text()
        for call in PLACE.finditer(source):
            text = source[source.rfind("\n", 0, call.start()) + 1 : source.index("\n", call.end())].strip()
            if text.startswith("//"):
                continue
            # In a macro over several lines __LINE__ is that of its end.
            line = source.count("\n", 0, end_of_call(source, call.end())) + 1
            place = f"{path.relative_to(SOURCES)}:{line}"
            if place in found:
                raise SystemExit(f"{place} ends two checks in one line: they cannot be told apart")
            found[place] = Mutant(len(found) + 1, place, text)
    return list(found.values())


def build() -> None:
    subprocess.run(["cmake", "--preset", "mutants"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "mutants", "--target", "unit_evidence"], cwd=ROOT, check=True)


def tests_notice(place: str, limit_s: float) -> bool:
    """Whether the tests fail, crash or hang without the check."""
    command = [PROGRAM, "--gtest_fail_fast", "--gtest_brief=1"]
    environment = os.environ | {"BLINDAI_MUTANT": place}
    try:
        run = subprocess.run(command, env=environment, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return True
    return run.returncode != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print number and place of each mutant, and do nothing")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="these mutants alone")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one run (default: %(default)s)")
    arguments = parser.parse_args()
    chosen = [mutant for mutant in mutants() if not arguments.only or mutant.number in arguments.only]
    if arguments.list:
        for mutant in chosen:
            print(f"{mutant.number:4} {mutant.place:32} {mutant.text}")
        return 0
    build()
    if tests_notice("", arguments.limit):
        raise SystemExit("the tests fail with every check in place: mend that first")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        noticed = list(pool.map(lambda mutant: tests_notice(mutant.place, arguments.limit), chosen))
    survivors = [mutant for mutant, seen in zip(chosen, noticed, strict=True) if not seen]
    for mutant in survivors:
        print(f"survives: {mutant.number:4} {mutant.place:32} {mutant.text}")
    print(f"{len(chosen)} checks taken away in turn, {len(survivors)} not noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
