"""All examples are short, say how they are run, and are run by a test."""

import ast
import glob
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = sorted(
    os.path.relpath(path, os.path.join(ROOT, "examples"))
    for path in glob.glob(os.path.join(ROOT, "examples", "**", "*.*"), recursive=True)
    if "__pycache__" not in path
)


def read(name):
    with open(os.path.join(ROOT, "examples", name)) as file:
        return file.read()


def test_there_are_some():
    assert {"image.py", "subscriber.cpp", os.path.join("train_on_my_data", "train.py")} < set(FILES)


def test_each_is_short():
    assert {name: lines for name in FILES for lines in [read(name).count("\n")] if lines >= 60} == {}


def test_each_python_file_says_what_it_does_and_how_it_is_run():
    for name in (name for name in FILES if name.endswith(".py")):
        words = ast.get_docstring(ast.parse(read(name)))
        assert "python examples/%s" % name.replace(os.sep, "/") in words, name


def test_each_has_a_test():
    for name in FILES:
        stem, kind = os.path.splitext(name)
        folder, stem = os.path.split(stem)
        test = "test_%s.py" % (stem + "_cpp" if kind == ".cpp" else stem)
        if kind != ".yaml":
            assert os.path.isfile(os.path.join(ROOT, "test", "examples", folder, test)), name


def test_the_page_on_python_shows_all_of_them():
    with open(os.path.join(ROOT, "docs", "reference", "python-api.md")) as file:
        text = file.read()
    assert [name for name in FILES if os.path.basename(name) not in text and not name.endswith(".yaml")] == []
