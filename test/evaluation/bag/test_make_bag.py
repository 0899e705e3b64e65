"""Videos and images to bags, read back message by message."""

import json
import os
import sqlite3
from unittest import mock

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Writer

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError, DataError, FrameError
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton
from pose_estimation_ros.datasets.coco_categories import annotated_skeleton, category_of
from pose_estimation_ros.evaluation.bag import make_bag
from pose_estimation_ros.evaluation.bag.files.message_types import SKELETON
from pose_estimation_ros.evaluation.bag.files.reader import Bag
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import people_of_topic, skeleton_of_topic
from pose_estimation_ros.imaging.images import read_image
from pose_estimation_ros.imaging.video import SourceFrame, VideoWriter, open_source
from pose_estimation_ros.messages.poses import msg_to_poses


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


def exif_jpeg(image):
    """A JPEG that is stored sideways, with the orientation tag 6 of phones."""
    data = cv2.imencode(".jpg", cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    tiff = b"MM\0*\0\0\0\x08" + b"\0\1" + b"\x01\x12\0\3\0\0\0\1\0\x06\0\0" + bytes(4)
    segment = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]


def file_of(suffix, *options):
    return lambda image: cv2.imencode(suffix, image, options)[1].tobytes()


def deep_png(image):
    return cv2.imencode(".png", image.astype(np.uint16) * 257)[1].tobytes()


@pytest.mark.parametrize(
    "name, content, form",
    [
        ("a.jpg", file_of(".jpg"), "jpeg"),
        ("a.JPEG", file_of(".png"), "png"),
        ("a.png", file_of(".jpg"), "jpeg"),
        ("a.jpg", exif_jpeg, "new png"),
        ("a.jpg", file_of(".webp"), "new png"),
        ("a.jpg", file_of(".bmp"), "new png"),
        ("a.jpg", file_of(".tiff"), "new png"),
        ("a.bmp", file_of(".jpg"), "jpeg"),
        ("a.png", deep_png, None),
        ("a.jpg", lambda image: file_of(".jpg")(image) + bytes(5000), "jpeg"),
    ],
)
def test_a_message_gives_the_picture_that_predict_sees(make, tmp_path, name, content, form):
    """Whatever a file is called and whatever it holds; unchanged where that is possible."""
    (tmp_path / "in").mkdir()
    data = content(np.random.default_rng(0).integers(0, 255, (64, 48, 3), dtype=np.uint8))
    (tmp_path / "in" / name).write_bytes(data)
    status, path = make(tmp_path / "in", "--compressed")
    (frame,) = entries(path, "/camera/image_raw/compressed")
    assert status == 0
    np.testing.assert_array_equal(frame.image(), read_image(tmp_path / "in" / name))
    assert frame.image().shape == (64, 48, 3)
    if form:
        assert (bytes(frame.message.data) == data) == (not form.startswith("new"))
        assert frame.message.format == f"bgr8; {form.split()[-1]} compressed bgr8"


def test_a_picture_that_no_message_can_hold(make, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "a.bmp"), np.zeros((8, 8, 3), np.uint8))
    with mock.patch.object(make_bag, "decode_compressed", side_effect=FrameError("size", "expected 1..9 pixels")):
        status, path = make(tmp_path / "in", "--compressed")
    assert status == 1 and "a.bmp: expected 1..9 pixels" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["in"]


class TimedSource:
    """Frames at uneven times, as a video of varying rate gives them."""

    kind, name, fps, length = "video", "clip.mp4", 5.0, 3

    def __iter__(self):
        for index, time_s in enumerate((0.0, 0.1, 0.6)):
            yield SourceFrame(np.zeros((8, 8, 3), np.uint8), index, time_s, self.name)


@pytest.mark.parametrize("rate, expected", [(None, [0, 0.1, 0.6]), (2.0, [0, 0.5, 1.0])])
def test_frames_keep_their_times(rate, expected):
    stamps = [stamp_ns for _, stamp_ns in make_bag.stamped(TimedSource(), rate, None)]
    assert stamps == [10**9 + round(1e9 * time_s) for time_s in expected]


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
    for image in content["images"]:
        del image["width"], image["height"]
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


