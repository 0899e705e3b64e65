"""Check that no module of the package imports itself, not even through other modules."""

import ast
import os

import pytest

from tools.checks.import_circles import circles, import_graph, imported

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


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
    graph = import_graph(ROOT)
    assert len(graph) > 100 and sum(map(len, graph.values())) > len(graph)
    assert circles(graph) == []
