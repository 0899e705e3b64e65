"""Check skeleton_files.py with small files of every kind, whose skeletons are written out here by hand."""

import json

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, get_skeleton
from pose_estimation_ros.importing.skeleton_files import read_skeleton

BIRD = Skeleton("bird", ("beak", "l_wing", "r_wing"), ((0, 1), (0, 2)), ((1, 2),), None)
BIRDS = {"id": 4, "name": "bird", "keypoints": list(BIRD.keypoints), "skeleton": [[1, 2], [1, 3]]}
COCO = {"images": [], "categories": [BIRDS]}
DATA_YAML = (
    "path: x\nkpt_shape: [3, 3]\nflip_idx: [0, 2, 1]\nnames: {0: bird}\nkpt_names:\n  0: [beak, l_wing, r_wing]\n"
)
DATA_SET = """
dataset_info = dict(
    dataset_name='bird',
    keypoint_info={
        0: dict(name='beak', id=0, swap=''),
        1: dict(name='l_wing', id=1, swap='r_wing'),
        2: dict(name='r_wing', id=2, swap='l_wing'),
    },
    skeleton_info={0: dict(link=('beak', 'l_wing')), 1: dict(link=('beak', 'r_wing'))},
    sigmas=[])
"""


def read(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return read_skeleton(path)


def pair(first, second, *flip_pairs):
    return Skeleton("b", (first, second), (), flip_pairs, None)


def categories(*entries):
    return {"categories": [dict({"id": i}, **entry) for i, entry in enumerate(entries)]}


def changed(old, new):
    return DATA_SET.replace(old, new)


def with_keypoints(count, **fields):
    return dict({"name": "x", "keypoints": ["k%d" % i for i in range(count)], "skeleton": []}, **fields)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_names(name):
    assert read_skeleton(name) is get_skeleton(name)


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("a.json", BIRD.to_json(), BIRD),
        ("a.json", dict(BIRD.to_json(), sigmas=[0.1, 0.2, 0.3]), BIRD._replace(sigmas=(0.1, 0.2, 0.3))),
        ("a.JSON", COCO, BIRD),
        (
            "a.json",
            {"categories": [dict(BIRDS, flip_pairs=[], sigmas=[1, 2, 3])]},
            BIRD._replace(flip_pairs=(), sigmas=(1.0, 2.0, 3.0)),
        ),
        ("a.json", {"categories": [dict(BIRDS, flip_pairs=[[3, 1]])]}, BIRD._replace(flip_pairs=((2, 0),))),
        ("a.py", DATA_SET, BIRD),
        ("a.py", changed("sigmas=[]", "sigmas=[.1] * 3"), BIRD._replace(sigmas=(0.1, 0.1, 0.1))),
        ("bird.yaml", DATA_YAML, BIRD._replace(links=())),
        ("bird.yml", DATA_YAML + "kpt_oks_sigmas: [1, 2, 3]", BIRD._replace(links=(), sigmas=(1.0, 2.0, 3.0))),
        ("b.yaml", "kpt_shape: [2, 2]", pair("keypoint_0", "keypoint_1")),
        ("b.yaml", "kpt_shape: [2, 2]\nkpt_names: [x, y]", pair("x", "y")),
        # The right side comes first in the file; its pairs are (left, right) all the same, where the names tell.
        ("b.yaml", "kpt_shape: [2, 2]\nkpt_names: [R_x, L_x]\nflip_idx: [1, 0]", pair("R_x", "L_x", (1, 0))),
        ("b.yaml", "kpt_shape: [2, 2]\nkpt_names: [x, y]\nflip_idx: [1, 0]", pair("x", "y", (0, 1))),
        # Names that tell sides, in a file that says that nothing is exchanged.
        ("b.yaml", "kpt_shape: [2, 2]\nkpt_names: [R_x, L_x]\nflip_idx: [0, 1]", pair("R_x", "L_x")),
    ],
)
def test_files(tmp_path, name, text, expected):
    assert read(tmp_path, name, text) == expected


@pytest.mark.parametrize("count", [1, 255])
def test_any_number_of_keypoints(tmp_path, count):
    names = tuple("k%d" % i for i in range(count))
    assert read(tmp_path, "a.json", categories(with_keypoints(count))).keypoints == names
    assert read(tmp_path, "b.yaml", "kpt_shape: [%d, 3]" % count).num_keypoints == count


@pytest.mark.parametrize("known", ["coco17", "hand21", "wholebody133"])
def test_a_file_of_a_built_in_skeleton_is_that_unless_its_sigmas_or_pairs_are_others(tmp_path, known):
    skeleton = get_skeleton(known)
    entry = {"name": "person", "keypoints": list(skeleton.keypoints)}
    assert read(tmp_path, "a.json", categories(entry)) is skeleton
    assert read(tmp_path, "a.json", categories(dict(entry, sigmas=list(skeleton.sigmas)))) is skeleton
    yaml = "kpt_shape: [%d, 3]\nkpt_names: %s\n" % (skeleton.num_keypoints, json.dumps(skeleton.keypoints))
    assert read(tmp_path, "a.yaml", yaml + "flip_idx: %s" % skeleton.flip_index.tolist()) is skeleton
    exchanged = [1, 0] + list(range(2, skeleton.num_keypoints))
    assert read(tmp_path, "a.yaml", yaml + "flip_idx: %s" % exchanged).flip_pairs == ((0, 1),)
    other = list(skeleton.oks_sigmas)[::-1]
    assert read(tmp_path, "a.yaml", yaml + "kpt_oks_sigmas: %s" % other).sigmas == tuple(other)


