import itertools
import os
import re

import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError, FrameError, ModelError
from pose_estimation_ros.imaging.video import VideoWriter
from pose_estimation_ros.inference.pose_estimator import PoseEstimator, as_bgr, load_model


@pytest.fixture
def estimator(color_model):
    """A function that makes an estimator of the color model, closed at the end."""
    opened = []

    def make(**options):
        opened.append(PoseEstimator(color_model, **dict({"detector": "full_frame", "threads": 1}, **options)))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def spot(blob):
    """A function: (x, y) -> an image 96x128 with a white spot there, which the model takes for all joints."""

    def make(x, y):
        image = np.zeros((128, 96, 3), np.uint8)
        blob(image, (x, y), (255, 255, 255), sigma=4)
        return image

    return make


def test_an_image_without_anybody(estimator):
    poses = estimator(person_threshold=0.9)(np.zeros((64, 48, 3), np.uint8))
    assert len(poses) == 0 and poses.skeleton.name == "coco17"


def test_an_image(estimator, spot):
    estimate = estimator()
    poses = estimate(spot(40, 60))
    assert len(poses) == 1 and np.abs(poses[0].xy - [40, 60]).max() < 6
    assert poses.skeleton is estimate.skeleton and poses[0]["left_wrist"].score > 0.4
    assert estimate.names == poses.skeleton.keypoints and estimate.names[0] == "nose"


def test_images_have_nothing_to_do_with_each_other(estimator, spot):
    """No ids and no smoothing: the second answer is the same as if the first image had not been."""
    estimate, first, second = estimator(), spot(30, 60), spot(60, 60)
    alone = estimate(second)
    estimate(first)
    after = estimate(second)
    assert after.track_id.tolist() == [-1] and np.array_equal(alone.xy, after.xy)
    assert np.array_equal(alone.velocity, after.velocity)


def test_every_image_is_looked_at_by_the_detector(estimator, spot):
    calls = []

    def detector(image):
        calls.append(image)
        return [[0, 0, 96, 128]], [1.0]

    estimate = estimator(detector=detector)
    for x in (30, 40, 50):
        estimate(spot(x, 60))
    assert len(calls) == 3


def test_tracking_gives_ids_and_smooths(estimator, spot):
    estimate = estimator(tracking=True)
    found = [estimate(spot(x, 60), stamp_s=0.1 * i) for i, x in enumerate((30, 30, 30, 40))]
    assert [poses.track_id.tolist() for poses in found] == [[1]] * 4
    assert found[0].xy[0, 0, 0] + 3 < found[3].xy[0, 0, 0] < estimator()(spot(40, 60)).xy[0, 0, 0] - 0.5
    estimate.reset()
    assert estimate(spot(30, 60), stamp_s=0.4).track_id.tolist() == [2]


@pytest.mark.parametrize("seconds, ids", [(0.1, [1, 1, 1]), (60.0, [1, 1, 2])])
def test_without_a_stamp_the_time_of_the_call_counts(estimator, spot, monkeypatch, seconds, ids):
    clock = iter([100.0, 100.1, 100.1 + seconds])
    monkeypatch.setattr("pose_estimation_ros.inference.pose_estimator.time.monotonic", lambda: next(clock))
    estimate = estimator(tracking=True)
    assert [estimate(spot(30, 60)).track_id[0] for _ in range(3)] == ids


@pytest.mark.parametrize(
    "stamp_s",
    [
        "0.1",
        float("nan"),
        float("inf"),
        pytest.param(10**400, id="huge"),
        np.array(0.1),
        np.array([0.1]),
        True,
        1j,
        [0.1],
    ],
)
def test_what_is_no_time_is_refused_and_spoils_nothing(estimator, spot, stamp_s):
    estimate, untouched = estimator(tracking=True), estimator(tracking=True)
    assert estimate(spot(30, 60), 0.0).track_id.tolist() == [1]
    with pytest.raises(ConfigError, match="expected stamp_s to be a time in seconds, got "):
        estimate(spot(40, 60), stamp_s)
    found = estimate(spot(32, 60), 0.1)
    untouched(spot(30, 60), 0.0)
    assert np.array_equal(found.xy, untouched(spot(32, 60), 0.1).xy) and found.track_id.tolist() == [1]


