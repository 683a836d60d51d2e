"""The stub of the extension module says what is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import blindai
from blindai import _core

STUB = Path(blindai.__file__).with_name("_core.pyi")


def stubbed():
    """Qualified names of the stub's functions with the names of their parameters, and of its classes."""
    functions, classes = {}, set()
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef):
            classes.add(node.name)
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    functions[f"{node.name}.{member.name}"] = parameters(member)
        elif isinstance(node, ast.FunctionDef):
            functions[node.name] = parameters(node)
    return functions, classes


def parameters(node):
    return [argument.arg for argument in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]


def present():
    """The same of the module itself, from the signatures that nanobind writes into the documentation."""
    functions, classes = {}, set()
    for name, value in vars(_core).items():
        if isinstance(value, type):
            classes.add(name)
            for member, function in vars(value).items():
                if not member.startswith("_") and callable(function):
                    functions[f"{name}.{member}"] = documented(function)
        elif callable(value) and not name.startswith("__"):
            functions[name] = documented(value)
    return functions, classes


def documented(function):
    inside = re.search(r"\((.*)\) ->", function.__doc__.splitlines()[0])[1]
    flat = re.sub(r"\[[^\[\]]*\]", "", re.sub(r"\[[^\[\]]*\]", "", inside))
    names = [part.split(":")[0].split("=")[0].strip() for part in flat.split(",")]
    return [name for name in names if name and name not in ("*", "/")]


def test_the_stub_and_the_module_agree():
    assert stubbed() == present()
