import ast
import os

import pytest

from tools.checks import house


def source(text, path="pose_estimation_ros/core/a.py"):
    return house.Source(os.path.join(*path.split("/")), text, ast.parse(text))


def test_nothing_is_found_in_nothing():
    assert house.files_per_folder([]) == {} and house.type_comments([]) == [] and house.undocumented([]) == []
    assert house.function_lengths([]) == {} and house.first_lines([]) == [] and not house.any_mentions([])


@pytest.mark.parametrize(
    "folder, count, expected", [("core", 24, 0), ("core", 25, 1), ("nodes", 16, 0), ("nodes", 17, 1), ("a/core", 17, 1)]
)
def test_folders_that_hold_too_many_files(folder, count, expected):
    names = ["f%d.py" % i for i in range(count)] + ["__init__.py"]
    files = [source("", "pose_estimation_ros/%s/%s" % (folder, name)) for name in names]
    assert len(house.crowded(house.files_per_folder(files))) == expected


@pytest.mark.parametrize(
    "line, found",
    [("x = 1", 0), ("x = []  # type: List[int]", 1), ("x = f()  # type: ignore[arg-type]", 0), ("#type:(int)->int", 1)],
)
def test_type_comments(line, found):
    assert len(house.type_comments([source(line)])) == found


@pytest.mark.parametrize(
    "text, names",
    [
        ("", []),
        ("x = 1", [""]),
        ('"""A."""\nx = 1', []),
        ('"""A."""\ndef f(): pass', ["f"]),
        ('"""A."""\ndef f():\n    """B."""\n    def g(): pass', []),
        ('"""A."""\ndef _f(): pass', []),
        ('"""A."""\nclass C:\n    def m(self): pass\n    def __init__(self): pass', ["C", "C.m"]),
        ('"""A."""\nclass _C:\n    def m(self): pass', []),
        ('"""A."""\nif True:\n    def f(): pass', ["f"]),
    ],
)
def test_public_names_without_a_docstring(text, names):
    missing = house.undocumented([source(text)])
    assert [line.partition(" ")[2] for line in missing] == names


def test_lengths_count_all_lines_of_a_function_and_of_inner_ones():
    text = "def f():\n    def g():\n        return 1\n\n    return g\n\n\nasync def h(): pass"
    assert {name.split()[1]: n for name, n in house.function_lengths([source(text)]).items()} == {
        "f": 5,
        "g": 2,
        "h": 1,
    }


def test_any_is_counted_per_room():
    files = [
        source("x: Any = Anything"),
        source("", "pose_estimation_ros/b.py"),
        source("Any", "pose_estimation_ros/b.py"),
    ]
    assert dict(house.any_mentions(files)) == {"core": 1, ".": 1}


def test_first_lines_of_docstrings():
    text = '"""Do A.\n\nMore."""\n\n\ndef f():\n    """Do B."""'
    path = os.path.join("pose_estimation_ros", "core", "a.py")
    assert house.first_lines([source(text)]) == [path + ":1 Do A.", path + ":6 Do B."]


def test_the_package_keeps_the_rules(capsys):
    assert house.print_faults(house.sources(house.ROOT)) == 0, capsys.readouterr().out
