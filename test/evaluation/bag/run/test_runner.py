"""Runs over recordings that are odd, broken or stopped: all that can be done is done and kept."""

import json
import os

import numpy as np
import pytest
from bag_images import TOPIC, image_message
from rosbags.rosbag2 import StoragePlugin, Writer

from pose_estimation_ros.cli import evaluate_bag as command
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.run import jobs
from pose_estimation_ros.imaging.video import open_source


def test_odd_frames_are_counted(evaluate, save_bag, blob):
    """A stamp twice, one out of order, one size more, one image that is none."""
    images = [np.zeros((128, 96, 3), np.uint8) for _ in range(4)] + [np.zeros((64, 96, 3), np.uint8)]
    broken = image_message(images[0], 7 * 10**9)
    broken.encoding = "32FC1"
    path = save_bag("bag", [s * 10**9 for s in (1, 3, 2, 3, 5)], images, more=[(TOPIC, broken, 7 * 10**9)])
    status, (run,) = evaluate(path)
    assert status == 0 and run["frames"] == {
        "in_bag": 6,
        "read": 6,
        "answered": 5,
        "unusable": {"encoding": 1},
        "sizes": {"96x128": 4, "96x64": 1},
        "without_stamp": 0,
        "stamp_repeated": 1,
        "stamp_out_of_order": 0,  # sqlite3 hands messages out in order of recording, which here was that of the stamps
    }


