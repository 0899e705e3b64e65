"""accuracy.py: models and files of predictions on small folders, and what does not belong together."""

import json

import numpy as np
import pytest
from colored_dots import renumbered, save
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_estimation_ros.core.errors import ConfigError, DataError
from pose_estimation_ros.core.skeleton import Skeleton
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model, accuracy_of_predictions
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
from pose_estimation_ros.evaluation.protocols import PLAIN
from pose_estimation_ros.inference.backends.find import find_model


def test_an_annotation_file_beside_others_and_a_folder(tmp_path, dots, model):
    dots("coco17")
    folder, file = (
        accuracy_of_pose_model(find_model(model("coco17")), open_benchmark(data))[0]
        for data in (tmp_path, tmp_path / "person_keypoints.json")
    )
    assert folder == file and folder["images"] == 3


def test_images_without_predictions_are_counted(tmp_path, folder, content, as_results):
    results = save(tmp_path / "r.json", as_results(content["annotations"][:1]))
    figures, _ = accuracy_of_predictions(results, open_benchmark(folder))
    assert figures["images"] == 2 and figures["images_without_predictions"] == 1 and figures["predictions_in_file"] == 1
    assert figures["AP"] == round(100 * 34 / 101, 2)


def test_a_box_in_the_results_changes_nothing(tmp_path, folder, content, as_results):
    """pycocotools would size the predictions by it, and with that who is out of a size range."""
    results = as_results(content["annotations"][:3])
    plain, _ = accuracy_of_predictions(save(tmp_path / "a.json", results), open_benchmark(folder))
    boxed = [{**result, "bbox": [0, 0, 1, 1]} for result in results]
    assert accuracy_of_predictions(save(tmp_path / "b.json", boxed), open_benchmark(folder))[0] == plain


@pytest.mark.parametrize("skeleton", ["coco17", "mpii16"])
def test_missing_images(tmp_path, dots, model, skeleton):
    data = dots(skeleton)
    for name in ("1.png", "2.png"):
        (tmp_path / "images" / name).unlink()
    with pytest.raises(DataError, match="images: 2 images that are missing, the first: 1.png"):
        accuracy_of_pose_model(find_model(model(skeleton)), open_benchmark(data))


def test_a_model_of_another_skeleton(dots, model):
    with pytest.raises(DataError, match="expected a model with the skeleton crowdpose14, got .* with coco17"):
        accuracy_of_pose_model(find_model(model("coco17")), open_benchmark(dots("crowdpose14", crowdIndex=0.5)))


def test_mpii_takes_no_boxes(dots, model):
    with pytest.raises(DataError, match="MPII is judged on its own boxes"):
        accuracy_of_pose_model(find_model(model("mpii16")), open_benchmark(dots("mpii16")), "boxes.json")


PARTS = {"report": [3], "choose": [4, 5]}  # ids of images by half


def test_a_half_is_that_part_of_the_whole(tmp_path, dots, model):
    """Of a model, of boxes and of predictions of all images."""
    data = renumbered(dots("coco17"))
    whole, results = accuracy_of_pose_model(find_model(model("coco17")), open_benchmark(data))
    assert whole["images"] == 3 and "half" not in whole
    file = save(tmp_path / "all.json", results)
    boxes = [{"image_id": i, "category_id": 1, "bbox": [24, 24, 112, 192], "score": 1.0} for i in (3, 4, 5)]
    boxes_file = str(save(tmp_path / "boxes.json", boxes))
    for half, images in PARTS.items():
        figures, own = accuracy_of_pose_model(find_model(model("coco17")), open_benchmark(data, half), boxes_file)
        expected = [result for result in results if result["image_id"] in images]
        assert own == expected and figures["images"] == len(images) and figures["half"] == half
        predicted, kept = accuracy_of_predictions(file, open_benchmark(data, half))
        assert kept == expected and predicted["AP"] == figures["AP"] and predicted["predictions_in_file"] == len(images)


@pytest.mark.parametrize("half", PARTS)
def test_unknown_images_are_refused_whatever_the_half(tmp_path, dots, half):
    result = {"image_id": 77, "category_id": 1, "keypoints": [1.0] * 51, "score": 1.0}
    with pytest.raises(DataError, match="1 predictions of unknown images"):
        accuracy_of_predictions(save(tmp_path / "r.json", [result]), open_benchmark(renumbered(dots("coco17")), half))


@pytest.mark.parametrize("skeleton", ["halpe26", "wholebody133"])
def test_a_model_of_more_keypoints_is_judged_by_those_that_are_annotated(dots, model, skeleton):
    """As a model of these alone, whose scores and suppression of duplicates are those of 17 keypoints."""
    data = dots("coco17")
    alone, results = accuracy_of_pose_model(find_model(model("coco17")), open_benchmark(data))
    figures, chosen = accuracy_of_pose_model(find_model(model(skeleton)), open_benchmark(data))
    assert figures == {**alone, "keypoints_of": skeleton} and chosen == results and figures["AP"] > 80


