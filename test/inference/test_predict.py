import json
import os
import pathlib

import cv2
import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.poses import Poses
from pose_estimation_ros.imaging.video import Source, VideoWriter, open_source, warn_of_unreadable
from pose_estimation_ros.inference import predict as predict_module
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.predict import (
    Predicted,
    Prediction,
    image_ids,
    output_names,
    predict,
)


def spot(blob, x):
    """96x128 px with one white dot at (x, 60)."""
    frame = np.zeros((128, 96, 3), np.uint8)
    blob(frame, (x, 60), (255, 255, 255))
    return frame


@pytest.fixture
def run(color_model, tmp_path):
    """A function that runs `pose predict` with the colour model on the whole frame; returns status and keypoints."""

    def call(source, *options):
        arguments = ["predict", str(source), "--out", str(tmp_path / "out"), "--model", color_model]
        status = main(arguments + ["--detector", "full_frame", "--threads", "1"] + list(options))
        path = tmp_path / "out" / "keypoints.json"
        return status, json.loads(path.read_text()) if path.exists() else None

    return call


@pytest.fixture
def clip(tmp_path, blob):
    """Twelve frames in which a dot walks from x 30 to x 52."""
    writer = VideoWriter(str(tmp_path / "walk.mp4"), 10)
    for index in range(12):
        writer.write(spot(blob, 30 + 2 * index))
    writer.close()
    return tmp_path / "walk.mp4"


def nose_x(result):
    return result["keypoints"][0]


def test_a_video_end_to_end(run, clip, tmp_path, capsys):
    status, results = run(clip, "--no-smoothing")
    assert status == 0 and "12 frames, 12 people" in capsys.readouterr().out
    assert [result["image_id"] for result in results] == list(range(12))
    assert {(result["category_id"], result["track_id"], len(result["keypoints"])) for result in results} == {(1, 1, 51)}
    errors = [abs(nose_x(result) - (30 + 2 * index)) for index, result in enumerate(results)]
    assert max(errors) < 8  # a heatmap pixel is 10 image px here
    with open_source(str(tmp_path / "out" / "walk.mp4")) as video:
        drawn = list(video)
    assert len(drawn) == 12 and video.fps == 10
    assert np.abs(drawn[5].image.astype(int) - spot_frame(clip, 5)).max() > 60  # something is drawn on it
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["keypoints.json", "walk.mp4"]


def spot_frame(clip, index):
    with open_source(str(clip)) as video:
        return list(video)[index].image.astype(int)


def test_max_frames(run, clip):
    _, results = run(clip, "--max-frames", "4")
    assert [result["image_id"] for result in results] == [0, 1, 2, 3]


@pytest.mark.parametrize("count", ["0", "-3", "1.5", "nan", "9" * 400])
def test_max_frames_below_one(run, clip, capsys, count):
    with pytest.raises(SystemExit) as end:
        run(clip, "--max-frames", count)
    assert end.value.code == 2 and "--max-frames: expected a whole number of 1 or more, got" in capsys.readouterr().err


def test_a_folder_end_to_end(run, tmp_path, blob):
    (tmp_path / "in").mkdir()
    for name, x in (("000000000139.png", 30), ("000000000285.png", 60)):
        cv2.imwrite(str(tmp_path / "in" / name), spot(blob, x))
    status, results = run(tmp_path / "in")
    assert status == 0 and [result["image_id"] for result in results] == [139, 285]
    assert abs(nose_x(results[0]) - 30) < 8 and abs(nose_x(results[1]) - 60) < 8
    assert not any("track_id" in result for result in results)
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["000000000139.jpg", "000000000285.jpg", "keypoints.json"]


def test_an_image_in_which_nobody_is(run, tmp_path):
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((64, 48, 3), np.uint8))
    status, results = run(tmp_path / "empty.png")
    assert (status, results) == (0, [])
    assert (cv2.imread(str(tmp_path / "out" / "empty.jpg")) == 0).all()


def test_results_are_cocos(run, tmp_path, blob):
    pytest.importorskip("pycocotools", reason="loads the results as COCO's own tools do")
    from pycocotools.coco import COCO

    cv2.imwrite(str(tmp_path / "7.png"), spot(blob, 40))
    run(tmp_path / "7.png")
    truth = COCO()
    truth.dataset = {"images": [{"id": 7}], "annotations": [], "categories": [{"id": 1}]}
    truth.createIndex()
    loaded = truth.loadRes(str(tmp_path / "out" / "keypoints.json"))
    assert loaded.getAnnIds(imgIds=[7]) == [1] and len(loaded.anns[1]["keypoints"]) == 51