def cut(path):
    """Takes the index and the last whole chunk off an MCAP file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.95)])


def test_what_is_there_of_a_cut_bag_is_evaluated(evaluate, save_bag, stamps, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 255, (5, 320, 320, 3), dtype=np.uint8)
    whole, broken = (save_bag(name, stamps(5), images, "mcap") for name in ("whole", "broken"))
    cut(broken / "broken.mcap")
    status, runs = evaluate(broken, whole, "--no-video")
    assert status == command.PARTIAL == 3
    assert [run["partial"] for run in runs] == [True, False] and [run["frames"]["answered"] for run in runs] == [4, 5]
    assert runs[0]["partial_reason"] == "broken.mcap is cut short"
    assert "PARTIAL: broken.mcap is cut short" in capsys.readouterr().out


def test_one_bag_that_fails_does_not_stop_the_others(evaluate, save_bag, stamps, tmp_path, capsys):
    empty = save_bag("empty", [], [], more=[("/info", image_message(np.zeros((1, 1, 3), np.uint8), 5), 5)])
    broken = image_message(np.zeros((2, 2, 3), np.uint8), 5)
    broken.encoding = "32FC1"
    unusable = save_bag("unusable", [], [], more=[(TOPIC, broken, 5)])
    status, runs = evaluate(tmp_path / "none", unusable, empty, save_bag("bag", stamps(2)), "--topic", TOPIC)
    assert status == 1 and [run["bag"] for run in runs] == ["bag"]
    errors = capsys.readouterr().err
    assert (
        "which does not exist" in errors
        and "none of 1 images of /camera/image_raw could be used: the first: " in errors
    )
    assert "expected images on /camera/image_raw, the topics with images are: /info" in errors
    assert sorted(os.listdir(tmp_path / "out")) == ["bag", "report.html", "summary.json", "unusable"]
    assert os.listdir(tmp_path / "out" / "unusable") == [], "no half results of what failed"


def redefined(folder, definition, data=b"\0\1\0\0" + bytes(200)):
    """A bag that defines images in its own way."""
    with Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(TOPIC, "sensor_msgs/msg/Image", msgdef=definition, rihs01="RIHS01_0")
        writer.write(connection, 5, data)
    return folder


@pytest.mark.parametrize(
    "definition, words",
    [
        ("uint32 height\nuint8[] data", "expected sensor_msgs/msg/Image with the fields std_msgs/msg/Header header, "),
        ("std_msgs/Header header\nfloat32[] data", "got std_msgs/msg/Header header, float32[] data"),
        ("?!", "cannot read the bag's definition of sensor_msgs/msg/Image"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_odd_bag_costs_itself_alone(evaluate, save_bag, stamps, tmp_path, capsys, definition, words, workers):
    odd, good = redefined(tmp_path / "odd", definition), save_bag("good", stamps(2))
    status, runs = evaluate(odd, good, "--workers", workers, "--no-video")
    errors = capsys.readouterr().err
    assert status == 1 and [run["bag"] for run in runs] == ["good"]
    assert errors.count(words) == 1 and "Traceback" not in errors and "once more" not in errors
    page = (tmp_path / "out" / "report.html").read_text()
    assert "good" in page and "Failed: " in page


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"images": [{"stamp_ns": 1}], "annotations": [3]}', "\0", '{"images": 3}', "[]"],
)
def test_an_odd_truth_costs_its_bag_alone(evaluate, save_bag, stamps, tmp_path, capsys, text):
    odd, good = save_bag("odd", stamps(2)), save_bag("good", stamps(2))
    (odd / "truth.json").write_text(text)
    status, runs = evaluate(odd, good, "--no-video")
    errors = capsys.readouterr().err
    assert status == 1 and [run["bag"] for run in runs] == ["good"]
    assert errors.count("pose: error: ") == 1 and "truth.json: " in errors and "once more" not in errors


def test_what_nobody_foresaw_costs_its_bag_alone(evaluate, save_bag, stamps, tmp_path, monkeypatch, capsys):
    opened = jobs.Bag

    def odd_is_odd(path):
        if str(path).endswith("odd"):
            raise ZeroDivisionError("nobody foresaw this")
        return opened(path)

    monkeypatch.setattr(jobs, "Bag", odd_is_odd)
    status, runs = evaluate(save_bag("odd", stamps(2)), save_bag("good", stamps(2)), "--no-video")
    errors = capsys.readouterr().err
    assert status == 1 and [run["bag"] for run in runs] == ["good"]
    assert errors.count("unexpected ZeroDivisionError: nobody foresaw this") == 1 and "Traceback" not in errors
    assert "nobody foresaw this" in (tmp_path / "out" / "odd" / "traceback.txt").read_text()


def test_only_what_may_go_away_is_tried_again(evaluate, save_bag, stamps, monkeypatch, capsys):
    opened, tried = jobs.Bag, []

    def short_of_memory(path):
        tried.append(str(path))
        if len(tried) == 1:
            raise MemoryError
        return opened(path)

    monkeypatch.setattr(jobs, "Bag", short_of_memory)
    first, second = save_bag("first", stamps(2)), save_bag("second", stamps(2))
    status, runs = evaluate(first, "none", second, "--no-video")
    assert status == 1 and [run["bag"] for run in runs] == ["first", "second"]
    assert tried == [str(first), "none", str(second), str(first)]
    assert "to be tried once more: " in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_done(evaluate, save_bag, stamps, tmp_path, monkeypatch):
    seen = []

    def until_ctrl_c(pipeline):
        def estimate(image, frame):
            seen.append(frame.index)
            if len(seen) == 4:
                raise KeyboardInterrupt
            return pipeline(image, 1e-9 * frame.stamp_ns)

        return estimate

    monkeypatch.setattr(jobs, "by_pipeline", until_ctrl_c)
    status, (run,) = evaluate(save_bag("bag", stamps(6)), save_bag("next", stamps(6)))
    assert status == 130 and run["partial"] and run["partial_reason"] == "stopped by Ctrl-C after 3 frames"
    assert (run["frames"]["in_bag"], run["frames"]["read"], run["frames"]["answered"]) == (6, 4, 3)
    folder = tmp_path / "out" / "bag" / "color_model"
    assert len(json.loads((folder / "keypoints.json").read_text())) == 3
    with Bag(folder / "pose_bag") as bag, open_source(str(folder / "annotated.mp4")) as video:
        assert len(list(bag.read("/pose/keypoints"))) == len(list(video)) == 3
