import os

import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.core.heatmap import encode
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.inference.trt import parity as engine_parity
from pose_estimation_ros.inference.trt.parity import compare, run, stored_clip, stored_crops


@pytest.fixture
def spec(color_model):
    return load_model_spec(color_model)


def heatmaps(shift_px=0.0, people=4, peak=0.9):
    """Peaks at the same places, but for the last keypoint of each person, which is shifted to the right."""
    places = np.random.RandomState(0).uniform(3, 8, (people, 17, 2))
    places[:, -1, 0] += shift_px / 4.0
    return {"heatmaps": peak * np.stack([encode(xy, np.ones(17, bool), (12, 16))[0] for xy in places])}


def test_the_same_is_no_error(spec):
    assert compare(heatmaps(), heatmaps(), spec) == {"median_px": 0, "p99_px": 0, "keypoints": 68}


def test_errors_are_pixels_of_the_input(spec):
    found = compare(heatmaps(), heatmaps(shift_px=8), spec)
    assert found["median_px"] == 0 and found["p99_px"] == 8


def test_keypoints_that_float32_doubts_do_not_count(spec):
    reference, found = heatmaps(), heatmaps(shift_px=8)
    for maps in (reference, found):
        maps["heatmaps"][:, -1] *= 0.2
    assert compare(reference, found, spec) == {"median_px": 0, "p99_px": 0, "keypoints": 64}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_wrong_everywhere(spec, value):
    found = heatmaps()
    found["heatmaps"][1, 2, 3, 4] = value
    assert compare(heatmaps(), found, spec)["median_px"] == 64


@pytest.mark.parametrize("reference", [heatmaps(people=1), heatmaps(people=2), heatmaps(peak=0.2)])
def test_too_little_to_compare(spec, reference):
    with pytest.raises(ModelError, match="expected 50 keypoints .*--images FOLDER"):
        compare(reference, reference, spec)


def test_candidates_of_a_one_stage_network_may_change_places(spec):
    spec = spec._replace(task="one_stage", decoder="people", stride=1)
    corner = np.array([[[0, 0], [30, 0], [0, 60]]], np.float32)
    boxes = np.concatenate([corner, corner + 20], 2)
    keypoints = np.concatenate([np.repeat(corner[:, :, None], 17, 2), np.ones((1, 3, 17, 1))], 3)
    outputs = {"boxes_xyxy": boxes, "scores": np.full((1, 3), 0.9), "keypoints": keypoints}
    moved = {name: values[:, [2, 0, 1]] for name, values in dict(outputs, keypoints=keypoints + [2, 0, 0]).items()}
    assert compare(outputs, moved, spec) == {"median_px": 2, "p99_px": 2, "keypoints": 51}


def test_candidates_of_a_detector_may_change_places(spec):
    spec = spec._replace(task="person_detector", decoder="boxes")
    corner = np.random.RandomState(0).uniform(0, 500, (1, 30, 2))
    boxes = np.concatenate([corner, corner + 20], 2)
    outputs = {"boxes_xyxy": boxes, "scores": np.full((1, 30), 0.9)}
    moved = dict(outputs, boxes_xyxy=boxes[:, ::-1] + [1, 0, 1, 0])
    assert compare(outputs, moved, spec) == {"median_px": 1, "p99_px": 1, "keypoints": 60}


@pytest.mark.parametrize("decoder, shift", [("simcc", 0.5), ("dark", 4.0), ("keypoints", 1.0)])
def test_every_decoder_is_compared_in_pixels_of_the_input(spec, decoder, shift):
    """A shift by one bin, heatmap pixel or pixel of the input."""
    spec = spec._replace(decoder=decoder, stride=4 if decoder == "dark" else 1)
    outputs = {name: maps[:, :, :, 1:] for name, maps in heatmaps().items()}
    shifted = {name: maps[:, :, :, :-1] for name, maps in heatmaps().items()}
    if decoder == "simcc":
        x = heatmaps()["heatmaps"].max(2)
        outputs, shifted = ({"simcc_x": part, "simcc_y": x} for part in (x[:, :, 1:], x[:, :, :-1]))
    if decoder == "keypoints":
        outputs = {"keypoints": np.full((4, 17, 3), 0.9)}
        shifted = {"keypoints": outputs["keypoints"] + [1, 0, 0]}
    assert abs(compare(outputs, shifted, spec)["median_px"] - shift) < 0.1


def test_a_network_that_decodes_and_a_detector(spec):
    keypoints = np.full((3, 17, 3), 5, np.float32)  # inside of the map: at its rim they would not count
    keypoints[..., 2] = 1
    moved = keypoints + [0.5, 0, 0]
    assert compare({"keypoints": keypoints}, {"keypoints": moved}, spec)["median_px"] == 2  # stride 4
    detector = spec._replace(task="person_detector")
    boxes = {"boxes_xyxy": np.zeros((2, 20, 4), np.float32), "scores": np.ones((2, 20), np.float32)}
    moved = dict(boxes, boxes_xyxy=boxes["boxes_xyxy"] + np.float32([3, 4, 0, 0]))
    assert compare(boxes, moved, detector) == {"median_px": 2.5, "p99_px": 5, "keypoints": 80}


@pytest.mark.parametrize("count, sizes", [(1, [1]), (4, [4]), (9, [4, 4, 1])])
def test_run_goes_in_batches(count, sizes):
    seen = []

    def backend(batch):
        seen.append(len(batch))
        return {"twice": 2 * batch}

    crops = np.arange(count)
    assert (run(backend, crops, 4)["twice"] == 2 * crops).all() and seen == sizes


def test_crops_of_the_clip(spec, monkeypatch):
    monkeypatch.setattr(engine_parity, "FRAMES", 3)
    crops = stored_crops(stored_clip(), spec)
    assert 3 <= len(crops) <= 64 and crops.shape[1:] == (3, 64, 48) and crops.max() > 100


def test_a_detector_gets_whole_frames(spec, monkeypatch):
    monkeypatch.setattr(engine_parity, "FRAMES", 3)
    for task in ("person_detector", "one_stage"):
        assert stored_crops(stored_clip(), spec._replace(task=task)).shape == (3, 3, 64, 48)


def test_a_folder_without_people(spec, tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "grey.png"), np.full((64, 64, 3), 99, np.uint8))
    with pytest.raises(DataError, match="expected people to compare keypoints on"):
        stored_crops(str(tmp_path), spec)


def test_the_clip_of_an_installation_and_none(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_parity, "demo_clip", lambda: str(tmp_path / "share" / "data" / "pedestrians.mp4"))
    with pytest.raises(ConfigError, match="pedestrians.mp4 is not installed: give --images FOLDER"):
        stored_clip()
    clip = tmp_path / "share" / "data" / "pedestrians.mp4"
    clip.parent.mkdir(parents=True)
    clip.touch()
    assert stored_clip() == str(clip) and os.path.isfile(stored_clip())