@pytest.mark.parametrize(
    "entries, expected",
    [
        ([{"name": "car"}, with_keypoints(2)], 2),
        ([with_keypoints(2, name="cat"), with_keypoints(3, name="Person")], 3),
        ([with_keypoints(2, name="cat"), with_keypoints(2, name="dog")], 2),
    ],
)
def test_the_category_is_one_for_all_or_the_person(tmp_path, entries, expected):
    assert read(tmp_path, "a.json", categories(*entries)).num_keypoints == expected


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.json", "", "expected a JSON file"),
        ("a.json", "[]", "expected keypoints, categories, kpt_shape or dataset_info"),
        ("a.json", {}, "expected keypoints, categories"),
        ("a.json", {"images": []}, "expected keypoints, categories.*images"),
        ("a.json", dict(BIRD.to_json(), sigmas=[0.1]), "expected sigmas as null or 3 numbers"),
        ("a.json", dict(BIRD.to_json(), more=1), "expected a skeleton with name, keypoints and links"),
        ("a.json", {"categories": 3}, r"expected categories of the same keypoints, .*got \[\]"),
        ("a.json", categories({"name": "car"}), r"expected categories of the same keypoints, .*got \[\]"),
        ("a.json", categories(with_keypoints(2, name="cat"), with_keypoints(3, name="dog")), "'cat', 'dog'"),
        ("a.json", categories(with_keypoints(256)), "keypoints: expected up to 255 .* one byte, got 256"),
        ("a.json", categories(with_keypoints(2, skeleton=[[0, 1]])), r"whole numbers from 1 to 2, got \[0, 1\]"),
        ("a.json", categories(with_keypoints(2, skeleton=[[1, 3]])), r"whole numbers from 1 to 2, got \[1, 3\]"),
        ("a.json", categories(with_keypoints(2, skeleton=[[1, 1]])), "expected links as pairs of different"),
        ("a.json", categories(with_keypoints(2, skeleton=7)), "whole numbers from 1 to 2, got 7"),
        (
            "a.json",
            categories(with_keypoints(2, flip_pairs=[[0, 1]])),
            r"flip_pairs as pairs of .* from 1 to 2, got \[0",
        ),
        ("a.json", categories(with_keypoints(2, keypoints=["a", "a"])), "expected different names in keypoints, "),
        ("a.json", categories(with_keypoints(2, keypoints="ab")), "expected keypoints as a list of names"),
        ("a.json", categories(with_keypoints(2, keypoints=["a", 1])), "expected keypoints as a list of names"),
        ("a.yaml", "{", "expected YAML"),
        ("a.yaml", "kpt_shape: 3", "expected kpt_shape"),
        ("a.yaml", "kpt_shape: [3]", "expected kpt_shape"),
        ("a.yaml", "kpt_shape: [3, 4]", "expected kpt_shape"),
        ("a.yaml", "kpt_shape: [0, 3]", "expected kpt_shape"),
        ("a.yaml", "kpt_shape: [308, 3]", "kpt_shape: expected up to 255 .* one byte, got 308"),
        ("a.yaml", "kpt_shape: [3, 3]\nflip_idx: [0, 1]", "expected flip_idx as 3 indices"),
        ("a.yaml", "kpt_shape: [3, 3]\nflip_idx: 3", "expected flip_idx as 3 indices"),
        ("a.yaml", "kpt_shape: [3, 3]\nflip_idx: [1, 2, 0]", "expected flip_idx to exchange keypoints by pairs"),
        ("a.yaml", "kpt_shape: [3, 3]\nflip_idx: [0, 1, 3]", "expected flip_idx to exchange .* got 3 at 2"),
        ("a.yaml", "kpt_shape: [3, 3]\nkpt_names: [a, b]", "expected kpt_names as 3 names, as kpt_shape says, got 2"),
        ("a.yaml", "kpt_shape: [2, 3]\nkpt_names: [a, a]", "expected different names in kpt_names, got 'a' twice"),
        ("a.yaml", "kpt_shape: [1, 3]\nkpt_names: {0: [a], 1: [b]}\nnames: [cat, dog]", "'cat', 'dog'"),
        ("a.yaml", "kpt_shape: [2, 3]\nkpt_oks_sigmas: [0.1]", "expected sigmas as null or 2 numbers"),
        ("a.py", "x = 1", "expected dataset_info"),
        ("a.py", changed("swap='r_wing'", "swap='tail'"), "swap to be the name of a keypoint, got 'tail'"),
        ("a.py", changed("swap='r_wing'", "swap=''"), "expected keypoint_info to swap .* got r_wing with l_wing"),
        ("a.py", changed("'beak', 'l_wing'", "'beak', 'tail'"), "link to be the name of a keypoint, got 'tail'"),
        ("a.py", changed("('beak', 'l_wing')", "'beak'"), "links of two names, got 'beak'"),
        ("a.py", changed("sigmas=[]", "sigmas=[.1]"), "expected sigmas as null or 3 numbers"),
        ("a.py", changed("1: dict(name", "5: dict(name"), r"expected keypoint_info as \{0: dict"),
        ("a.py", changed("name='l_wing'", "name='beak'"), "different names in keypoint_info, got 'beak'"),
        ("a.txt", "", "expected a skeleton in a file .json, .yaml or .py"),
    ],
)
def test_wrong_files_are_errors_that_name_file_and_field(tmp_path, name, text, words):
    with pytest.raises(ConfigError, match=name + ": .*" + words):
        read(tmp_path, name, text)


@pytest.mark.parametrize("name", ["", "coco18", "no_such.json", "."])
def test_unknown_names_and_files(name):
    with pytest.raises(ConfigError, match="expected a skeleton out of ap10k, coco17.*or a file .*got '%s'" % name):
        read_skeleton(name)


def test_without_pyyaml(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ConfigError, match="a.yaml: expected PyYAML"):
        read(tmp_path, "a.yaml", DATA_YAML)
