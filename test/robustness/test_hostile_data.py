"""Put wrong values in every place of files of data and settings: all are read, or refused in one line."""

import copy
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from pose_estimation_ros.core.errors import PoseError  # noqa: E402
from pose_estimation_ros.core.skeleton import get_skeleton  # noqa: E402
from pose_estimation_ros.datasets import mpii  # noqa: E402
from pose_estimation_ros.datasets.coco_json import read_detections  # noqa: E402
from pose_estimation_ros.datasets.predictions import read_results  # noqa: E402
from pose_estimation_ros.evaluation.benchmarks import CocoBenchmark, CrowdPoseBenchmark  # noqa: E402
from pose_estimation_ros.evaluation.metrics import detection  # noqa: E402
from pose_estimation_ros.evaluation.submission import open_test_set  # noqa: E402
from pose_estimation_ros.training.ablation.table import load_table, row_recipe  # noqa: E402
from pose_estimation_ros.training.data import boxes, scenes  # noqa: E402
from pose_estimation_ros.training.data.persons import load_persons  # noqa: E402
from pose_estimation_ros.training.losses.heatmap import heatmap_terms, weighted  # noqa: E402
from pose_estimation_ros.training.models.options import check_options  # noqa: E402
from pose_estimation_ros.training.recipe import check_recipe, load_recipe  # noqa: E402
from pose_estimation_ros.training.tasks import TASKS, one_of  # noqa: E402

NAN, INF = float("nan"), float("inf")
VALUES = [
    None, True, -1, 0, 1.5, NAN, INF, -1e308, 10**400, 2**63, "", "x", "../x", "/a", "\ud800", [], [1], {}, {"a": 1},
    [[1, 2], [3]], [[]], [[[]]], ["1"] * 51, [NAN] * 51, {"size": [1, 1], "counts": "0"}, {"counts": [1]},
]  # fmt: skip


def annotations(joints, **of_image):
    """Return a COCO file of one image with a person and a crowd."""
    image = {"id": 1, "file_name": "a.jpg", "width": 60, "height": 50, **of_image}
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 30, 40], "keypoints": [9, 9, 2] * joints}
    square = [[1, 1, 9, 1, 9, 9]]
    crowd = {**person, "id": 2, "iscrowd": 1, "keypoints": [0] * 3 * joints, "num_keypoints": 0, "segmentation": square}
    person |= {"iscrowd": 0, "num_keypoints": 12 if of_image else joints, "area": 500.0}
    person["keypoint_scores"] = [0.5] * joints
    return {"images": [image], "annotations": [person, crowd], "categories": [{"id": 1, "name": "person"}]}


COCO, CROWDPOSE = annotations(17), annotations(14, crowdIndex=0.5)
FOUND = {**COCO, "annotations": [{**COCO["annotations"][0], "score": 0.9}, COCO["annotations"][1]]}  # by a detector
MPII = [{"image": "a.jpg", "center": [30, 20], "scale": 0.2, "joints": [[9, 9]] * 16, "joints_vis": [1] * 16}]
RESULTS = [{"image_id": 1, "category_id": 1, "keypoints": [9.0] * 51, "score": 0.5}]
BOXES = [{"image_id": 1, "category_id": 1, "bbox": [5, 5, 30, 40], "score": 0.5}]
IMAGES = {1: COCO["images"][0]}
COCO_TEST = {"images": COCO["images"], "categories": COCO["categories"]}
MPII_TEST = [{"image": "a.jpg", "center": [30, 20], "scale": 0.2}]
RECIPE = {
    "model": "elpn_v1", "model_options": {"width": 8, "modules": [1, 1, 1], "gc_ratio": 0.25, "gc_blocks": ["neck"]},
    "skeleton": "coco17", "input_size_wh": [64, 64], "losses": {"mse": 1.0},
    "loss_options": {"reduction": "sum", "temperature": 0.1, "tau": 0.01, "live_weights": True}, "log_gradients": True,
    "augmentation": {"distribution": "normal", "zoom": [1, 2], "zoom_reference": "fitted", "zoom_uniform_in": "view"},
    "train": [{"annotations": "a.json", "images": "i", "names": "!a*"}], "holdout": [{"annotations": "a.json"}],
    "precision": "32-true", "milestones": [1],
}  # fmt: skip
SIZE = {
    "recipe": "training/elpn_v1_coco.yaml", "overrides": {"epochs": 1, "model_options.width": 8},
    "metric": {"name": "AP", "figure": "AP", "annotations": "a", "images": "i", "protocol": "plain", "boxes": ""},
}  # fmt: skip
TABLE = {
    "name": "t", "title": "t", "source": "s", "convention": "Gi", "paper": SIZE, "small": SIZE,
    "rows": [{"name": "r", "overrides": {"epochs": 2}, "printed": {"score": 1, "parameters_m": 1, "macs": 1}}],
}  # fmt: skip


def figures(judge, path):
    """Judge by the file; no figure may be other than a number."""
    found = judge(path, None).score(RESULTS if judge is CocoBenchmark else [])
    assert np.isfinite(list(found.values())).all()


def read_recipe(path):
    """Read and check a recipe as a training does before it builds the network."""
    recipe = load_recipe(path)
    check_recipe(recipe)
    check_options(one_of(one_of(TASKS, recipe.task, "task").models, recipe.model, "model"), recipe.model_options)
    weighted(heatmap_terms(None, recipe.loss_options), recipe.losses)


def read_table(path):
    """Read an ablation table, a YAML file as every JSON file is, and the recipes of its rows."""
    table = load_table(str(Path(path).rename(path.with_suffix(".yaml"))))
    for row in table.rows:
        for small in (True, False):
            row_recipe(table, row, small, [])


READERS = {
    "coco": (COCO, lambda path: figures(CocoBenchmark, path)),
    "crowdpose": (CROWDPOSE, lambda path: figures(CrowdPoseBenchmark, path)),
    "detection": (COCO, detection.load_truth),
    "persons": (COCO, lambda path: load_persons(path, get_skeleton("coco17"))),
    "bottom_up": (COCO, lambda path: scenes.load_scenes(path, get_skeleton("coco17"))),
    "boxes": (FOUND, boxes.load_scenes),
    "others": (FOUND, scenes.boxes_by_name),
    "mpii": (MPII, mpii.load_ground_truth),
    "mpii persons": (MPII, lambda path: load_persons(path, get_skeleton("mpii16"))),
    "predictions": (RESULTS, lambda path: read_results(path, IMAGES, get_skeleton("coco17"))),
    "detections": (BOXES, lambda path: read_detections(path, IMAGES)),
    "coco test set": (COCO_TEST, open_test_set),
    "mpii test set": (MPII_TEST, open_test_set),
    "recipe": (RECIPE, read_recipe),
    "ablation table": (TABLE, read_table),
}


def places(value, path=()):
    """Yield the paths to the parts of a value; of a list to its first two items."""
    yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value[:2]):
            yield from places(part, (*path, index))


def changed(content, path, value):
    """Return the content with the value in place of the part at the path."""
    if not path:
        return value
    content = copy.deepcopy(content)
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return content


@pytest.mark.parametrize("name", READERS)
def test_every_value_in_every_place(name, tmp_path):
    content, read = READERS[name]
    file, refused = tmp_path / "a.json", 0
    file.write_text(json.dumps(content))
    read(file)
    for path in places(content):
        for value in VALUES:
            file.write_text(json.dumps(changed(content, path, value)))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", RuntimeWarning)
                    read(file)
            except PoseError as error:
                refused += 1
                assert "\n" not in str(error) and len(str(error)) < 1000
    assert refused