@pytest.mark.parametrize("number", [int, float, np.int64, np.float32])
def test_any_number_is_a_time(estimator, spot, number):
    estimate = estimator(tracking=True)
    assert [estimate(spot(30, 60), number(stamp)).track_id[0] for stamp in (0, 1, 2, 60)] == [1, 1, 1, 2]


def test_boxes_that_are_known_already(estimator, spot):
    boxes = np.array([[20, 40, 60, 80]], np.float64)
    assert estimator()(spot(40, 60), boxes=boxes).box_xyxy.tolist() == boxes.tolist()


@pytest.mark.parametrize("convert", [lambda image: image[..., 0], lambda image: image[..., :1]])
def test_a_grey_image(estimator, spot, convert):
    estimate = estimator()
    assert np.array_equal(estimate(convert(spot(40, 60))).xy, estimate(spot(40, 60)).xy)


def test_a_bgra_image_is_its_colours(blob):
    image = np.random.RandomState(0).randint(0, 256, (5, 7, 4)).astype(np.uint8)
    assert np.array_equal(as_bgr(image), image[..., :3])


@pytest.mark.parametrize(
    "image, words",
    [
        (None, "got None: cv2.imread returns that for a file it cannot read"),
        ("people.jpg", "got 'people.jpg'"),
        ([[0, 0], [0, 0]], "got a list"),
        (np.zeros((4, 4, 3)), "got an array (4, 4, 3) float64"),
        (np.zeros((4, 4, 3), np.uint16), "got an array (4, 4, 3) uint16"),
        (np.zeros((4, 4), bool), "got an array (4, 4) bool"),
        (np.zeros((1, 4, 4, 3), np.uint8), "got an array (1, 4, 4, 3) uint8"),
        (np.zeros(3, np.uint8), "got an array (3,) uint8"),
        (np.zeros((3, 48, 64), np.uint8), "got (3, 48, 64) uint8"),
        (np.zeros((0, 4), np.uint8), "got (0, 4, 1) uint8"),
    ],
)
def test_what_is_no_image(estimator, spot, image, words):
    estimate = estimator()
    with pytest.raises(FrameError, match=re.escape(words)) as error:
        estimate(image)
    assert "(H, W, 3) uint8" in str(error.value)
    assert len(estimate(spot(40, 60))) == 1, "the next one works"


