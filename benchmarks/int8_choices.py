"""How far int8 should reach and what should stay float32, judged on data that neither trained nor tests the models.

The shipped ELPN-V1, calibrated on 200 persons of coco_train, on the 183 held-out person crops, without flip test: AP by
pycocotools; what the mean OKS of all persons loses against float32, with the standard error of that difference, person
by person, which tells more than AP does; and how far keypoints lie from float32's, in px of the network's input. The
shipped detector, calibrated on 200 training images, on the 54 held-out images: recall at 0.2 and 1 false positives.

Run: PYTHONPATH=. python benchmarks/int8_choices.py [--data ../shared/data] [--json FILE]
"""

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import onnx

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.geometry import crop_matrices, xywh_to_xyxy
from pose_estimation_ros.core.model_spec import load_model_spec
from pose_estimation_ros.core.oks import oks
from pose_estimation_ros.core.timing import table
from pose_estimation_ros.evaluation.metrics import coco, detection
from pose_estimation_ros.inference.backends.find import onnx_file
from pose_estimation_ros.inference.backends.open import open_backend
from pose_estimation_ros.inference.detector import OWN, NetworkDetector
from pose_estimation_ros.inference.predict import coco_results
from pose_estimation_ros.inference.top_down import TopDown
from pose_estimation_ros.training.data.images import ImageStore
from pose_estimation_ros.training.export import int8
from pose_estimation_ros.training.export.calibration import calibration_batches
from pose_estimation_ros.training.export.onnx_graph import last_convolutions, load_float32, outer_nodes
from pose_estimation_ros.training.export.ranges import METHODS, observe, ranges

MODELS = Path(__file__).resolve().parent.parent / "models"
COUNT = 200  # persons or images to calibrate on
OPS = {"int8-cpu": (int8.CPU_OPS, int8.FOR_CPU), "int8-tensorrt": (int8.TENSORRT_OPS, int8.FOR_TENSORRT)}
BY_RULE, RULE = "by rule", int8.kept_float32
KEPT = {
    BY_RULE: RULE,
    "last convolutions in int8": lambda graph: sorted(set(RULE(graph)) - set(last_convolutions(graph))),
    "vectors in int8": lambda graph: outer_nodes(graph) + last_convolutions(graph),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data", type=Path)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    persons = compare("elpn_v1_coco", args.data / "coco_train", Persons(args.data / "crops"), args.methods)
    print(table(["", "ranges", "float32", *Persons.COLUMNS], persons, words=3), "\n", flush=True)
    images = args.data / "boxes"
    boxes = compare("person_detector", images / "person_boxes_train.json", Boxes(images), args.methods)
    print(table(["", "ranges", "float32", *Boxes.COLUMNS], boxes, words=3))
    if args.json:
        write_json(args.json, {"persons": persons, "boxes": boxes}, indent=1)


def compare(name, calibration, judge, methods):
    """Rows (precision, method, what stays float32, *figures), float32 first."""
    path = MODELS / f"{name}.onnx"
    spec, model = load_model_spec(str(path)), load_float32(path)
    seen = observe(model, int8.CPU_OPS, calibration_batches(spec, calibration, COUNT))  # TensorRT's are among them
    rows = [["float32", "", "", *judge(onnx.load(path), spec)]]
    for precision, (op_types, options) in OPS.items():
        for kept_name, method in product(KEPT, methods):
            found = ranges(seen, method, symmetric=precision == "int8-tensorrt")
            with mock.patch.object(int8, "kept_float32", KEPT[kept_name]):
                changed = int8.finished(int8.quantised(model, found, op_types, options))
            rows.append([precision, method, kept_name, *judge(changed, spec)])
            print(".", end="", file=sys.stderr, flush=True)
    return rows


class Persons:
    """A callable (model, spec) -> COLUMNS; the first model is what the others are compared with."""

    COLUMNS = ("AP", "OKS", "change", "+-", "median px", "p99 px")

    def __init__(self, folder):
        self._truth = coco.load_ground_truth(folder / "person_keypoints_holdout.json")
        self._images = ImageStore(folder / "crops_holdout.tar")
        self._annotations = [self._truth.imgToAnns[image_id][0] for image_id in self._truth.getImgIds()]
        self._first = None

    def __call__(self, model, spec):
        poses = self._poses(model, spec)
        xy = np.concatenate([own.xy for own in poses])
        found = self._oks(xy)
        first_xy, first = self._first = self._first or (xy, found)
        boxes = xywh_to_xyxy(np.array([own["bbox"] for own in self._annotations]))
        scale = crop_matrices(boxes, spec.input_size_wh, spec.padding)[:, 0, 0]  # px of the input per px of the image
        moved = np.linalg.norm(xy - first_xy, axis=-1) * scale[:, None]
        named = zip(self._annotations, poses, strict=True)
        results = [result for own, pose in named for result in coco_results(pose, own["image_id"])]
        change = 100 * (found - first)
        error = change.std(ddof=1) / np.sqrt(len(change))
        ap = coco.keypoint_ap(self._truth, results)["AP"]
        return [ap, 100 * found.mean(), change.mean(), error, *map(float, np.percentile(moved, [50, 99]))]

    def _poses(self, model, spec):
        with opened(model) as backend:
            estimator = TopDown(backend, spec)
            return [self._pose(estimator, own) for own in self._annotations]

    def _pose(self, estimator, own):
        frame = self._images.read(self._truth.imgs[own["image_id"]]["file_name"])
        return coco.poses_in_boxes(estimator, frame, xywh_to_xyxy(np.array([own["bbox"]])), np.ones(1))

    def _oks(self, xy):
        """(N,) of each person to its own annotation."""
        labels = np.array([own["keypoints"] for own in self._annotations]).reshape(len(xy), -1, 3)
        area = np.array([own["area"] for own in self._annotations])
        sigmas = coco.get_skeleton(coco.SKELETON).sigmas
        return np.diagonal(oks(labels[..., :2], labels[..., 2] > 0, area, xy, sigmas))


class Boxes:
    """A callable (model, spec) -> COLUMNS."""

    COLUMNS = ("recall at 0.2", "recall at 1")

    def __init__(self, folder):
        self._truths = detection.load_truth(folder / "person_boxes_holdout.json")
        self._images = ImageStore(folder / "images_holdout.tar")

    def __call__(self, model, spec):
        with opened(model) as backend:
            detector = NetworkDetector(backend, OWN, score_threshold=0.01)
            found = [detector(self._images.read(truth.file_name)) for truth in self._truths]
        figures = detection.summary(detection.curve(detection.judge(found, self._truths)))
        return [100 * figures[name] for name in ("recall_at_0.2_fp", "recall_at_1_fp")]


def opened(model):
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, str(Path(folder, "model.onnx")))
        return open_backend(onnx_file(str(Path(folder, "model.onnx"))), 1)


if __name__ == "__main__":
    main()
