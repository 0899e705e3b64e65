"""Check without labels whether a model sees frames as it was trained, by its scores in other conventions.

A model runs on frames of the demo's clip as its spec has it, and in neighbouring conventions: channels exchanged, other
values, another padding of the box. A network that gets what it was trained on is surer of what it finds. The smallest
gains that are worth a warning were measured on models whose conventions are known. The check has limits. Values that
are too large saturate some networks, whose scores then rise by up to a third. A wider crop raises those of others by
5 %. Detectors find more or less on this clip with any colours and aspect ratio, so that of them the values alone are
checked, and only where they find next to nobody.
"""

import time
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np
import onnx
from onnx import numpy_helper

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.core.model_spec import TASKS, ModelSpec
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.importing.model_import import Say
from pose_estimation_ros.inference.backends.base import Backend, Outputs
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.detector import NetworkDetector, open_network_detector
from pose_estimation_ros.inference.estimators.open import ESTIMATORS

DETECTOR = "person_detector"
EVERY = 25  # of the clip's frames
SURE = 0.2  # scores of people below are noise
LEAST_SCORE = 0.2  # a network that is nowhere surer finds nobody
# Smallest gains of the mean score, as parts of it, that are worth a warning.
COLOR_GAIN, VALUES_GAIN, CROP_GAIN = 0.02, 0.5, 0.1
FEW_FOUND = 1.0  # sum of the scores in a frame, which shows about five people
MOST_SECONDS = 15.0  # for all conventions; a slow network sees fewer frames
LEAST_SHARE = 0.55  # of people or frames whose score rises
PADDINGS = (1.0, 1.25, 1.5)
NORMALISATIONS: Dict[str, Tuple[Tuple[float, ...], Tuple[float, ...]]] = {
    "values 0..255": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "values 0..1": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "ImageNet's mean and std": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
Normalisation = Tuple[Sequence[float], Sequence[float]]  # mean and std of R, G and B
Scene = Tuple[np.ndarray, np.ndarray]  # frame (H, W, 3) uint8 BGR, boxes (N, 4) xyxy px
Change = Callable[[np.ndarray], np.ndarray]


class Neighbour(NamedTuple):
    """Describe another convention.

    Attributes:
        name: what differs.
        spec: spec of the model in it.
        change: changes a batch (N, 3, h, w) float32 RGB 0..255 to what the network would get.
        least_gain: smallest gain of the mean score that is worth a warning.
        below: a mean score from which on the own convention is not doubted.
    """

    name: str
    spec: ModelSpec
    change: Change
    least_gain: float
    below: float = np.inf


class Changed(Backend):
    """Run a network on changed batches."""

    def __init__(self, backend: Backend, change: Change) -> None:
        """Take an open network, which stays open, and the change."""
        self._backend, self._change = backend, change
        self.input_shape, self.output_shapes = backend.input_shape, backend.output_shapes

    def run(self, batch: np.ndarray) -> Outputs:
        """Compute the outputs of a changed batch."""
        return self._backend.run(np.ascontiguousarray(self._change(batch), np.float32))

    def close(self) -> None:
        """Leave the network open."""


def check_conventions(path: str, report: Say) -> None:
    """Compare the conventions of a model with others on the demo's clip.

    Args:
        path: an ONNX file with its spec, a pose model or a detector.
        report: receives a line with the scores, and one for each convention in which they are clearly higher.
    """
    try:
        scenes = open_scenes()
    except PoseError as error:
        report("conventions not checked, which takes the demo's clip and the model %s: %s" % (DETECTOR, error))
        return
    backend, spec = open_model(path, TASKS)
    with backend:
        others = neighbours(spec, normalisation_of(onnx.load(path)))
        unchanged = Neighbour("", spec, lambda batch: batch, 0)
        report("comparing %d conventions on the demo's clip" % (1 + len(others)))
        started_s = time.monotonic()
        scores(unchanged, backend, scenes[:1])
        scenes = affordable(scenes, (time.monotonic() - started_s) * (1 + len(others)))
        own = scores(unchanged, backend, scenes)
        compared = [(other, scores(other, backend, scenes)) for other in others]
    report_scores(own, compared, report)


def affordable(scenes: List[Scene], seconds: float) -> List[Scene]:
    """Return as many of the scenes as take MOST_SECONDS, one at least.

    Args:
        scenes: frames with boxes.
        seconds: time that one scene takes, s.
    """
    return scenes[: max(1, int(MOST_SECONDS / max(seconds, 1e-9)))]


def report_scores(own: np.ndarray, compared: List[Tuple[Neighbour, np.ndarray]], report: Say) -> None:
    """Report the scores, and warn of conventions in which they are clearly higher.

    Args:
        own: (N,) scores of people or frames in the convention of the spec.
        compared: other conventions, and the scores of the same people or frames in them.
        report: receives the lines.
    """
    means = ", ".join("%s %.2f" % (other.name, values.mean()) for other, values in compared)
    report("score on the demo's clip: %.2f as imported; for comparison: %s" % (own.mean(), means))
    if max([own.mean()] + [values.mean() for _other, values in compared]) < LEAST_SCORE:
        report("the conventions cannot be checked: the network is sure of nobody on the clip in any of them")
        return
    warnings = list(_warnings(own, compared))
    for line in warnings or ["no other convention is clearly better"]:
        report(line)


def _warnings(own: np.ndarray, compared: List[Tuple[Neighbour, np.ndarray]]) -> Iterator[str]:
    for other, values in compared:
        gain, share = values.mean() / max(own.mean(), 1e-6) - 1, (values > own).mean()
        if gain >= other.least_gain and share >= LEAST_SHARE and own.mean() < other.below:
            text = "WARNING: scores are %.0f %% higher with %s (for %.0f %% of %d): is the convention right?"
            yield text % (100 * min(gain, 99), other.name, 100 * share, len(own))


def open_scenes() -> List[Scene]:
    """Return frames of the demo's clip with the people in them. Raises PoseError where clip or detector are missing."""
    with open_source(demo_clip()) as clip:
        frames = [frame.image for frame in clip if frame.index % EVERY == 0]
    detector = open_network_detector(DETECTOR)
    try:
        return [(frame, detector(frame)[0]) for frame in frames]
    finally:
        detector.close()


def neighbours(spec: ModelSpec, normalisation: Normalisation) -> List[Neighbour]:
    """List the conventions that are compared with that of a spec.

    Args:
        spec: spec of the model.
        normalisation: mean (3,) and std (3,) by which the graph normalises RGB 0..255.
    """
    finds_people = spec.task in ("person_detector", "one_stage")
    others = []
    for name, values in NORMALISATIONS.items():
        if not np.allclose(values, normalisation):
            change = _renormalise(normalisation, values)
            others.append(Neighbour(name, spec, change, VALUES_GAIN, FEW_FOUND if finds_people else np.inf))
    if not finds_people:
        others.append(Neighbour("channels exchanged", spec, lambda batch: batch[:, ::-1], COLOR_GAIN))
    for padding in PADDINGS if spec.task == "top_down" else ():
        if padding != spec.padding:
            other = spec._replace(padding=padding)
            others.append(Neighbour("padding %g" % padding, other, lambda batch: batch, CROP_GAIN))
    return others


def _renormalise(own: Normalisation, other: Normalisation) -> Change:
    """Make a change by which a graph that normalises in its own way gets what another way gives."""
    (mean, std), (other_mean, other_std) = (
        tuple(np.asarray(values, np.float32)[:, None, None] for values in pair) for pair in (own, other)
    )
    return lambda batch: (batch - other_mean) / other_std * std + mean


def normalisation_of(model: onnx.ModelProto) -> Normalisation:
    """Read by which mean and std (3,) the first nodes of a graph normalise RGB 0..255.

    The nodes may exchange the channels, subtract, and divide or multiply, in this order; anything else ends them.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    readers: Dict[str, List[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    mean: np.ndarray = np.zeros(3)
    std: np.ndarray = np.ones(3)
    x, exchanged = model.graph.input[0].name, False
    while len(readers.get(x, [])) == 1:
        node = readers[x][0]
        values = [numpy_helper.to_array(constants[name]).ravel() for name in node.input if name in constants]
        if node.op_type == "Gather" and values and values[0].tolist() == [2, 1, 0]:
            exchanged = True
        elif node.op_type in ("Sub", "Div", "Mul") and values and values[0].size in (1, 3) and node.input[0] == x:
            number = np.broadcast_to(values[0].astype(float), 3)
            mean = mean + (node.op_type == "Sub") * number * std
            std = std * {"Div": number, "Mul": 1 / number}.get(node.op_type, 1.0)
        elif node.op_type != "Identity":
            break
        x = node.output[0]
    step = -1 if exchanged else 1
    return mean[::step].tolist(), std[::step].tolist()


def scores(convention: Neighbour, backend: Backend, scenes: List[Scene]) -> np.ndarray:
    """Return how sure a network is of the people in some frames.

    Args:
        convention: how it sees the frames.
        backend: the network.
        scenes: the frames.

    Returns:
        (N,): for a top-down model the mean keypoint score of each box, for others the sum of each frame's scores of
        people.
    """
    changed, spec = Changed(backend, convention.change), convention.spec
    if spec.task == "person_detector":
        detector = NetworkDetector(changed, spec, SURE)
        return np.array([detector(frame)[1].sum() for frame, _boxes in scenes])
    estimator = ESTIMATORS[spec.task](changed, spec)
    people = [estimator(frame, boxes).person_score for frame, boxes in scenes]
    if spec.task == "top_down":
        return np.concatenate(people)
    return np.array([values[values > SURE].sum() for values in people])