@pytest.mark.parametrize(
    "options, words",
    [
        ({"scoer_threshold": 0.3}, "unknown option 'scoer_threshold'; did you mean 'score_threshold'?"),
        ({"colour": "red"}, "unknown option 'colour'; known: background_detector, "),
        ({"score_threshold": 2.0}, "expected score_threshold in 0.0..1.0, got 2.0"),
        ({"smoothing": True}, "expected tracking=True beside smoothing=True"),
        ({"detector": None}, '"full_frame" uses none'),
        ({"detect_every_s": 0.5}, "expected detect_every_s=0 without tracking, got 0.5"),
        ({"detect_every": 0, "tracking": True}, "expected detect_every in 1..1000, got 0"),
        ({"device": "gpu"}, "expected device to be one of auto, cpu, cuda, tensorrt-ep, openvino, engine, got 'gpu'"),
        ({"device": None}, "expected device to be one of auto, cpu, cuda, tensorrt-ep, openvino, engine, got None"),
        ({"cpu_engine": "openvino"}, "unknown option 'cpu_engine'; its name is 'device' now"),
        ({"device": "cpu", "detector": "x.engine"}, "expected an .onnx model for device cpu, got x.engine"),
    ],
)
def test_options_that_are_refused(estimator, options, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        estimator(**options)


@pytest.mark.parametrize("model", [None, b"x", 3])
def test_a_model_needs_a_name(model):
    with pytest.raises(ConfigError, match="expected model to be a name or a path, got "):
        PoseEstimator(model)
    with pytest.raises(ConfigError, match="expected model to be a name or a path, got "):
        load_model(model)


def test_a_model_that_is_not_there():
    with pytest.raises(ModelError, match="no_such_model"):
        PoseEstimator("no_such_model", device="cpu")


def test_a_path_need_not_be_a_text(color_model, spot):
    import pathlib

    with PoseEstimator(pathlib.Path(color_model), "full_frame", detect_every_s=0, device="cpu") as estimate:
        assert len(estimate(spot(40, 60))) == 1


def test_a_detector_of_ones_own(estimator, spot):
    """Lists will do, best last; its name stands in the options."""

    def mine(image):
        assert image.shape == (128, 96, 3)
        return [[0, 0, 20, 20], [20, 40, 60, 80]], [0.3, 0.9]

    estimate = estimator(detector=mine, max_people=1)
    assert estimate(spot(40, 60)).box_xyxy.tolist() == [[20, 40, 60, 80]]
    assert estimate.pipeline.detector_name == "mine"


def test_a_detector_that_finds_nobody(estimator, spot):
    assert len(estimator(detector=lambda image: ([], []))(spot(40, 60))) == 0


@pytest.mark.parametrize(
    "answer",
    [None, [], [[0, 0, 9, 9]], ([[0, 0, 9, 9]], [1.0, 0.5]), ([[0, 0, 9]], [1.0]), ([["a", 0, 9, 9]], [1.0]), 7]
    + [([[0, 0, 9, 9]] * 2, [[1.0], [0.5]]), (np.ones((4, 2)), [1.0, 0.5]), ([[0, 0, 9, 9]], 1.0), ([0, 0, 9, 9], [1])]
    + [([[0, 0, 9, 9]], []), ([], [1.0]), ([[0, 0, 9, 10**400]], [1.0])],
)
def test_a_detector_that_answers_something_else(estimator, spot, answer):
    with pytest.raises(ConfigError, match=r"expected the detector to return boxes \(N, 4\) and scores \(N,\), got"):
        estimator(detector=lambda image: answer)(spot(40, 60))


WIDE = [50, 20, 30, 60]  # x, y, width, height


@pytest.mark.parametrize("boxes", [[WIDE], [[0, 0, 9, np.nan]], [[0, 0, 9, np.inf]], [[0, 0, 9, 9], WIDE]])
def test_boxes_of_another_form_are_refused(estimator, spot, boxes):
    """A detector's, and those that a caller gives; best first is the order of neither fault."""
    words = r"to be left, top, right, bottom, got \[.*\]: is that x, y, width, height"
    with pytest.raises(ConfigError, match="expected boxes " + words):
        estimator()(spot(40, 60), boxes=boxes)
    with pytest.raises(ConfigError, match="expected the detector's boxes " + words):
        estimator(detector=lambda image: (boxes, np.ones(len(boxes))))(spot(40, 60))


@pytest.mark.parametrize("boxes", ["x", [1, 2, 3, 4], np.ones((2, 5)), [[1, 2], [3]]])
def test_what_are_no_boxes(estimator, spot, boxes):
    with pytest.raises(ConfigError, match=r"expected boxes to be an array \(N, 4\), got"):
        estimator()(spot(40, 60), boxes=boxes)


@pytest.mark.parametrize("boxes", [[], np.zeros((0, 4)), [[20, 40, 20, 40]]])
def test_boxes_without_anybody(estimator, spot, boxes):
    assert len(estimator()(spot(40, 60), boxes=boxes)) == 0


@pytest.fixture
def clip(tmp_path, spot):
    path = str(tmp_path / "clip.mp4")
    writer = VideoWriter(path, 10)
    for x in (30, 31, 32, 33):
        writer.write(spot(x, 60))
    writer.close()
    return path


@pytest.mark.parametrize("tracking, ids", [(False, [-1] * 4), (True, [1] * 4)])
def test_a_video(estimator, clip, tracking, ids):
    frames = list(estimator(tracking=tracking).video(clip))
    assert [poses.track_id[0] for _, poses in frames] == ids
    assert all(image.shape == (128, 96, 3) and image.max() > 100 for image, _ in frames)


def test_a_second_video_has_other_people(estimator, clip):
    estimate = estimator(tracking=True)
    assert [[poses.track_id[0] for _, poses in estimate.video(clip)] for _ in range(2)] == [[1] * 4, [2] * 4]


def moving(estimate, spot, start_s):
    """What is found of somebody who moves, after a reset, from a time on."""
    estimate.reset()
    return [estimate(spot(x, 60), start_s + 0.1 * i) for i, x in enumerate((30, 36, 42, 48))]


def same_people(first, second):
    return all(np.array_equal(a.xy, b.xy) and np.array_equal(a.velocity, b.velocity) for a, b in zip(first, second))


def test_a_reset_begins_a_new_stream(estimator, spot):
    """Of the same times, and of later ones: nothing is measured from the end of the stream before."""
    estimate = estimator(tracking=True)
    first, second, later = (moving(estimate, spot, start_s) for start_s in (1.0, 1.0, 1.5))
    assert np.abs(first[-1].velocity).max() > 0 and same_people(first, second)
    assert [poses.track_id[0] for poses in first + second + later] == [1] * 4 + [2] * 4 + [3] * 4
    assert np.allclose(later[-1].xy, first[-1].xy, atol=1e-3)


def test_a_second_video_is_measured_as_the_first(estimator, spot, tmp_path):
    writer = VideoWriter(str(tmp_path / "clip.mp4"), 10)
    for x in (30, 36, 42, 48):
        writer.write(spot(x, 60))
    writer.close()
    estimate = estimator(tracking=True)
    first, second = ([poses for _, poses in estimate.video(tmp_path / "clip.mp4")] for _ in range(2))
    assert np.abs(first[-1].velocity).max() > 0 and same_people(first, second)


def test_unreadable_images_of_a_folder_are_named(estimator, spot, tmp_path):
    for name in ("a.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), spot(40, 60))
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.warns(UserWarning) as record:
        assert len(list(estimator().video(tmp_path))) == 2
    texts = [str(warning.message) for warning in record]
    assert "left out: " in texts[0] and "b.png" in texts[0] and texts[1:] == ["1 of 3 images could not be read"]
    assert record[0].filename == __file__


def test_an_int_is_a_camera(estimator, clip, tmp_path, monkeypatch):
    (tmp_path / "99").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    for index in (99, np.int64(99)):
        with pytest.raises(DataError, match="cannot open the camera 99"):
            list(estimator().video(index))
    with pytest.raises(DataError, match="cannot open the video 99"):
        list(estimator().video("99"))


@pytest.mark.parametrize("source", [None, True, b"clip.mp4", 1.5, ["clip.mp4"]])
def test_what_is_no_source(estimator, source):
    with pytest.raises(ConfigError, match="expected source to be a path, a URL or the index of a camera, got "):
        estimator().video(source)


def test_a_closed_one_is_refused(estimator, spot, clip):
    """Also where the networks would not be asked, as nobody is there."""
    estimate = estimator(detector=lambda image: ([], []))
    with estimate:
        begun = estimate.video(clip)
        next(begun)
    estimate.close()
    for use in (lambda: estimate(spot(40, 60)), lambda: next(begun), lambda: estimate.video(clip), estimate.__enter__):
        with pytest.raises(ModelError, match="this PoseEstimator is closed"):
            use()


def test_a_video_that_is_not_there(estimator, tmp_path):
    with pytest.raises(DataError, match="none.mp4"):
        list(estimator().video(tmp_path / "none.mp4"))


def test_load_model_gives_raw_poses(color_model, spot):
    """All keypoints with their scores, and everybody: no threshold has been applied."""
    with load_model(color_model, threads=1) as model:
        poses = model(np.zeros((128, 96, 3), np.uint8), np.array([[0, 0, 96, 128]]))
        assert len(poses) == 1 and poses.skeleton is model.skeleton and model.spec.task == "top_down"
        assert np.abs(model(spot(40, 60), np.array([[0, 0, 96, 128]])).xy - [40, 60]).max() < 6


@pytest.mark.parametrize(
    "image", [None, np.zeros((64, 48), np.uint8), np.zeros((64, 48, 2), np.uint8), np.zeros((64, 48, 3))]
)
def test_load_model_takes_images_only(color_model, image):
    with load_model(color_model, threads=1) as model, pytest.raises(FrameError, match="expected a frame"):
        model(image, [[0, 0, 48, 64]])


def test_a_bottom_up_model_needs_no_boxes():
    with load_model("higher_lite0_fpn_coco", threads=1) as model:
        poses = model(np.zeros((96, 128, 3), np.uint8))
    assert model.spec.task == "bottom_up" and poses.skeleton is model.skeleton and poses.score.shape[1] == 17


def test_the_shipped_models_on_the_demos_clip(repository):
    clip = os.path.join(str(repository), "test", "data", "pedestrians.mp4")
    with PoseEstimator(threads=1, tracking=True) as estimate:
        _, poses = next(itertools.islice(estimate.video(clip), 4, None))
    assert len(poses) >= 2 and (poses.track_id > 0).all() and (poses.score > 0).mean() > 0.5