@pytest.mark.parametrize("name", ["hand21", "toy"])
def test_annotations_of_another_skeleton(make, photos, tmp_path, name):
    """They can be read back; a skeleton that has no known name is described beside them."""
    skeleton = SKELETONS.get(name, Skeleton("toy", ("tip", "left_root"), ((1, 0),), (), (0.1, 0.2)))
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "area": 50}
    person["keypoints"] = [5, 6, 2] * skeleton.num_keypoints
    images = [{"id": 1, "file_name": "1.png"}]
    content = {"images": images, "annotations": [person], "categories": [category_of(skeleton)]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    status, path = make(photos, "--annotations", str(tmp_path / "a.json"))
    assert status == 0
    with Bag(path) as bag:
        assert ("/truth/skeleton" in bag.topics(SKELETON)) == (name == "toy")
        read = skeleton_of_topic(bag, "/truth/keypoints")
        ((_, people),) = people_of_topic(bag, "/truth/keypoints")
    assert read._replace(sigmas=None) == skeleton._replace(sigmas=None)
    assert read.sigmas == pytest.approx(skeleton.sigmas)
    assert people.xy.tolist() == [[[5, 6]] * skeleton.num_keypoints]
    assert annotated_skeleton(json.loads((path / "truth.json").read_text()), "f") == skeleton


@pytest.mark.parametrize("kind", [int, float, str])
def test_frames_of_a_video_by_their_annotated_ids(make, content, tmp_path, kind):
    writer = VideoWriter(str(tmp_path / "clip.mp4"), 5)
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.close()
    content["images"] = [{"id": kind(1), "file_name": "clip.mp4"}]
    content["annotations"] = [{**content["annotations"][0], "image_id": kind(1), "bbox": [0, 0, 60, 40]}]
    (tmp_path / "a.json").write_text(json.dumps(content))
    status, path = make(tmp_path / "clip.mp4", "--annotations", str(tmp_path / "a.json"))
    truth = json.loads((path / "truth.json").read_text())
    assert status == 0 and [image["stamp_ns"] for image in truth["images"]] == [1_200_000_000]
    assert len(truth["annotations"]) == 1


@pytest.mark.parametrize("size", [{"width": 300, "height": 200}, {"width": 400, "height": 600}])
def test_the_annotated_size_must_be_the_images(make, photos, content, tmp_path, size, capsys):
    """Swapped, as by an EXIF orientation, or of a copy of another size."""
    cv2.imwrite(str(photos / "1.png"), np.zeros((300, 200, 3), np.uint8))
    content["images"][0].update(file_name="1.png", **size)
    (tmp_path / "a.json").write_text(json.dumps(content))
    status, path = make(photos, "--annotations", str(tmp_path / "a.json"))
    expected = f"1.png: expected the annotated size {size['width']}x{size['height']}, got 200x300"
    assert status == 1 and expected in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["a.json", "in"]


def test_images_of_one_name_in_two_folders(make, content, tmp_path):
    """Each bag has the truth of its own folder."""
    for place, entry in enumerate(content["images"][:2]):
        entry.update(file_name=f"day{place}/1.png")
        folder = tmp_path / "images" / f"day{place}"
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "1.png"), np.zeros((entry["height"], entry["width"], 3), np.uint8))
    (tmp_path / "a.json").write_text(json.dumps(content))
    for place, entry in enumerate(content["images"][:2]):
        folder = tmp_path / "images" / f"day{place}"
        status, path = make(folder, "--annotations", str(tmp_path / "a.json"), name=f"bag{place}")
        truth = json.loads((path / "truth.json").read_text())
        assert status == 0 and [image["id"] for image in truth["images"]] == [entry["id"]]


