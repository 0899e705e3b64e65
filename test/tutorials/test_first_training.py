"""The commands of docs/tutorials/first-training.md, run one after the other as its reader runs them.

They are the page's; the toy set is smaller by default here, and the recipe has one short epoch. TensorRT and the GPU of
the robot are fakes, and of `ros2 launch` the node is made in this process, with the parameters of the launch file.
"""

import re

import pytest

pytest.importorskip("torch", reason="trains")
pytest.importorskip("rclpy", reason="needs ROS")
yaml = pytest.importorskip("yaml", reason="reads recipes and platform files")

import cv2  # noqa: E402
from fake_tensorrt_builder import add_builder  # noqa: E402
from launched_nodes import launched_parameters, show, words_of  # noqa: E402
from page_blocks import SHELL, blocks_of, commands_of, run_command  # noqa: E402

from pose_estimation_ros.datasets.toy.write import ToySet  # noqa: E402

PAGE = "docs/tutorials/first-training.md"
QUICK = {"epochs": 1, "epoch_samples": 32, "warmup_steps": 0, "pictures": 1, "workers": 0, "threads": 1}
IMAGES = 20
ON_ROBOT = "ros2 run pose_estimation_ros "
LAUNCH = "ros2 launch pose_estimation_ros "


def commands_of_page(page):
    """List the commands of a page's blocks of the shell, in their order."""
    return [command for block in blocks_of(page) if block.language == SHELL for command in commands_of(block.text)]


def files_of(page):
    """List the files in the first column of the page's table of files; the cache is in the working directory here."""
    rows = re.findall(r"^\| `(\S+)`(?:, `(\S+)`)? \|", page.split("## What each file is")[1], re.M)
    return [name.replace("~/.cache", "cache") for row in rows for name in row if name]


@pytest.fixture
def reader(repository, tmp_path, monkeypatch):
    """A working directory with the recipe, where the network counts as sure of its keypoints after any training."""
    fields = yaml.safe_load((repository / "config/training/toy.yaml").read_text())
    (tmp_path / "config/training").mkdir(parents=True)
    (tmp_path / "config/training/toy.yaml").write_text(yaml.safe_dump({**fields, **QUICK}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pose_estimation_ros.inference.trt.parity.CONFIDENT", 0.0)
    monkeypatch.setattr(ToySet, "images", IMAGES)
    return tmp_path


def test_commands_and_files_are_found():
    assert commands_of_page("") == []
    page = "```\na b  # c\n\nd \\\n  e\n```\n## What each file is\n| `x` | y |\n| `p`, `q` | r |\n"
    assert commands_of_page(page) == ["a b", "d e"] and files_of(page) == ["x", "p", "q"]


def test_the_commands_work_in_order_and_make_the_files(repository, reader, gpu, make_node, kept, wait_until, capfd):
    from pose_estimation_ros.nodes.pose_node import PoseNode

    page = (repository / PAGE).read_text()
    *commands, launch = commands_of_page(page)
    for command in commands:
        if command.startswith(ON_ROBOT):
            add_builder(gpu("8.2.1")[1])
        run_command(command.replace(ON_ROBOT, "", 1))
    assert re.search("^epoch,train_loss,holdout_pck\r?\n1,", capfd.readouterr().out, re.M)
    assert [file for file in files_of(page) if not list(reader.glob(file))] == []
    assert launch.startswith(LAUNCH)
    platform, arguments = words_of(launch)
    node = make_node(PoseNode, **launched_parameters(platform, **arguments))
    image = cv2.imread(str(sorted((reader / "data/toy/holdout/images").iterdir())[0]))
    people, skeleton = show(node, image, "image", kept, wait_until)
    assert skeleton.name == people.skeleton == "coco17"
    assert "instead of the configured device" not in capfd.readouterr().err
