"""end_to_end.py: pipelines whose people are known, judged by hand and by pycocotools."""

import json

import cv2
import numpy as np
import pytest
from colored_dots import renumbered, save
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.errors import ConfigError, DataError, ModelError
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model, accuracy_of_predictions
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.evaluation.end_to_end import accuracy_end_to_end, open_pipeline, run_pipelines
from pose_estimation_ros.inference.backends.find import find_model
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.predict import Prediction, predict

SIZE_WH = (160, 240)
KEYPOINTS = np.stack([np.linspace(20, 60, 17), np.linspace(30, 200, 17)], 1)
TRUE_BOX = [24, 24, 136, 216]  # of all people among the dots


def person(number, image_id, xy=None):
    """An annotation of somebody whose keypoints are labelled, or of somebody without keypoints."""
    labels = np.zeros((17, 3)) if xy is None else np.insert(xy, 2, 2, 1)
    fields = {"category_id": 1, "iscrowd": 0, "num_keypoints": 0 if xy is None else 17, "area": 10000}
    return {"id": number, "image_id": image_id, "keypoints": labels.ravel().tolist(), "bbox": [5, 5, 90, 220], **fields}


@pytest.fixture
def four_images(tmp_path):
    """An image without people, two with the person of KEYPOINTS, and one with a person without keypoints."""
    (tmp_path / "images").mkdir()
    for number in range(1, 5):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), np.zeros((*SIZE_WH[::-1], 3), np.uint8))
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(1, 5)]
    people = [person(1, 2, KEYPOINTS), person(2, 3, KEYPOINTS), person(3, 4)]
    return save(tmp_path / "person_keypoints.json", {"images": images, "annotations": people})


@pytest.fixture
def one_stage(constant_model, save_spec):
    """A model that finds in every image the person of KEYPOINTS (0.9), one elsewhere (0.5), and a weak one (0.1)."""
    people = [(KEYPOINTS, 0.9), (KEYPOINTS + [80, 20], 0.5), (KEYPOINTS + [40, 30], 0.1)]
    boxes = [[*xy.min(0), *xy.max(0)] for xy, _ in people]
    keypoints = [np.insert(xy, 2, 0.8, 1) for xy, _ in people]
    outputs = {"boxes_xyxy": [boxes], "scores": [[score for _, score in people]], "keypoints": [keypoints]}
    path = constant_model("people", outputs, SIZE_WH)
    save_spec(path, task="one_stage", decoder="people", input_size_wh=SIZE_WH, stride=1)
    return find_model(path)


@pytest.fixture
def detector(constant_model, save_spec):
    """A function: boxes that it finds in every image -> path of a detector, which drops no duplicates."""

    def make(*boxes):
        scores = np.linspace(0.9, 0.6, len(boxes))
        path = constant_model("fixed_boxes", {"boxes_xyxy": [boxes], "scores": [scores]}, SIZE_WH)
        options = {"decoder": "boxes", "decoder_options": {"nms_iou": None}, "input_size_wh": SIZE_WH}
        save_spec(path, task="person_detector", skeleton="", **options)
        return path

    return make


def official_ap(data, results):
    truth = COCO(str(data))
    truth.dataset["categories"] = [{"id": 1, "name": "person"}]
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(json.loads(json.dumps(results))), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return round(100 * evaluation.stats[0], 2)


@pytest.mark.parametrize(
    "options, ap, found, false",
    [
        ({"person_threshold": 0.95}, 0.0, 0.0, 0.0),  # nobody
        ({"score_threshold": 0.85}, 0.0, 0.0, 0.0),  # people without a keypoint
        # Three people of 0.9 that count, the first in an empty image, the others right: precision 2/3 at all recalls.
        # The fourth lies on somebody without keypoints.
        ({"max_people": 1}, 66.67, 100.0, 0.25),
        ({}, 66.67, 100.0, 1.25),  # and the one of 0.5 in every image
        ({"person_threshold": 0.0}, 66.67, 100.0, 2.25),  # and the weak one
    ],
)
def test_by_hand(four_images, one_stage, options, ap, found, false):
    options = PipelineOptions(detector="not needed", **options)
    figures, results = accuracy_end_to_end(one_stage, open_benchmark(four_images), options)
    assert (figures["AP"], figures["people_found"], figures["false_per_image"]) == (ap, found, false)
    assert not results or official_ap(four_images, results) == ap
    expected = {
        "protocol": "end_to_end",
        "detector": "none",
        "flip": False,
        "images": 4,
        "max_people": options.max_people,
    }
    assert expected.items() <= figures.items()


