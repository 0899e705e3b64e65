import os
import subprocess
import sys

import pytest

from pose_estimation_ros.core import resources

# The prefix that has the share folder, and where the package lies below it.
LAYOUTS = {
    "colcon": ("install/pose_estimation_ros", "lib/python3.10/site-packages"),
    "debian": ("opt/ros/jazzy", "local/lib/python3.12/dist-packages"),
    "pip": ("venv", "lib/python3.11/site-packages"),
    "source": ("src", "."),
}


@pytest.fixture(params=sorted(LAYOUTS))
def prefix(request, tmp_path, monkeypatch):
    """The prefix of an installation that is empty but for the package; for "source" the source tree itself."""
    prefix, below = LAYOUTS[request.param]
    package = os.path.normpath(str(tmp_path / prefix / below / "pose_estimation_ros"))
    os.makedirs(package)
    monkeypatch.setattr(resources, "PACKAGE", package)
    return tmp_path / prefix


def make(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


def test_nothing_is_there(prefix):
    assert [folder for folder in resources.model_folders() if os.path.isdir(folder)] == []
    clip = resources.demo_clip()
    assert not os.path.exists(clip) and clip.endswith(os.path.join("test", "data", "pedestrians.mp4"))
    assert resources.config_file("cpu.yaml").endswith(os.path.join("config", "cpu.yaml"))


def test_of_an_installation_the_share_folder(prefix):
    share = prefix / "share" / "pose_estimation_ros"
    assert resources.config_file("cpu.yaml") != make(share / "config" / "cpu.yaml")
    assert resources.config_file("cpu.yaml") == str(share / "config" / "cpu.yaml")
    assert resources.demo_clip() != make(share / "data" / "pedestrians.mp4")
    assert resources.demo_clip() == str(share / "data" / "pedestrians.mp4")
    for name in ("models", "msg"):
        assert str(share / name) in resources.resource_folders(name)


def test_the_source_tree_comes_first(prefix):
    root = os.path.dirname(resources.PACKAGE)
    make(prefix / "share" / "pose_estimation_ros" / "data" / "pedestrians.mp4")
    clip = prefix.__class__(root, "test", "data", "pedestrians.mp4")
    assert resources.demo_clip() != str(clip)
    assert make(clip) == resources.demo_clip()
    assert resources.model_folders()[0] == os.path.join(root, "models")


def test_the_files_of_this_tree_are_found(repository):
    assert resources.demo_clip() == str(repository / "test" / "data" / "pedestrians.mp4")
    assert resources.config_file("cpu.yaml") == str(repository / "config" / "cpu.yaml")
    assert os.path.isfile(resources.demo_clip()) and os.path.isfile(resources.config_file("cpu.yaml"))
    assert os.path.isdir(resources.model_folders()[0])


def test_launch_files_find_them_without_numpy(repository):
    """What `ros2 launch` imports starts at once: neither numpy nor OpenCV is loaded."""
    code = "import sys; import pose_estimation_ros.core.resources; sys.exit(bool({'numpy', 'cv2'} & set(sys.modules)))"
    assert subprocess.call([sys.executable, "-c", code], cwd=str(repository)) == 0


def test_the_users_models_come_last(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert resources.user_models() == str(tmp_path / "pose_estimation_ros" / "models") == resources.model_folders()[-1]
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resources.user_models() == str(tmp_path / ".local" / "share" / "pose_estimation_ros" / "models")
