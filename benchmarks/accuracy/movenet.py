"""Google's MoveNet through our evaluator, on ground-truth boxes: does our AP agree with that of other code?

The ONNX files take one image of int32 NHWC RGB and give (1, 1, 17, 3): y, x, score in 0..1 of the crop. As the
reference of shared data/README.md: the box made square and grown by 1.1, crops anchored at pixel corners (not centres,
as ours), no flip, no OKS-NMS, a person's score the mean of all keypoints'. Of these the README names box and flip; the
rest was found by trying, and with it all its figures are met to 0.1, AP50 and AP75 too.

Run: PYTHONPATH=. python benchmarks/accuracy/movenet.py MODEL.onnx DATA [RESULTS.json]
RESULTS.json is a file for `pose evaluate --predictions`.
"""

import sys

import numpy as np
import onnxruntime
from tqdm import tqdm

from pose_estimation_ros.core.atomic_files import write_json
from pose_estimation_ros.core.geometry import apply, crop_matrices, invert
from pose_estimation_ros.core.poses import make_poses
from pose_estimation_ros.datasets import coco_index
from pose_estimation_ros.datasets.coco_json import annotation_file
from pose_estimation_ros.evaluation.metrics import coco
from pose_estimation_ros.evaluation.run_models import annotated_image
from pose_estimation_ros.imaging.crops import warp_crops

PADDING = 1.1


class MoveNet:
    """A callable ``frame, boxes -> Poses``, as inference.estimators.top_down.TopDown."""

    def __init__(self, path, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0]
        self.size_wh = self._input.shape[2], self._input.shape[1]

    def run(self, crop):
        """Run the network on a crop (1, h, w, 3) int32 RGB, and return (1, 1, 17, 3): y, x, score."""
        return self._session.run(None, {self._input.name: crop})[0]

    def __call__(self, frame, boxes):
        """Estimate the people in the boxes (N, 4) xyxy px, N > 0, of a frame (H, W, 3) uint8 BGR, in their order."""
        matrices = crop_matrices(boxes, self.size_wh, PADDING)
        matrices[..., 2] += 0.5  # the box's corner, not the middle of a pixel, at (0, 0)
        crops = warp_crops(frame, matrices, self.size_wh).transpose(0, 2, 3, 1).astype(np.int32)
        found = np.concatenate([self.run(crop[None])[:, 0] for crop in crops])
        xy = apply(invert(matrices), found[..., 1::-1] * self.size_wh)
        return make_poses(xy, found[..., 2], boxes, found[..., 2].mean(1))


def predict(movenet, data):
    """Return the annotations of a data set in COCO's layout and the results of a MoveNet in its boxes."""
    truth, folder, results = coco_index.load_ground_truth(data), annotation_file(data).parent, []
    for image_id, (boxes, _) in tqdm(coco_index.ground_truth_boxes(truth).items(), "images", leave=False):
        if len(boxes):
            results += movenet(annotated_image(truth, folder, image_id), boxes).to_coco(image_id)
    return truth, results


def main(model, data, out=None):
    """Print the figures of a MoveNet, and write its results if a file is named."""
    truth, results = predict(MoveNet(model), data)
    if out:
        write_json(out, results)
    figures = coco.keypoint_ap(truth, results)
    print(f"{model}, {len(truth.imgs)} images:", "  ".join(f"{name} {value:.2f}" for name, value in figures.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
