"""Check mmpose_dataset.py against Python itself, which runs the same texts here, and with texts that nobody may run."""

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.importing.mmpose_dataset import LARGEST_FILE, read_dataset_info


def read(tmp_path, text):
    path = tmp_path / "toy.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_dataset_info(str(path))


PLAIN = [
    "dataset_info = dict(keypoint_info={})",
    "dataset_info = {'keypoint_info': {0: dict(name='a', swap='')}, 'sigmas': []}",
    "x = 1\ndataset_info = dict(dataset_name='a' 'b', keypoint_info={}, sigmas=[1.] * 3 + [.5, -2] * 2)",
    "dataset_info = dict(keypoint_info=dict(), sigmas=[])\ndataset_info = dict(keypoint_info={1: {}}, sigmas=None)",
    "dataset_info = dict(keypoint_info={}, sigmas=" + "[" * 20 + "]" * 20 + ")",
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_values_are_those_of_python(tmp_path, text):
    names = {}
    exec(text, names)
    assert read(tmp_path, text) == names["dataset_info"]


def test_only_what_a_skeleton_needs_is_evaluated(tmp_path):
    text = "dataset_info = dict(paper_info=f(), keypoint_info={0: dict(name='a', color=COLORS[0], id=f())}, joints=g)"
    assert read(tmp_path, text) == {"keypoint_info": {0: {"name": "a"}}}


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "at the left margin, got none$"),
        ("other = dict()", "at the left margin, got none$"),
        ("def f():\n    dataset_info = dict()", "at the left margin, got none$"),
        ("data = dict(dataset_info=dict())", "inside another call"),
        ("_base_ = ['../a.py', '../b.py']", r"names: '\.\./a\.py', '\.\./b\.py'"),
        ("_base_ = 'r.py'\ntrain = dict(metainfo=dict(from_file='configs/x.py'))", "names: 'configs/x.py'$"),
        ("dataset_info = 3", "got: no dict"),
        ("dataset_info = Dict(a=1)", "got: a call other than dict.* line 1"),
        ("dataset_info = dict(**other)", "a call other than dict"),
        ("dataset_info = dict([(1, 2)])", "a call other than dict"),
        ("dataset_info = dict(sigmas=[])", "expected a keypoint_info in dataset_info, got none"),
        ("dataset_info = dict(keypoint_info=__import__('os').abort())", r"dataset_info.keypoint_info .* a call other"),
        ("dataset_info = dict(keypoint_info=name)", "keypoint_info as plain values"),
        ("dataset_info = dict(keypoint_info={}, sigmas=[i for i in range(3)])", "sigmas as plain values"),
        ("dataset_info = dict(keypoint_info={}, sigmas=[1] * 10**9)", "other than list"),
        ("dataset_info = dict(keypoint_info={}, sigmas=[1] * 1000000000)", "a list of more than 10000 items"),
        ("dataset_info = dict(keypoint_info={}, sigmas=[[1] * 9999] * 9999 * 9999)", "a list of more than 10000"),
        ("dataset_info = dict(keypoint_info={}, sigmas='x' * 5)", "other than list"),
        ("dataset_info = dict(keypoint_info={}, sigmas=1 + 2)", "other than list"),
        ("dataset_info = dict(keypoint_info={[]: 1})", "keypoint_info as plain values"),
        ("dataset_info = " + "[" * 5000, "nested too deep"),
        ("dataset_info = a" + "()" * 5000, "nested too deep"),
        ("dataset_info = " + "-" * 5000 + "1", "nested too deep"),
        ("dataset_info = 1" + "+1" * 5000, "nested too deep"),
        ("dataset_info = " + "not " * 5000 + "1", "nested too deep"),
        ("dataset_info = dict(", "expected a data set file of MMPose, got: "),
        ("dataset_info = 'a\0b'", "expected a data set file of MMPose, got: "),
        (b"\xff\xfe", "expected a Python file in UTF-8"),
        (b"#" * (LARGEST_FILE + 1), "more than 1048576 bytes"),
    ],
)
def test_anything_else_is_an_error(tmp_path, text, words):
    with pytest.raises(ConfigError, match="toy.py: .*" + words):
        read(tmp_path, text)