def test_a_bad_image_of_a_folder_is_named_and_the_rest_is_done(run, tmp_path, blob, capsys):
    (tmp_path / "in").mkdir()
    for name in ("1.png", "30.png"):
        cv2.imwrite(str(tmp_path / "in" / name), spot(blob, 30))
    for number in range(2, 15):
        (tmp_path / "in" / ("%d.png" % number)).write_bytes(b"broken")
    status, results = run(tmp_path / "in")
    told = capsys.readouterr().err.splitlines()
    assert status == 1 and [result["image_id"] for result in results] == [1, 30]
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["1.jpg", "30.jpg", "keypoints.json"]
    assert len(told) == 11 and told[-1] == "pose: warning: 13 of 15 images could not be read"
    assert told[0].startswith("pose: warning: left out: ") and told[0].endswith(
        "10.png: expected an image, got 6 bytes that are not one"
    )


@pytest.mark.parametrize(
    "name", ["1\u00b2.png", "\u0663.png", "\u00fc \u4eba.png", os.fsdecode(b"b\xff.png"), "no ending"]
)
def test_odd_names_of_images(run, tmp_path, blob, name):
    path = tmp_path / name
    path.write_bytes(cv2.imencode(".png", spot(blob, 30))[1].tobytes())
    status, results = run(path)
    assert status == 0 and len(results) == 1
    assert sorted(os.listdir(str(tmp_path / "out"))) == sorted([os.path.splitext(name)[0] + ".jpg", "keypoints.json"])


def test_an_image_too_long_to_be_processed(run, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "long.png"), np.zeros((1, 65600, 3), np.uint8))
    assert run(tmp_path / "long.png")[0] == 1
    assert "long.png: expected 1..268435456 pixels, at most 32766 a side, got 65600 x 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "kind, name, output",
    [
        ("video", "a/walk.x.mp4", "walk.x"),
        ("video", "rtsp://host:554/a/stream.sdp?user=1/2", "stream"),
        ("video", "http://host/", "host"),
        ("video", "a/what?.mp4", "what?"),
        ("camera", "0", "camera_0"),
        ("camera", "/dev/video2", "camera_video2"),
    ],
)
def test_the_name_of_the_video(kind, name, output):
    assert predict_module._output_name(Source(kind, name, capture=FakeCapture())) == output


class FakeCapture:
    def get(self, _property):
        return 0.0


def test_ctrl_c_keeps_what_was_done(run, clip, tmp_path, monkeypatch):
    seen, to_coco = [], Poses.to_coco

    def results_until_ctrl_c(poses, image_id):
        seen.append(image_id)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return to_coco(poses, image_id)

    monkeypatch.setattr(Poses, "to_coco", results_until_ctrl_c)
    status, results = run(clip)
    assert status == 0 and [result["image_id"] for result in results] == [0, 1, 2]
    with open_source(str(tmp_path / "out" / "walk.mp4")) as video:
        assert len(list(video)) == 3


@pytest.mark.parametrize("source", ["none.mp4", "none.jpg"])
def test_no_input_no_output(run, tmp_path, source, capsys):
    status, results = run(tmp_path / source)
    assert (status, results) == (1, None) and not (tmp_path / "out").exists()
    assert capsys.readouterr().err.startswith("pose: error: ")


def test_the_input_is_never_overwritten(color_model, clip, capsys):
    before = clip.read_bytes()
    arguments = ["predict", str(clip), "--out", str(clip.parent), "--model", color_model, "--detector", "full_frame"]
    assert main(arguments) == 1
    assert "another folder than that of the input" in capsys.readouterr().err and clip.read_bytes() == before


def test_out_is_a_file(run, tmp_path, clip, capsys):
    (tmp_path / "out").write_text("here already")
    arguments = ["predict", str(clip), "--out", str(tmp_path / "out"), "--detector", "full_frame"]
    assert main(arguments + ["--model", str(tmp_path / "color_model.onnx")]) == 1
    assert "expected a folder to write to" in capsys.readouterr().err


@pytest.mark.parametrize(
    "names, ids",
    [
        ([], []),
        (["000000000139.jpg", "000000000285.jpg"], [139, 285]),
        (["a.jpg", "b.jpg"], [0, 1]),
        (["1.jpg", "b.jpg"], [0, 1]),
        (["1.jpg", "01.jpg"], [0, 1]),
        (["/data/7/12.png"], [12]),
        (["1\u00b2.jpg"], [0]),
        (["\u0663.jpg"], [3]),
    ],
)
def test_image_ids(names, ids):
    assert image_ids(names) == ids