def test_a_top_down_model_in_the_boxes_of_its_detector(dots, model, detector):
    """The same box twice gives one person; on the annotated boxes the AP is that in annotated boxes."""
    data, found = dots("coco17"), find_model(model("coco17"))
    benchmark = open_benchmark(data)
    alone, _ = accuracy_of_pose_model(found, benchmark)
    options = PipelineOptions(detector=detector(TRUE_BOX, TRUE_BOX))
    figures, results = accuracy_end_to_end(found, benchmark, options)
    assert [result["image_id"] for result in results] == [0, 1, 2]
    assert figures["AP"] == alone["AP"] == official_ap(data, results) > 80
    assert (figures["people_found"], figures["false_per_image"]) == (100, 0)
    assert figures["detector"] == options.detector and "boxes" not in figures


def test_the_people_are_those_of_pose_predict(tmp_path, dots, model, detector):
    data, path = dots("coco17"), model("coco17")
    options = PipelineOptions(model=path, detector=detector([10, 20, 150, 230], TRUE_BOX), score_threshold=0.3)
    predict(Prediction(tmp_path / "images", tmp_path / "out", options))
    predicted = json.loads((tmp_path / "out" / "keypoints.json").read_text())
    figures, results = accuracy_end_to_end(find_model(path), open_benchmark(data), options)
    assert results == predicted and len(results) >= 3
    read, _ = accuracy_of_predictions(tmp_path / "out" / "keypoints.json", open_benchmark(data))
    assert read["AP"] == figures["AP"]


def test_crowdpose_and_a_half(dots, model):
    data = dots("crowdpose14", crowdIndex=0.5)
    options = PipelineOptions(detector="full_frame")
    figures, _ = accuracy_end_to_end(find_model(model("crowdpose14")), open_benchmark(data), options)
    assert figures["AP_medium"] == figures["AP"] > 50 and figures["AP_hard"] == -1 and figures["people_found"] == 100
    of_half = open_benchmark(renumbered(data), "choose")
    half, results = accuracy_end_to_end(find_model(model("crowdpose14")), of_half, options)
    assert half["half"] == "choose" and [result["image_id"] for result in results] == [4, 5]


def test_a_model_of_more_keypoints(dots, model):
    """The pipeline runs with all of them, and those that are annotated are judged."""
    data, options = dots("coco17"), PipelineOptions(detector="full_frame")
    figures, results = accuracy_end_to_end(find_model(model("halpe26")), open_benchmark(data), options)
    assert figures["keypoints_of"] == "halpe26" and [len(result["keypoints"]) for result in results] == [51] * 3


def test_pipelines_take_turns_and_keep_nothing_between_images(dots, model):
    benchmark, options = open_benchmark(dots("coco17")), PipelineOptions(detector="full_frame")
    pipelines = [open_pipeline(find_model(model("coco17")), benchmark, options) for _ in range(2)]
    first, second = (run_pipelines(pipelines, benchmark) for _ in range(2))
    assert first.results[0] == first.results[1] == second.results[0] and len(first.results[0]) == 3
    assert first.frame_ms.shape == (3, 2) and (first.frame_ms > 0).all()


@pytest.mark.parametrize(
    "skeleton, options, error, words",
    [
        ("mpii16", {}, ConfigError, "to measure end to end, got MPII's: .*mpii.json; PCKh is of people in given boxes"),
        ("coco17", {"detector": "nobody"}, ModelError, "expected a model file or one out of .*, got 'nobody'"),
        ("coco17", {"detector": "lite0_fpn_coco"}, ModelError, "expected a model for person_detector"),
        ("crowdpose14", {}, DataError, "expected a model with the skeleton crowdpose14, got .* with coco17"),
    ],
)
def test_what_does_not_go_together(dots, model, skeleton, options, error, words):
    of_image = {"crowdIndex": 0.5} if skeleton == "crowdpose14" else {}
    benchmark = open_benchmark(dots(skeleton, **of_image))
    name = skeleton if skeleton == "mpii16" else "coco17"
    with pytest.raises(error, match=words):
        accuracy_end_to_end(find_model(model(name)), benchmark, PipelineOptions(**options))


def test_missing_and_unreadable_images(four_images, one_stage):
    image = four_images.parent / "images" / "3.png"
    image.write_bytes(b"no image")
    with pytest.raises(DataError, match="3.png: expected an image, got 8 bytes"):
        accuracy_end_to_end(one_stage, open_benchmark(four_images), PipelineOptions())
    image.unlink()
    with pytest.raises(DataError, match="1 images that are missing, the first: 3.png"):
        accuracy_end_to_end(one_stage, open_benchmark(four_images), PipelineOptions())
