"""Find modules of the package that import themselves, however many other modules are between, from the syntax trees."""

import ast
import os
from typing import Dict, Iterable, List, Mapping, Set

PACKAGE = "pose_estimation_ros"


def modules(root: str) -> Dict[str, ast.Module]:
    """Parse all modules of the package below a folder.

    Args:
        root: Folder that holds the package.

    Returns:
        Syntax trees by dotted names.
    """
    trees = {}
    for folder, _folders, names in os.walk(os.path.join(root, PACKAGE)):
        for path in (os.path.join(folder, name) for name in names if name.endswith(".py")):
            parts = os.path.relpath(path, root)[: -len(".py")].split(os.sep)
            with open(path) as file:
                trees[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(file.read(), path)
    return trees


def imported(tree: ast.AST, known: Set[str]) -> Set[str]:
    """Name the modules that a module imports, in functions and for type checkers too.

    Args:
        tree: Syntax tree of the module.
        known: Dotted names of the modules of interest.

    Returns:
        The imported ones of them.
    """
    names: Set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = {"%s.%s" % (node.module, alias.name) for alias in node.names}
            names |= parts & known or {node.module or ""}
    return names & known


def import_graph(root: str) -> Dict[str, Set[str]]:
    """Return the modules that each module of the package below a folder imports."""
    trees = modules(root)
    return {name: imported(tree, set(trees)) for name, tree in trees.items()}


def circles(graph: Mapping[str, Iterable[str]]) -> List[List[str]]:
    """Find the import circles of a graph {module: modules that it imports}.

    Returns:
        Sorted lists of all modules that import one another.
    """
    reached = {module: _reach(graph, module) for module in graph}
    groups = {tuple(sorted(other for other in reached[module] if module in reached[other])) for module in graph}
    return sorted(list(circle) for circle in groups if circle)


def _reach(graph: Mapping[str, Iterable[str]], start: str) -> Set[str]:
    """Return all modules that a module imports, itself or through others; itself too if a circle leads back to it."""
    seen: Set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting.extend(graph[module])
    return seen
