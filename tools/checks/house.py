#!/usr/bin/env python3
"""Measure how the package is laid out and documented, and fail where a rule of CONTRIBUTING.md is broken.

Usage, in the repository's root: ``python -m tools.checks.house [--before REVISION] [--sample N] [--seed N]``. It prints
files per folder, import circles, type comments, what has no docstring, lengths of functions, mentions of ``Any`` per
room (beside those of an older revision), and the first lines of N docstrings, chosen at random, to be read.
"""

import argparse
import ast
import collections
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from typing import Counter, Dict, Iterator, List, NamedTuple, Sequence, Tuple, Union

from tools.checks.import_circles import PACKAGE, circles, import_graph

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_FILES, MORE_FILES = 16, {"core": 24, "cli": 20}  # source files per folder, and in those that may have more
LONGEST = 60  # lines of a function
TYPE_COMMENT = re.compile(r"#\s*type:(?!\s*ignore)")
FunctionNode = (ast.FunctionDef, ast.AsyncFunctionDef)
Documented = Union[ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef]


class Source(NamedTuple):
    """Hold a source file: its path below the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module


def sources(root: str) -> List[Source]:
    """Read all Python files of the package below a folder, sorted by path."""
    files = []
    for folder, _folders, names in os.walk(os.path.join(root, PACKAGE)):
        for path in (os.path.join(folder, name) for name in names if name.endswith(".py")):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            files.append(Source(os.path.relpath(path, root), text, ast.parse(text, path)))
    return sorted(files)


def room_of(path: str) -> str:
    """Return the first folder below the package, or "." for files of the package itself."""
    parts = path.split(os.sep)
    return parts[1] if len(parts) > 2 else "."


def files_per_folder(files: Sequence[Source]) -> Dict[str, int]:
    """Count the source files of each folder, without ``__init__.py``."""
    folders = (os.path.dirname(source.path) for source in files if not source.path.endswith("__init__.py"))
    return dict(collections.Counter(folders))


def crowded(counts: Dict[str, int]) -> List[str]:
    """Name the folders that hold more files than they may."""
    most = {os.path.join(PACKAGE, room): count for room, count in MORE_FILES.items()}
    return [folder for folder, count in sorted(counts.items()) if count > most.get(folder, MOST_FILES)]


def type_comments(files: Sequence[Source]) -> List[str]:
    """Find ``# type:`` comments other than ``# type: ignore``, as path:line."""
    lines = ((source.path, n, line) for source in files for n, line in enumerate(source.text.splitlines(), 1))
    return ["%s:%d" % (path, n) for path, n, line in lines if TYPE_COMMENT.search(line)]


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[Tuple[str, Documented]]:
    """Yield qualified names and nodes of the classes, methods and functions of a module, without inner functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef,) + FunctionNode):
            yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from definitions(node, prefix + node.name + ".")
        elif isinstance(node, (ast.If, ast.Try)):
            yield from definitions(node, prefix)


def is_public(qualified_name: str) -> bool:
    """Tell whether no part of a dotted name begins with an underscore."""
    return not any(part.startswith("_") for part in qualified_name.split("."))


def undocumented(files: Sequence[Source]) -> List[str]:
    """Name the modules, public classes, functions and methods without a docstring; an empty module needs none."""
    missing = [s.path for s in files if s.tree.body and not ast.get_docstring(s.tree)]
    for source in files:
        public = ((name, node) for name, node in definitions(source.tree) if is_public(name))
        missing += [
            "%s:%d %s" % (source.path, node.lineno, name) for name, node in public if not ast.get_docstring(node)
        ]
    return missing


def function_lengths(files: Sequence[Source]) -> Dict[str, int]:
    """Count the lines of every function, inner ones too, by "path:line name"."""
    nodes = (
        (source.path, node) for source in files for node in ast.walk(source.tree) if isinstance(node, FunctionNode)
    )
    return {"%s:%d %s" % (path, n.lineno, n.name): (n.end_lineno or n.lineno) - n.lineno + 1 for path, n in nodes}


def any_mentions(files: Sequence[Source]) -> Counter[str]:
    """Count the mentions of typing.Any per room."""
    counts: Counter[str] = collections.Counter()
    for source in files:
        counts[room_of(source.path)] += len(re.findall(r"\bAny\b", source.text))
    return counts


def first_lines(files: Sequence[Source]) -> List[str]:
    """Return the first line of every docstring, as "path:line text"."""
    lines = []
    for source in files:
        for node in [source.tree] + [node for _name, node in definitions(source.tree)]:
            text = ast.get_docstring(node)
            if text:
                lines.append("%s:%d %s" % (source.path, getattr(node, "lineno", 1), text.splitlines()[0]))
    return lines


def revision(name: str, folder: str) -> List[Source]:
    """Read the package as it was at a revision, unpacked into a folder."""
    archive = subprocess.run(["git", "archive", name, PACKAGE], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return sources(folder)


def print_any_mentions(files: Sequence[Source], before: str) -> None:
    """Print the mentions of Any per room, and those of the older revision if there is one."""
    print("mentions of Any per room: %s" % _by_room(any_mentions(files)))
    if before:
        with tempfile.TemporaryDirectory() as folder:
            print("mentions of Any at %s: %s" % (before, _by_room(any_mentions(revision(before, folder)))))


def _by_room(counts: Counter[str]) -> str:
    return ", ".join("%s %d" % (room, counts[room]) for room in sorted(counts)) + ", all %d" % sum(counts.values())


def print_faults(files: Sequence[Source]) -> int:
    """Print what breaks a rule, and return how much that is."""
    lengths = function_lengths(files)
    faults = {
        "folders with more than %d files (core: %d, cli: %d)" % (MOST_FILES, *MORE_FILES.values()): crowded(
            files_per_folder(files)
        ),
        "import circles": [" ".join(circle) for circle in circles(import_graph(ROOT))],
        "type comments": type_comments(files),
        "public names without a docstring": undocumented(files),
        "functions over %d lines" % LONGEST: [name for name, lines in lengths.items() if lines > LONGEST],
    }
    for rule, broken in faults.items():
        print("%s: %d" % (rule, len(broken)))
        for where in broken:
            print("  %s" % where)
    return sum(map(len, faults.values()))


def main() -> int:
    """Print the measures and return 1 if a rule is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--before", metavar="REVISION", default="", help="compare the mentions of Any with this revision"
    )
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="show the first lines of so many docstrings")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of docstrings")
    args = parser.parse_args()
    files = sources(ROOT)
    for folder, count in sorted(files_per_folder(files).items()):
        print("%3d files in %s" % (count, folder))
    lengths = sorted(function_lengths(files).values())
    p90 = lengths[int(0.9 * (len(lengths) - 1))]
    print(
        "%d functions: median %g lines, p90 %d, longest %d"
        % (len(lengths), statistics.median(lengths), p90, lengths[-1])
    )
    print_any_mentions(files, args.before)
    for line in random.Random(args.seed).sample(first_lines(files), args.sample):
        print("  %s" % line)
    return 1 if print_faults(files) else 0


if __name__ == "__main__":
    sys.exit(main())
