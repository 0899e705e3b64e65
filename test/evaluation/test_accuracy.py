"""accuracy.py: models and files of predictions on small folders, and what does not belong together."""

import pytest
from colored_dots import renumbered, save

from pose_estimation_ros.core.errors import DataError
from pose_estimation_ros.evaluation.accuracy import accuracy_of_pose_model, accuracy_of_predictions
from pose_estimation_ros.evaluation.benchmarks import open_benchmark
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
