"""Commands are thin files of cli/ over values and functions of the layers: read off the syntax trees."""

import ast
import os

import pytest

from pose_estimation_ros.__main__ import COMMANDS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = "pose_estimation_ros"
LONGEST_FUNCTION = 30  # lines
PROGRAMS = {"__main__.py", "nodes/demo/__main__.py"}  # that read a command line themselves


def modules(folder):
    """Paths of all modules below a folder of the package, relative to the package."""
    package = os.path.join(ROOT, PACKAGE)
    for path, _folders, names in os.walk(os.path.join(package, folder)):
        for name in sorted(name for name in names if name.endswith(".py")):
            yield os.path.relpath(os.path.join(path, name), package).replace(os.sep, "/")


def tree_of(module):
    with open(os.path.join(ROOT, PACKAGE, module)) as file:
        return ast.parse(file.read(), module)


def imports_argparse(tree):
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if "argparse" in names or (isinstance(node, ast.ImportFrom) and node.module == "argparse"):
            return True
    return False


def longest_function(tree):
    """(lines, name) of the longest function; the docstring does not count."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lengths = [(node.end_lineno - node.lineno + 1 - docstring_lines(node), node.name) for node in functions]
    return max(lengths, default=(0, ""))


def docstring_lines(node):
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    return first.end_lineno - first.lineno + 1 if has_docstring else 0


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", False),
        ("import ast", False),
        ("import os, argparse", True),
        ("from argparse import Namespace", True),
        ("def f():\n    import argparse", True),
    ],
)
def test_imports_are_seen(text, expected):
    assert imports_argparse(ast.parse(text)) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", (0, "")),
        ("def f():\n    pass", (2, "f")),
        ("def f():\n    'a'\n    pass\nclass A:\n    def g(self):\n        x = 1\n        return x", (3, "g")),
    ],
)
def test_lengths_are_measured(text, expected):
    assert longest_function(ast.parse(text)) == expected


def test_only_cli_reads_command_lines():
    below = {module for module in modules("") if not module.startswith("cli/")} - PROGRAMS
    assert len(below) > 100 and {module for module in below if imports_argparse(tree_of(module))} == set()


@pytest.mark.parametrize("module", sorted(modules("cli")))
def test_files_of_cli_are_thin(module):
    lines, name = longest_function(tree_of(module))
    assert lines <= LONGEST_FUNCTION, "%s: %s has %d lines" % (module, name, lines)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_is_a_file_of_cli(name):
    file = "import_model" if name == "import" else name.replace("-", "_")  # Python has a statement of this name
    assert COMMANDS[name][0] == "%s.cli.%s" % (PACKAGE, file)
