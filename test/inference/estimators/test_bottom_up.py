import json

import cv2
import numpy as np
import pytest

from pose_estimation_ros.__main__ import main
from pose_estimation_ros.core.errors import ConfigError, FrameError, ModelError
from pose_estimation_ros.core.geometry import apply, letterbox_matrix
from pose_estimation_ros.core.heatmap import encode
from pose_estimation_ros.core.model_spec import ModelSpec, load_model_spec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.build import build_pipeline
from pose_estimation_ros.inference.estimators.bottom_up import BottomUp
from pose_estimation_ros.inference.options import PipelineOptions
from pose_estimation_ros.inference.stopwatch import Stopwatch

SIZE_WH = (256, 192)
SPEC = ModelSpec(
    "fake", "bottom_up", SIZE_WH, "rgb", get_skeleton("coco17"), 4, "associative_embedding", 1.0, "", {}, {}
)
FLIP_INDEX = get_skeleton("coco17").flip_index
SPEC_CHANGES = {"task": "bottom_up", "decoder": "associative_embedding"}


def maps(people_xy, weights):
    """What a perfect network answers: people_xy (N, 17, 2) in input px, their heatmaps' height, tags 2 apart."""
    outputs = {"tags": np.zeros((17, 48, 64), np.float32)}
    for name, stride in (("heatmaps", 4), ("heatmaps_2x", 2)):
        size_wh = (SIZE_WH[0] // stride, SIZE_WH[1] // stride)
        dots = [w * encode(xy / stride, np.ones(17), size_wh, 1.0)[0] for xy, w in zip(people_xy, weights)]
        outputs[name] = np.max(dots, 0, initial=0) if dots else np.zeros((17,) + size_wh[::-1], np.float32)
    for number, xy in enumerate(people_xy):
        for k, (x, y) in enumerate(np.round(xy / 4).astype(int)):
            outputs["tags"][k, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 2 * number
    return {name: array[None] for name, array in outputs.items()}


class Network:
    """Answers first for the image, then for its mirror image."""

    def __init__(self, people_xy, weights):
        mirrored = [(xy * [-1, 1] + [SIZE_WH[0] - 1, 0])[FLIP_INDEX] for xy in people_xy]
        self.answers = [maps(people_xy, weights), maps(mirrored, weights)]
        self.batches = []

    def __call__(self, batch):
        self.batches.append(batch)
        return self.answers[len(self.batches) - 1]


def people(count, frame_wh, seed=0):
    """(N, 17, 2) px of the frame, each in a third of its width."""
    random = np.random.RandomState(seed)
    unit = random.uniform([0.05, 0.1], [0.28, 0.9], (count, 17, 2)) + np.arange(count)[:, None, None] * [1 / 3.0, 0]
    return unit * frame_wh


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("frame_wh", [(256, 192), (640, 480), (640, 360), (300, 500), (50, 40)])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_people_come_back_in_frame_pixels_best_first(count, frame_wh, flip_test):
    weights = [0.6, 0.9, 0.75][:count]
    matrix = letterbox_matrix(frame_wh, SIZE_WH)
    frame_xy = people(count, frame_wh)
    network = Network(apply(matrix, frame_xy) if count else frame_xy, weights)
    poses = BottomUp(network, SPEC, flip_test)(np.zeros((frame_wh[1], frame_wh[0], 3), np.uint8))
    assert poses.count == count and (poses.track_id == -1).all() and len(network.batches) == 1 + flip_test
    for found, number in enumerate(np.argsort(weights)[::-1]):
        error = np.abs(poses.xy[found] - frame_xy[number]) * matrix[0, 0]
        assert error.max() < 1.6 and np.abs(error.mean()) < 0.8  # px of the network's input, 4 to a heatmap's
        assert np.abs(poses.person_score[found] - weights[number]) < 0.15
        corners = frame_xy[number].min(0).tolist() + frame_xy[number].max(0).tolist()
        assert np.abs(poses.box_xyxy[found] - corners).max() * matrix[0, 0] < 1.6


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("told_apart_by", [0, 1])
def test_people_may_differ_in_either_of_two_tags(told_apart_by, flip_test):
    xy, weights = people(3, SIZE_WH), [0.6, 0.9, 0.75]
    frame = np.zeros(SIZE_WH[::-1] + (3,), np.uint8)
    expected = BottomUp(Network(xy, weights), SPEC, flip_test)(frame)
    network = Network(xy, weights)
    for answer in network.answers:
        both = [np.zeros_like(answer["tags"])] * 2
        both[told_apart_by] = answer["tags"]
        answer["tags"] = np.concatenate(both, 1)
    found = BottomUp(network, SPEC, flip_test)(frame)
    assert found.count == 3 and np.array_equal(found.xy, expected.xy)


def test_the_flip_test_has_no_bias():
    """Left and right errors of many joints cancel; a pixel's shift of the mirrored map would not."""
    errors = []
    for seed in range(20):
        xy = people(1, (3 * SIZE_WH[0], SIZE_WH[1]), seed)
        poses = BottomUp(Network(xy, [1.0]), SPEC, True)(np.zeros(SIZE_WH[::-1] + (3,), np.uint8))
        errors.append(poses.xy[0] - xy[0])
    assert np.abs(np.mean(errors, (0, 1))).max() < 0.15  # px of 256


def test_the_mirrored_frame_is_what_the_network_gets():
    frame = np.random.RandomState(0).randint(0, 255, SIZE_WH[::-1] + (3,)).astype(np.uint8)
    network = Network(people(1, SIZE_WH), [1.0])
    BottomUp(network, SPEC, True)(frame)
    assert (network.batches[1] == network.batches[0][..., ::-1]).all()
    assert (network.batches[0][0] == frame[:, :, ::-1].transpose(2, 0, 1)).all()


@pytest.mark.parametrize("flip_test", [False, True])
def test_the_watch_gets_every_stage(flip_test):
    watch = Stopwatch()
    BottomUp(Network(people(2, SIZE_WH), [1.0, 1.0]), SPEC, flip_test, watch)(np.zeros((192, 256, 3), np.uint8))
    assert min(watch.timing) > 0


def test_nobody_is_seen_beside_the_frame():
    xy = people(1, SIZE_WH)
    frame = np.zeros((SIZE_WH[1], 20, 3), np.uint8)  # the letterbox shows it in the left 20 columns
    network = Network(np.concatenate([xy * [0.1, 1], xy + [50, 0]]), [0.9, 1.0])
    poses = BottomUp(network, SPEC)(frame)
    assert poses.count == 1 and poses.xy[..., 0].max() < 20


@pytest.mark.parametrize("shape", [None, (192, 256), (192, 256, 1), (192, 256, 2), (192, 256, 4)])
def test_what_is_no_frame_is_refused(shape):
    frame = None if shape is None else np.zeros(shape, np.uint8)
    with pytest.raises(FrameError, match=r"expected a frame \(H, W, 3\) uint8, got "):
        BottomUp(Network(people(1, SIZE_WH), [1.0]), SPEC)(frame)


@pytest.fixture
def free_model(save_onnx, save_spec):
    """As hue_model, for any size; nominally 96x64."""
    nodes, weights = hue_nodes()
    shapes = {name: ["n", 17, name + "_h", name + "_w"] for name in ("heatmaps", "heatmaps_2x", "tags")}
    path = save_onnx("free_model", nodes, {"images": ["n", 3, "h", "w"]}, shapes, weights)
    save_spec(path, **dict(SPEC_CHANGES, input_size_wh=(96, 64)))
    return path


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize(
    "frame_wh, size_wh", [((96, 128), (64, 128)), ((128, 96), (128, 64)), ((256, 100), (192, 64)), ((90, 90), (64, 64))]
)
def test_the_short_side_is_the_models_and_both_are_multiples_of_64(free_model, blob, frame_wh, size_wh, flip_test):
    frame = np.zeros((frame_wh[1], frame_wh[0], 3), np.uint8)
    blob(frame, (24, 40), (0, 0, 240), sigma=5)
    blob(frame, (64, 80), (0, 200, 0), sigma=5)
    backend, spec = open_model(free_model, "bottom_up", 1)
    shapes = []

    class Watched:
        input_shape = backend.input_shape

        def __call__(self, batch):
            shapes.append(batch.shape)
            return backend(batch)

    with backend:
        poses = BottomUp(Watched(), spec, flip_test, short_side=True)(frame)
    assert shapes == [(1, 3) + size_wh[::-1]] * (1 + flip_test)
    assert poses.count == 2 and np.abs(poses.xy - np.array([[[24, 40]], [[64, 80]]])).max() < 3


def test_a_free_network_is_fitted_to_its_nominal_size_unless_asked(free_model, red_and_green):
    backend, spec = open_model(free_model, "bottom_up", 1)
    with backend:
        poses = BottomUp(backend, spec)(red_and_green)
    assert poses.count == 2 and np.abs(poses.xy - np.array([[[24, 40]], [[64, 80]]])).max() < 4


def test_the_short_side_needs_a_free_size(hue_model):
    backend, spec = open_model(hue_model, "bottom_up", 1)
    with backend, pytest.raises(ModelError, match=r"free height and width .*--free-size.*, got .*3, 64, 48"):
        BottomUp(backend, spec, short_side=True)


def test_a_flip_test_needs_flip_pairs():
    spec = SPEC._replace(skeleton=SPEC.skeleton._replace(name="hand", flip_pairs=()))
    with pytest.raises(ConfigError, match="fake: skeleton hand has no flip pairs, which the flip test needs"):
        BottomUp(Network(people(1, SIZE_WH), [1.0]), spec, True)


def hue_nodes():
    """A network that sees joints where red or green is bright, all 17 at once, and tags red with 2, green with -2."""
    nodes = [
        ("Conv", ["images", "bright"], ["heatmaps"], {"strides": [4, 4]}),
        ("Conv", ["images", "bright"], ["heatmaps_2x"], {"strides": [2, 2]}),
        ("Conv", ["images", "hue"], ["tags"], {"strides": [4, 4]}),
    ]
    bright, hue = np.zeros((2, 17, 3, 1, 1))
    bright[:, :2], hue[:, 0], hue[:, 1] = 1 / 255.0, 2 / 255.0, -2 / 255.0
    return nodes, {"bright": bright, "hue": hue}


@pytest.fixture
def hue_model(save_onnx, save_spec):
    nodes, weights = hue_nodes()
    sizes = {"heatmaps": [16, 12], "heatmaps_2x": [32, 24], "tags": [16, 12]}
    shapes = {name: ["n", 17] + size for name, size in sizes.items()}
    path = save_onnx("hue_model", nodes, {"images": ["n", 3, 64, 48]}, shapes, weights)
    save_spec(path, **SPEC_CHANGES)
    return path


@pytest.fixture
def red_and_green(blob):
    frame = np.zeros((128, 96, 3), np.uint8)
    blob(frame, (24, 40), (0, 0, 240), sigma=5)
    blob(frame, (64, 80), (0, 200, 0), sigma=5)
    return frame


@pytest.mark.parametrize("flip_test", [False, True])
def test_a_pipeline_with_a_bottom_up_model_needs_no_detector(hue_model, red_and_green, flip_test):
    options = PipelineOptions(model=hue_model, detector="no such detector", flip_test=flip_test, threads=1)
    with build_pipeline(options) as pipeline:
        poses = [pipeline(red_and_green, i / 30.0) for i in range(7)][-1]
        assert min(pipeline.timing) > 0 and not pipeline.shares_runs
    assert poses.count == 2 and poses.track_id.tolist() == [1, 2]
    assert np.abs(poses.xy - np.array([[[24, 40]], [[64, 80]]])).max() < 3
    assert poses.score.min() > 0.7


def test_no_more_people_than_asked_for(hue_model, red_and_green):
    with build_pipeline(PipelineOptions(model=hue_model, max_people=1, threads=1)) as pipeline:
        poses = pipeline(red_and_green, 0.0)
    assert poses.count == 1 and np.abs(poses.xy[0] - [24, 40]).max() < 3  # red is the brighter


def test_predict_with_a_bottom_up_model(hue_model, red_and_green, tmp_path):
    cv2.imwrite(str(tmp_path / "7.png"), red_and_green)
    out = str(tmp_path / "out")
    assert main(["predict", str(tmp_path / "7.png"), "--out", out, "--model", hue_model]) == 0
    with open(out + "/keypoints.json") as file:
        results = json.load(file)
    assert [result["image_id"] for result in results] == [7, 7] and results[0]["score"] > results[1]["score"]


def test_outputs_that_are_no_bottom_up_models(color_model, hue_model, save_spec, constant_model):
    spec = load_model_spec(hue_model)
    assert spec.task == "bottom_up"
    with pytest.raises(ModelError, match="expected a model for top_down, got one for bottom_up"):
        open_model(hue_model, "top_down")
    save_spec(color_model, **SPEC_CHANGES)
    with pytest.raises(ModelError, match="expected an output 'tags'"):
        open_model(color_model, "bottom_up")
    outputs = {"heatmaps": (16, 12), "tags": (16, 12), "heatmaps_2x": (16, 12)}
    path = constant_model("m", {name: np.zeros((1, 17) + size) for name, size in outputs.items()}, (48, 64))
    save_spec(path, **SPEC_CHANGES)
    with pytest.raises(ModelError, match=r"expected output 'heatmaps_2x' of shape \(any, 17, 32, 24\), got .*16, 12"):
        open_model(path, "bottom_up")
    save_spec(path, task="bottom_up")
    with pytest.raises(ModelError, match="expected decoder 'associative_embedding' for bottom_up"):
        open_model(path, "bottom_up")
