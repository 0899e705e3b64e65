"""Videos and images to bags, read back message by message."""

import json

import cv2
import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.evaluation.bag.reading import Bag
from pose_estimation_ros.inference.messages import msg_to_poses
from pose_estimation_ros.inference.video import VideoWriter, open_source


@pytest.fixture
def photos(tmp_path):
    """Three images of different sizes, one of them a JPEG."""
    (tmp_path / "in").mkdir()
    rng = np.random.default_rng(0)
    for name, size in (("1.png", 16), ("2.jpg", 32), ("3.png", 24)):
        cv2.imwrite(str(tmp_path / "in" / name), rng.integers(0, 255, (size, 20, 3), dtype=np.uint8))
    return tmp_path / "in"


@pytest.fixture
def make(tmp_path):
    """A function that runs `pose make-bag` and returns status and path."""

    def call(source, *options, name="bag"):
        return main(["make-bag", str(source), "--out", str(tmp_path / name), *options]), tmp_path / name

    return call


def entries(path, topic):
    with Bag(path) as bag:
        return list(bag.read(topic))


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_folder(make, photos, storage):
    status, path = make(photos, "--storage", storage, "--rate", "8")
    assert status == 0 and sorted(p.name for p in path.parent.iterdir()) == ["bag", "in"]
    frames, infos = entries(path, "/camera/image_raw"), entries(path, "/camera/camera_info")
    assert [f.stamp_ns for f in frames] == [f.stamp_ns for f in infos] == [10**9, 1_125_000_000, 1_250_000_000]
    for frame, info, name in zip(frames, infos, ("1.png", "2.jpg", "3.png")):
        np.testing.assert_array_equal(frame.image(), cv2.imread(str(photos / name)))
        assert (info.message.width, info.message.height) == (20, len(frame.image())) and not info.message.k.any()


def test_compressed_files_go_in_as_they_are(make, photos):
    _, path = make(photos, "--compressed")
    frames = entries(path, "/camera/image_raw/compressed")
    assert [bytes(f.message.data) for f in frames] == [(photos / n).read_bytes() for n in ("1.png", "2.jpg", "3.png")]
    assert [f.message.format for f in frames][:2] == ["bgr8; png compressed bgr8", "bgr8; jpeg compressed bgr8"]


def test_a_video(make, tmp_path):
    writer = VideoWriter(str(tmp_path / "clip.mp4"), 5)
    for value in (40, 80, 120, 160):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.close()
    status, path = make(tmp_path / "clip.mp4", "--max-frames", "3")
    frames = entries(path, "/camera/image_raw")
    assert status == 0 and [f.stamp_ns for f in frames] == [10**9, 1_200_000_000, 1_400_000_000]
    with open_source(str(tmp_path / "clip.mp4")) as video:
        for frame, expected in zip(frames, video):
            np.testing.assert_array_equal(frame.image(), expected.image)
    _, packed = make(tmp_path / "clip.mp4", "--compressed", name="packed")
    values = [int(f.image().mean()) for f in entries(packed, "/camera/image_raw/compressed")]
    np.testing.assert_allclose(values, [40, 80, 120, 160], atol=4)


def test_annotations_get_stamps(make, photos, content, tmp_path):
    """Images 1.png and 2.jpg are annotated, the file's image 9.png is not there."""
    content["images"][1]["file_name"] = "2.jpg"
    for image, height in zip(content["images"], (16, 32)):
        image.update(width=20, height=height)
    content["images"].append({"id": 9, "file_name": "9.png"})
    (tmp_path / "a.json").write_text(json.dumps(content))
    status, path = make(photos, "--annotations", str(tmp_path / "a.json"), "--rate", "1")
    truth = json.loads((path / "truth.json").read_text())
    assert status == 0 and truth["annotations"] == content["annotations"]
    topic = "/camera/image_raw"
    assert truth["images"][0] == {**content["images"][0], "stamp_ns": 10**9, "topic": topic}
    assert truth["images"][1] == {**content["images"][1], "stamp_ns": 2 * 10**9, "topic": topic}
    people = [msg_to_poses(entry.message, 17) for entry in entries(path, "/truth/keypoints")]
    assert [poses.count for poses in people] == [2, 1], "neither the crowd nor who has no keypoints"
    given = np.reshape(content["annotations"][0]["keypoints"], (17, 3))[:, :2]
    np.testing.assert_allclose(people[0].xy[0], given, rtol=1e-6)
    np.testing.assert_array_equal(people[0].box_xyxy[0], [0, 0, 100, 100])


@pytest.mark.parametrize(
    "options, words",
    [
        (["--rate", "0"], "expected --rate above 0"),
        (["--max-frames", "0"], "--max-frames from 1"),
        (["--annotations", "none.json"], "none.json: expected a JSON file"),
    ],
)
def test_bad_options(make, photos, options, words, capsys):
    status, path = make(photos, *options)
    assert status == 1 and words in capsys.readouterr().err and not path.exists()


def test_bad_input(make, photos, content, tmp_path, capsys):
    assert make(tmp_path / "none.mp4")[0] == 1
    assert make(photos, name="in")[0] == 1 and "is there already" in capsys.readouterr().err
    content["images"][0]["file_name"] = "7.png"
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert make(photos, "--annotations", str(tmp_path / "a.json"))[0] == 1
    assert "got none of their file names" in capsys.readouterr().err
    (photos / "2.jpg").write_bytes(b"broken")
    assert make(photos)[0] == 1 and not (tmp_path / "bag").exists()
    assert "2.jpg: expected an image" in capsys.readouterr().err