@pytest.mark.parametrize(
    "paths, names",
    [([], []), (["x/a.png", "x/b.jpg"], ["a.jpg", "b.jpg"]), (["a.png", "a.jpg"], ["a.png.jpg", "a.jpg.jpg"])],
)
def test_output_names(paths, names):
    assert output_names(paths) == names


@pytest.mark.parametrize("fails_at", [None, "start", "work"])
def test_a_fallback_is_told_once(gpu, color_model, save_engine, walking_clip, tmp_path, capsys, fails_at):
    cudart, _ = gpu()
    engine = save_engine(color_model)
    if fails_at == "start":
        cudart.devices = 0
    if fails_at == "work":
        cudart.failing["cudaEventSynchronize"] = 700
    options = ["--model", engine, "--detector", "full_frame", "--fallback", "--threads", "1"]
    assert main(["predict", str(walking_clip(3, 2)), "--out", str(tmp_path / "out"), *options]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "pose: warning: on the CPU, because: " in line]
    words = {None: [], "start": ["has no usable NVIDIA driver"], "work": ["illegal memory access"]}[fails_at]
    assert len(told) == len(words) and all(word in line for word, line in zip(words, told))


def test_a_prediction_needs_no_command(color_model, clip, tmp_path):
    options = PipelineOptions(model=color_model, detector="full_frame", threads=1)
    warnings = []
    prediction = Prediction(str(clip), str(tmp_path / "out"), options, max_frames=3)
    assert predict(prediction, warnings.append) == Predicted(3, 3) and warnings == []
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["keypoints.json", "walk.mp4"]


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"input": None}, "expected input to be a name or path, got None"),
        ({"out": None}, "expected out to be a name or path, got None"),
        ({"out": "a" + chr(0) + "b"}, "expected out to be a name or path, got "),
        ({"options": {"threads": 1}}, "expected options to be PipelineOptions, .*, got {'threads': 1}"),
        ({"options": None}, "expected options to be PipelineOptions, .*, got None"),
        ({"options": PipelineOptions(threads=10**6)}, "expected threads in 0..256, got 1000000"),
        ({"max_frames": "2"}, "expected max_frames to be a whole number of 1 or more, or None, got '2'"),
        ({"max_frames": 0}, "expected max_frames to be"),
        ({"max_frames": -1}, "expected max_frames to be"),
        ({"max_frames": 2.5}, "expected max_frames to be"),
        ({"color_by": "tracks"}, "expected color_by to be one of side, track, got 'tracks'"),
        ({"color_by": None}, "expected color_by to be"),
    ],
)
def test_settings_are_checked_before_anything_is_opened_or_written(monkeypatch, tmp_path, settings, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predict_module, "open_source", None)
    with pytest.raises(ConfigError, match=words):
        predict(Prediction("in.mp4", "out")._replace(**settings))
    assert os.listdir(str(tmp_path)) == []


def test_paths_need_not_be_texts(color_model, clip, tmp_path):
    options = PipelineOptions(model=color_model, detector="full_frame", threads=1)
    prediction = Prediction(pathlib.Path(str(clip)), tmp_path / "out", options, max_frames=np.int64(1))
    assert predict(prediction) == Predicted(1, 1)


def test_warnings_go_to_the_caller(color_model, tmp_path, blob):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "1.png"), spot(blob, 30))
    (tmp_path / "in" / "2.png").write_bytes(b"broken")
    prediction = Prediction(str(tmp_path / "in"), str(tmp_path / "out"), PipelineOptions(color_model, "full_frame"))
    with pytest.warns(UserWarning, match="1 of 2 images could not be read"):
        assert predict(prediction) == Predicted(1, 1, unreadable=1)


@pytest.mark.parametrize("names, lines", [([], 0), (["a"], 2), (["a", "b"], 3), (["a"] * 20, 11)])
def test_unreadable_images_are_named_and_counted(names, lines):
    source = Source("folder", "x", ["x/a", "x/b", "x/c"])
    source.unreadable, warned = names, []
    assert warn_of_unreadable(source, warned.append) == len(names)
    assert len(warned) == lines and [text for text in warned[:-1] if not text.startswith("left out: ")] == []