TOY = Skeleton("toy", ("tip", "left_foot", "right_foot"), ((0, 1), (0, 2)), ((1, 2),), None)
TURNED = Skeleton("turned", ("right_foot", "tip", "left_foot"), (), ((2, 0),), (0.03, 0.01, 0.02))
TOY_FACTS = {"skeleton": "turned", "sigmas": [0.01, 0.02, 0.03], "keypoints_of": "turned"}


@pytest.mark.parametrize(
    "skeleton, colors, sigma, facts",
    [
        (TOY, [0, 1, 2], 0.05, {"skeleton": "toy", "sigma": 0.05}),
        (TURNED, [2, 0, 1], None, TOY_FACTS),
        (TURNED, [2, 0, 1], 0.05, {"skeleton": "turned", "sigma": 0.05, "keypoints_of": "turned"}),
    ],
)
def test_a_skeleton_of_ones_own(tmp_path, dots, model, skeleton, colors, sigma, facts):
    """The right keypoints by name, whatever their order; the same figures from the predictions that were written."""
    found, data = find_model(model(skeleton, colors)), dots(TOY)
    figures, results = accuracy_of_pose_model(found, open_benchmark(data, skeletons=[skeleton], sigma=sigma))
    kept = {name: figures[name] for name in ("skeleton", "sigma", "sigmas", "keypoints_of") if name in figures}
    truth = json.loads(data.read_text())["annotations"]
    assert kept == facts and [len(result["keypoints"]) for result in results] == [9] * 3
    for annotation, result in zip(truth, results):
        found_xy, true_xy = (np.reshape(a["keypoints"], (3, 3))[:, :2] for a in (result, annotation))
        assert np.allclose(found_xy, true_xy, atol=4)
    file = save(tmp_path / "r.json", results)
    again, _ = accuracy_of_predictions(file, open_benchmark(data, skeletons=[skeleton], sigma=sigma))
    assert again["AP"] == figures["AP"] == official_ap(data, file, facts.get("sigmas", [sigma] * 3)) > 20


def official_ap(data, results, sigmas):
    truth = COCO(str(data))
    evaluation = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
    evaluation.params.kpt_oks_sigmas = np.array(sigmas)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return round(100 * evaluation.stats[0], 2)


def test_unknown_sigmas_are_refused_before_a_model_runs(tmp_path, dots, model):
    data = dots(TOY)
    for image in (tmp_path / "images").iterdir():
        image.unlink()
    with pytest.raises(ConfigError, match="expected --sigma, such as 0.08, or .* got none for toy"):
        accuracy_of_pose_model(find_model(model(TOY)), open_benchmark(data, skeletons=[TOY]))
    with pytest.raises(ConfigError, match="expected --sigma, such as 0.08, or .* got none for toy"):
        accuracy_of_predictions("none.json", open_benchmark(data))


PEOPLE = [  # x of the box, person score, keypoint score
    (10, 0.9, 1.0),
    (10, 0.005, 0.5),  # the same person again, with a low score: nobody is left out here
    (60, 0.3, 0.1),
]


def test_a_one_stage_model_keeps_its_own_person_scores(tmp_path, constant_model, save_spec, dots):
    """It gets the whole images, of 160x240 px, into a network of the same size."""
    boxes = [[x, 20, x + 40, 220] for x, _, _ in PEOPLE]
    keypoints = [[[x + 10, 30 + k, score] for k in range(17)] for x, _, score in PEOPLE]
    outputs = {"boxes_xyxy": [boxes], "scores": [[score for _, score, _ in PEOPLE]], "keypoints": [keypoints]}
    path = constant_model("people", outputs, (160, 240))
    save_spec(path, task="one_stage", decoder="people", input_size_wh=(160, 240), stride=1)
    benchmark = open_benchmark(dots("coco17"))
    figures, results = accuracy_of_pose_model(find_model(path), benchmark)
    assert (figures["boxes"], figures["images"], figures["input"]) == ("none (one-stage)", 3, "fitted into 160x240 px")
    assert [(r["image_id"], r["score"]) for r in results] == [(i, s) for i in range(3) for s in (0.9, 0.3, 0.005)]
    assert results[0]["keypoints"][:6] == [20.0, 30.0, 1.0, 20.0, 31.0, 1.0]
    with pytest.raises(DataError, match="is a one-stage model, which finds people by itself: expected no boxes"):
        accuracy_of_pose_model(find_model(path), benchmark, "boxes.json")
    with pytest.raises(ConfigError, match="flip_test"):
        accuracy_of_pose_model(find_model(path), benchmark, protocol=PLAIN._replace(flip=True))
    spec = save_spec(path, task="one_stage", decoder="people", skeleton="mpii16")
    with pytest.raises(DataError, match="MPII is judged on its own boxes"):
        open_benchmark(dots("mpii16")).check_model(spec, path, None)
