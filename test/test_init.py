"""The names of the package itself: loaded when they are used, and not before."""

import ast
import copy
import importlib
import importlib.util
import inspect
import os
import pickle
import subprocess
import sys

import pytest

import pose_estimation_ros

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMES = ["PoseEstimator", "Poses", "__version__", "draw_poses", "load_model"]


def run(code):
    """Run code in a Python of its own; returns what it printed."""
    command = [sys.executable, "-c", code]
    return subprocess.check_output(command, cwd=ROOT, universal_newlines=True, stderr=subprocess.STDOUT).strip()


@pytest.mark.parametrize(
    "statement, loaded",
    [
        ("import pose_estimation_ros", []),
        ("import pose_estimation_ros as p; p.__version__, dir(p), p.__path__", []),
        ("from pose_estimation_ros import __main__", []),
        ("import pose_estimation_ros\ntry: pose_estimation_ros.nothing\nexcept AttributeError: pass", []),
        ("from pose_estimation_ros import Poses", ["numpy"]),
        ("from pose_estimation_ros import draw_poses", ["cv2", "numpy"]),
        ("from pose_estimation_ros import *", ["cv2", "numpy"]),
    ],
)
def test_only_what_is_used_is_loaded(statement, loaded):
    code = "import sys\n%s\nprint(sorted({'cv2', 'numpy', 'rclpy', 'torch'} & set(sys.modules)))" % statement
    assert run(code) == str(loaded)


def test_messages_load_none_of_our_modules():
    """Whatever the generated messages need by themselves, this package adds nothing."""
    if importlib.util.find_spec("pose_estimation_ros.msg") is None:
        pytest.skip("needs the messages built by ROS")
    code = (
        "import sys, pose_estimation_ros.msg; print([m for m in sys.modules if m.startswith('pose_estimation_ros.')])"
    )
    rest = [name for name in ast.literal_eval(run(code)) if not name.startswith("pose_estimation_ros.msg")]
    assert [name for name in rest if "pose_estimation_ros_s__" not in name] == []
    assert "cv2" not in run("import sys, pose_estimation_ros.msg; print(sorted(m for m in sys.modules if m == 'cv2'))")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name):
    assert name in dir(pose_estimation_ros) and name in pose_estimation_ros.__all__
    assert getattr(pose_estimation_ros, name) is getattr(pose_estimation_ros, name)


def test_they_are_the_names_of_their_modules():
    from pose_estimation_ros.core.poses import Poses
    from pose_estimation_ros.imaging.draw import draw_poses
    from pose_estimation_ros.inference.pose_estimator import PoseEstimator, load_model

    expected = [PoseEstimator, Poses, pose_estimation_ros.__version__, draw_poses, load_model]
    assert [getattr(pose_estimation_ros, name) for name in NAMES] == expected
    assert sorted(pose_estimation_ros.__all__) == NAMES == dir(pose_estimation_ros)


@pytest.mark.parametrize(
    "name, hint",
    [
        ("PoseEstimater", ", did you mean 'PoseEstimator'?"),
        ("draw_pose", ", did you mean 'draw_poses'?"),
        ("quaternion", ""),
        ("__wrapped__", ""),
    ],
)
def test_a_mistyped_name(name, hint):
    with pytest.raises(AttributeError) as error:
        getattr(pose_estimation_ros, name)
    assert str(error.value) == "module 'pose_estimation_ros' has no attribute %r%s" % (name, hint)
    assert not hasattr(pose_estimation_ros, name)


def test_submodules_are_still_found():
    assert run(
        "from pose_estimation_ros import core; from pose_estimation_ros.core import oks; print(oks.__name__)"
    ) == ("pose_estimation_ros.core.oks")
    with pytest.raises(ImportError):
        importlib.import_module("pose_estimation_ros.nothing")


def test_it_is_loaded_again_without_harm():
    code = """
import importlib, pose_estimation_ros
first, path = pose_estimation_ros.Poses, list(pose_estimation_ros.__path__)
again = importlib.reload(pose_estimation_ros)
print(again is pose_estimation_ros, again.Poses is first, list(again.__path__) == path, type(again).__name__)
"""
    assert run(code) == "True True True _LazyPackage"


def test_what_looks_into_modules_still_works():
    assert inspect.ismodule(pose_estimation_ros) and inspect.getsource(pose_estimation_ros)
    assert pickle.loads(pickle.dumps(pose_estimation_ros.Poses)) is pose_estimation_ros.Poses
    for clone in (copy.copy, copy.deepcopy, pickle.dumps):  # as for any module
        with pytest.raises(TypeError):
            clone(pose_estimation_ros)


def test_type_checkers_see_the_same_names():
    """What stands below TYPE_CHECKING is what is loaded."""
    with open(os.path.join(ROOT, "pose_estimation_ros", "__init__.py")) as file:
        tree = ast.parse(file.read())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == pose_estimation_ros._MODULES and sorted([*seen, "__version__"]) == NAMES
