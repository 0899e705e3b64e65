"""No module of the package imports itself, however many others are between: read off the syntax trees."""

import ast
import os

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = "pose_estimation_ros"


def modules(root):
    """{dotted name: syntax tree} of all modules of the package below root."""
    found = {}
    for folder, _folders, names in os.walk(os.path.join(root, PACKAGE)):
        for path in (os.path.join(folder, name) for name in names if name.endswith(".py")):
            parts = os.path.relpath(path, root)[: -len(".py")].split(os.sep)
            with open(path) as file:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(file.read(), path)
    return found


def imported(tree, known):
    """Names of the known modules that a module imports, in functions and for type checkers too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = {"%s.%s" % (node.module, alias.name) for alias in node.names}
            names |= parts & known or {node.module}
    return names & known


def circles(graph):
    """Import circles of {module: modules that it imports}: sorted lists of all modules that import one another."""
    reached = {module: reach(graph, module) for module in graph}
    found = {tuple(sorted(m for m in reached[module] if module in reached[m])) for module in graph}
    return sorted(list(circle) for circle in found if circle)


def reach(graph, start):
    """All modules that a module imports, itself or through others; itself too where a circle leads back to it."""
    seen, waiting = set(), list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting.extend(graph[module])
    return seen


@pytest.mark.parametrize(
    "graph, expected",
    [
        ({}, []),
        ({"a": ["b", "c"], "b": ["c"], "c": []}, []),
        ({"a": ["a"]}, [["a"]]),
        ({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}, [["a", "b", "c"]]),
        ({"a": ["b"], "b": ["a", "c"], "c": ["d"], "d": ["c"]}, [["a", "b"], ["c", "d"]]),
    ],
)
def test_circles_are_found_and_named(graph, expected):
    assert circles(graph) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", set()),
        ("import numpy, p.a", {"p.a"}),
        ("from p import a", {"p.a"}),
        ("from p import version", {"p"}),
        ("from p.a import x, y", {"p.a"}),
        ("def f():\n    if True:\n        from p.b import x", {"p.b"}),
        ("if TYPE_CHECKING:\n    import p.b", {"p.b"}),
    ],
)
def test_imports_are_found_wherever_they_stand(text, expected):
    assert imported(ast.parse(text), {"p", "p.a", "p.b"}) == expected


def test_the_package_has_no_import_circle():
    trees = modules(ROOT)
    graph = {name: imported(tree, set(trees)) for name, tree in trees.items()}
    assert len(graph) > 100 and sum(map(len, graph.values())) > len(graph)
    assert circles(graph) == []
