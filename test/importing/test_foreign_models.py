"""Import small networks with the contracts of other programs, and compare what they find with those programs' formulas.

The networks and what is expected lie in ../shared; reference.py there computes it with numpy alone.
"""

import json
import os

import numpy as np
import pytest

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.imaging.images import read_image
from pose_estimation_ros.importing.import_model import ModelImport, import_model
from pose_estimation_ros.inference.estimators.open import open_estimator
from pose_estimation_ros.inference.options import PipelineOptions

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "foreign_models")
FIVE = {"name": "five", "keypoints": ["a", "b", "c", "d", "e"], "links": []}
SURE = 0.27  # person score from which a candidate is somebody; the networks' limits are 0.25 and 0.3

# file, entry of expected.json, options, px that keypoints may differ, how far scores may
# Crops differ by a grey level from one version of OpenCV to another, and so do the scores.
CASES = [
    ("simcc_coco17", "", {"skeleton": "coco17"}, 0.1, 1e-2),
    ("simcc_coco17_fp16", "", {"skeleton": "coco17"}, 0.1, 1e-2),
    ("simcc_wholebody133", "", {"skeleton": "wholebody133"}, 0.1, 3e-2),
    ("simcc_wholebody133", "", {"like": "dwpose"}, 0.1, 3e-2),
    ("heatmap_rgb", "", {"like": "hrnet", "skeleton": "coco17"}, 0.1, 1e-2),
    ("heatmap_rgb", "", {
        "color": "rgb", "value_range": 1, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225),
        "decoder": "quarter_offset", "skeleton": "coco17",
    }, 0.1, 1e-2),
    ("heatmap_udp", "", {"like": "easy-vitpose", "skeleton": "coco17"}, 0.1, 1e-2),
    ("movenet_single", "", {"outside": "black"}, 0.1, 1e-2),
    ("movenet_multi", "", {"size_wh": (320, 192)}, 0.1, 1e-3),
    ("yolo_pose", "", {}, 0.1, 1e-3),
    ("yolo_pose_2classes_5x2", "", {"skeleton": FIVE}, 0.1, 1e-3),
    ("rtmo", "rtmo (mmpose)", {"skeleton": "coco17"}, 0.1, 1e-3),
    ("rtmo", "rtmo", {"skeleton": "coco17", "centred": False, "resize": "cut"}, 0.1, 1e-3),
    ("yolo_nas_flat", "", {"skeleton": "coco17"}, 0.1, 1e-3),
]  # fmt: skip
REFUSED = [
    ("refuse_free_size_heatmap", {}, "--size"),
    ("refuse_free_size_heatmap", {"size_wh": (192, 256)}, "--like out of hrnet"),
    ("refuse_trt_pose", {}, "part affinity fields"),
    ("refuse_two_inputs", {}, r"one input, the picture, got image \(1, 3, 256, 192\), box \(1, 4\)"),
    ("refuse_yolo_no_metadata", {}, "--like yolo-pose --keypoints"),
    ("heatmap_rgb", {}, "--like out of hrnet"),
    ("heatmap_rgb", {"like": "hrnet"}, "--skeleton with coco17, "),
    ("simcc_coco17", {}, "--skeleton with coco17, "),
    ("simcc_coco17", {"skeleton": "halpe26"}, "skeleton of 17 keypoints"),
    ("simcc_coco17", {"like": "hrnet"}, "--like out of rtmpose"),
    ("simcc_coco17", {"size_wh": (288, 384)}, "--size as the file fixes it"),
    ("simcc_coco17", {"decoder": "dark"}, "no --decoder"),
    ("movenet_multi", {}, "--size"),
    ("movenet_single", {"mean": (1, 1, 1), "value_range": 255}, "no --value-range"),
    ("movenet_single", {"nms_iou": 0.5}, "no --nms-iou"),
    ("yolo_pose", {"keypoints": 5}, "--keypoints 17"),
    ("yolo_pose_2classes_5x2", {"skeleton": FIVE, "person_class": "cat"}, "--person-class out of"),
    ("yolo_pose_2classes_5x2", {}, "--skeleton with a file"),
    ("yolo_nas_flat", {"padding": 1.1}, "no --padding"),
    ("higher_concat", {}, "--like out of higherhrnet, litepose"),
]


@pytest.fixture(scope="module")
def expected():
    """Return expected.json and truth.json; skip the test if they are not there."""
    if not os.path.isdir(FOLDER):
        pytest.skip("no networks at ../shared/foreign_models")
    texts = [open(os.path.join(FOLDER, name)).read() for name in ("expected.json", "truth.json")]
    return tuple(map(json.loads, texts))


def imported(tmp_path, file, options):
    """Import a file and return the path of the new one, and the lines of the report."""
    options = dict(options)
    if isinstance(options.get("skeleton"), dict):
        path = tmp_path / "skeleton.json"
        path.write_text(json.dumps(options["skeleton"]))
        options["skeleton"] = str(path)
    lines = []
    source = os.path.join(FOLDER, file + ".onnx")
    path = import_model(ModelImport(source, str(tmp_path / "out"), check=False, **options), lines.append)
    return path, lines


def people_in(path, scene):
    """Find the people of a scene by an imported model."""
    image = read_image(os.path.join(FOLDER, scene["image"]))
    with open_estimator(PipelineOptions(model=path)) as estimate:
        if estimate.spec.task == "top_down":
            return estimate(image, np.array(scene["boxes_xyxy"], np.float32))
        poses = estimate(image)
        return poses[np.flatnonzero(poses.person_score > SURE)]


@pytest.mark.parametrize("file, entry, options, most_px, most_score", CASES)
def test_keypoints_are_those_of_the_source(tmp_path, expected, file, entry, options, most_px, most_score):
    everything, truth = expected
    wanted = everything[entry or file]
    path, _lines = imported(tmp_path, file, options)
    poses = people_in(path, truth[wanted["scene"]])
    assert len(poses.xy) == len(wanted["people"])
    for person in wanted["people"]:
        xy, score = np.array(person["keypoints"]), np.array(person["scores"])
        index = int(np.abs(poses.xy - xy).sum((1, 2)).argmin())
        found = score > 0.1
        distance = np.abs(poses.xy[index] - xy)[found]
        assert np.quantile(distance, 0.98) < most_px and distance.max() < 1  # one of many may fall into the next bin
        if "person_score" in person:
            np.testing.assert_allclose(poses.person_score[index], person["person_score"], atol=most_score)
        if file != "yolo_pose_2classes_5x2":  # its keypoints have no score of their own
            np.testing.assert_allclose(poses.score[index], score.clip(0, 1), atol=most_score)


def test_bottom_up_people_are_near_what_was_drawn(tmp_path, expected):
    scene = expected[1]["crowd17"]
    path, _lines = imported(tmp_path, "higher_concat", {"like": "higherhrnet", "skeleton": "coco17"})
    poses = people_in(path, scene)
    assert len(poses.xy) == 3
    for person in scene["keypoints"]:
        drawn = np.array([point or (np.nan, np.nan) for point in person], float)
        distance = np.linalg.norm(poses.xy - drawn, axis=2)
        assert np.nanmin(np.nanmax(distance, axis=1)) < 3


@pytest.mark.parametrize("file, options, message", REFUSED)
def test_what_the_file_does_not_tell_is_asked_for(tmp_path, expected, file, options, message):
    with pytest.raises(PoseError, match=message) as caught:
        imported(tmp_path, file, options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