def test_folders_of_others_are_left_alone(make, photos, tmp_path):
    for name in ("bag.unfinished", "bag.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("all of it")
    assert make(photos)[0] == 0
    assert sorted(os.listdir(tmp_path)) == ["bag", "bag.old", "bag.unfinished", "in"]
    assert (tmp_path / "bag.unfinished" / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("out", ["in/1.png/bag", "/proc/bag", "/dev/null/bag"])
def test_where_no_bag_can_be_written(photos, tmp_path, out, capsys):
    assert main(["make-bag", str(photos), "--out", str(tmp_path / out)]) == 1
    assert "pose: error: cannot write the bag" in capsys.readouterr().err


def test_a_full_disk_is_one_line(make, photos, tmp_path, monkeypatch, capsys):
    def full(*_given):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Writer, "write", full)
    assert make(photos)[0] == 1 and "disk is full" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["in"]


@pytest.mark.parametrize(
    "options, words",
    [
        (["--rate", "0"], "--rate: expected a number in 0.001..1000000.0, got '0'"),
        (["--max-frames", "0"], "--max-frames: expected a whole number of 1 or more, got '0'"),
    ],
)
def test_numbers_out_of_range(make, photos, options, words, capsys):
    with pytest.raises(SystemExit) as end:
        make(photos, *options)
    assert end.value.code == 2 and words in capsys.readouterr().err


def test_no_annotations(make, photos, capsys):
    status, path = make(photos, "--annotations", "none.json")
    assert status == 1 and "none.json: expected a JSON file" in capsys.readouterr().err and not path.exists()


def test_bad_input(make, photos, content, tmp_path, capsys):
    assert make(tmp_path / "none.mp4")[0] == 1
    assert make(photos, name="in")[0] == 1 and "which exists already" in capsys.readouterr().err
    content["images"][0]["file_name"] = "7.png"
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert make(photos, "--annotations", str(tmp_path / "a.json"))[0] == 1
    assert "got none of their file names" in capsys.readouterr().err
    (photos / "2.jpg").write_bytes(b"broken")
    assert make(photos)[0] == 1 and (tmp_path / "bag").exists()  # with the good images
    assert "2.jpg: expected an image" in capsys.readouterr().err


def test_from_python(photos, tmp_path, capsys):
    made = make_bag.make_bag(make_bag.BagConversion(photos, tmp_path / "bag", compressed=True, max_frames=2))
    assert made == (tmp_path / "bag", 2, None, 0)
    assert len(entries(made.path, "/camera/image_raw/compressed")) == 2
    (photos / "2.jpg").write_bytes(b"broken")
    warned = []
    made = make_bag.make_bag(make_bag.BagConversion(photos, tmp_path / "second"), warned.append)
    assert (made.images, made.unreadable) == (2, 1) and "2.jpg: expected an image" in warned[0] and len(warned) == 2
    assert capsys.readouterr() == ("", "")
    with pytest.raises(DataError, match="which exists already"):
        make_bag.make_bag(make_bag.BagConversion(photos, tmp_path / "bag"))


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"storage": "zip"}, "expected storage to be one of sqlite3, mcap, got 'zip'"),
        ({"rate_hz": 0.0}, "expected rate_hz to be a number in 0.001..1000000.0, or None, got 0.0"),
        ({"rate_hz": float("nan")}, "expected rate_hz to be .*, got nan"),
        ({"rate_hz": "30"}, "expected rate_hz to be .*, got '30'"),
        ({"max_frames": 0}, "expected max_frames to be a whole number of 1 or more, or None, got 0"),
        ({"max_frames": 1.5}, "expected max_frames to be .*, got 1.5"),
        ({"compressed": "no"}, "expected compressed to be true or false, got 'no'"),
        ({"annotations": 5}, "expected annotations to be a name or path, or None, got 5"),
        ({"source": 0}, "expected source to be a name or path, got 0"),
        ({"out": None}, "expected out to be a name or path, got None"),
    ],
)
def test_settings_that_are_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        make_bag.BagConversion(**{"source": "in", "out": "bag", **fields})
