import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.geometry import apply, crop_matrices
from pose_estimation_ros.core.heatmap import encode
from pose_estimation_ros.core.model_spec import CROPS, ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.estimators.estimator import Look
from pose_estimation_ros.inference.estimators.top_down import BATCH_SIZE, TopDown, person_scores

SPEC = ModelSpec("fake", "top_down", (192, 256), "rgb", get_skeleton("coco17"), 4, "quarter_offset", 1.25, "", {}, {})
FRAME = np.zeros((480, 640, 3), np.uint8)


class FakeBackend:
    """Answers with the same keypoints (17, 2), in input px, in every crop; remembers the batches."""

    def __init__(self, input_xy, scores=None):
        self.heatmaps = encode(input_xy / 4, np.ones(17), (48, 64))[0]
        if scores is not None:
            self.heatmaps *= np.array(scores, np.float32)[:, None, None]
        self.sizes, self.output_shapes = [], {"heatmaps": (None, 17, 64, 48)}

    def __call__(self, batch):
        self.sizes.append(len(batch))
        return {"heatmaps": np.repeat(self.heatmaps[None], len(batch), 0)}


def whole_heatmap_pixels(seed=0):
    return 4.0 * np.random.RandomState(seed).randint(2, 46, (17, 2))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_keypoints_come_back_to_image_pixels(count):
    boxes = np.array([[50, 60, 150, 260], [300, 100, 500, 200], [600, 400, 700, 500]], float)[:count]
    input_xy = whole_heatmap_pixels()
    poses = TopDown(FakeBackend(input_xy), SPEC)(FRAME, boxes)
    matrices = crop_matrices(boxes, (192, 256), 1.25)
    assert poses.count == count and (poses.track_id == -1).all()
    assert np.allclose(apply(matrices, poses.xy), np.repeat(input_xy[None], count, 0), atol=1e-2)
    assert np.allclose(poses.box_xyxy, boxes)
    for n in range(count):
        step = 4 * 1.25 * max((boxes[n, 2] - boxes[n, 0]) / 192, (boxes[n, 3] - boxes[n, 1]) / 256)  # px of the frame
        for k in range(17):
            left, top = poses.xy[n, k] + 0.5  # from the edges of the frame
            shown = min(left, top, 640 - left, 480 - top) >= step
            assert poses.score[n, k] == pytest.approx(float(shown)), "at the frame's edge a joint is not seen"


@pytest.mark.parametrize("count", [0, 1, BATCH_SIZE, BATCH_SIZE + 1, 3 * BATCH_SIZE])
def test_people_go_through_in_batches(count):
    backend = FakeBackend(whole_heatmap_pixels())
    boxes = np.tile([10.0, 10, 100, 200], (count, 1)) + np.arange(count)[:, None]
    poses = TopDown(backend, SPEC)(FRAME, boxes)
    assert sum(backend.sizes) == poses.count == count
    assert all(size <= BATCH_SIZE for size in backend.sizes) and len(backend.sizes) == -(-count // BATCH_SIZE)
    assert np.allclose(np.diff(poses.xy[:, 0, 0]), 1, atol=1e-3)  # each person in their own place


def test_people_of_several_frames_share_batches_and_stay_in_their_frames():
    """The sizes of the frames differ: at the edge of the small one, and not of the large one, joints are not seen."""
    backend = FakeBackend(whole_heatmap_pixels())
    small, large = np.zeros((150, 80, 3), np.uint8), FRAME
    boxes = [np.tile([10.0, 10, 100, 190], (count, 1)) for count in (3, 0, 6)]
    looks = [Look(frame, b) for frame, b in zip((small, large, large), boxes)]
    together = TopDown(backend, SPEC).together(looks)
    assert backend.sizes == [8, 1] and [poses.count for poses in together] == [3, 0, 6]
    for look, poses in zip(looks, together):
        alone = TopDown(FakeBackend(whole_heatmap_pixels()), SPEC)(*look)
        for field in ("xy", "score", "box_xyxy", "person_score"):
            np.testing.assert_array_equal(getattr(poses, field), getattr(alone, field))
    assert (together[0].score[0] != together[2].score[0]).any()


def test_scores_are_raw_and_the_skeleton_is_the_models():
    scores = np.linspace(0, 1, 17)
    poses = TopDown(FakeBackend(whole_heatmap_pixels(), scores), SPEC)(FRAME, np.array([[270, 140, 360, 330]]))
    assert np.allclose(poses.score, [scores])
    assert poses.person_score.tolist() == pytest.approx([scores[scores > 0.2].mean()])
    assert poses.skeleton is SPEC.skeleton


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[270, 140, 360, 330], [0, 0, np.nan, 1]])])
def test_scores_of_a_calibrated_model_are_probabilities(boxes):
    """Half of 0.4 for keypoints, ears too, and 0.5 for people; nobody is in a box that is not finite."""
    maps = {"keypoint": {"score": [0.8], "probability": [0.4]}, "person": {"score": [0.4], "probability": [0.5]}}
    maps["parts"] = {"ear": {"score": [0.5], "probability": [0.25]}}
    scores = np.full(17, 0.4)
    poses = TopDown(FakeBackend(whole_heatmap_pixels(), scores), SPEC._replace(calibration=maps))(FRAME, boxes)
    assert poses.score.dtype == poses.person_score.dtype == np.float32
    for person, (keypoints, score) in enumerate(zip(poses.score, poses.person_score)):
        expected = 0.2 * (person == 0)
        assert keypoints == pytest.approx(np.full(17, expected)) and score == pytest.approx(0.5 * (person == 0))


@pytest.mark.parametrize("flip_test", [False, True])
def test_a_real_network_sees_red_green_and_blue_where_they_are(color_model, blob, flip_test):
    """48x64 px crop at a third of the image's scale: half a heatmap pixel is 6 px of the image."""
    frame = np.zeros((300, 300, 3), np.uint8)
    places = np.array([[130.0, 120], [180, 150], [140, 200]])
    for place, color in zip(places, [(0, 0, 255), (0, 255, 0), (255, 0, 0)]):
        blob(frame, place, color, sigma=20)
    backend, spec = open_model(color_model, "top_down", threads=1)
    with backend:
        poses = TopDown(backend, spec, flip_test=flip_test)(frame, np.array([[90.0, 80, 210, 240]]))
    # A flip exchanges left and right, which here see different colours: then only the nose is sure.
    for keypoint in (0,) if flip_test else range(17):
        assert np.abs(poses.xy[0, keypoint] - places[keypoint % 3]).max() < 7
        assert poses.score[0, keypoint] > 0.9


def color_nodes(decoder):
    """Nodes, shapes of outputs, weights and changes of the spec of a network that sees colours as color_model does."""
    weight = np.zeros((17, 3, 1, 1))
    weight[np.arange(17), np.arange(17) % 3] = 1 / 255.0
    y, x = np.mgrid[:64, :48].reshape(2, -1)
    if decoder == "dark":
        nodes = [("Conv", ["images", "weight"], ["heatmaps"], {"strides": [4, 4]})]
        return nodes, {"heatmaps": ["n", 17, 16, 12]}, {"weight": weight}, {"decoder_options": {"kernel": 3}}
    nodes = [("Conv", ["images", "weight"], ["maps"], {})]
    if decoder == "simcc":
        nodes += [
            ("ReduceMax", ["maps"], ["simcc_x"], {"axes": [2], "keepdims": 0}),
            ("ReduceMax", ["maps"], ["simcc_y"], {"axes": [3], "keepdims": 0}),
        ]
        shapes = {"simcc_x": ["n", 17, 48], "simcc_y": ["n", 17, 64]}
        return nodes, shapes, {"weight": weight}, {"stride": 1, "decoder_options": {"split_ratio": 1}}
    nodes += [
        ("Mul", ["maps", "rise"], ["risen"], {}),
        ("Cast", ["shape_f"], ["shape"], {"to": 7}),
        ("Reshape", ["risen", "shape"], ["rows"], {}),
        ("Softmax", ["rows"], ["weights"], {"axis": 2}),
        ("MatMul", ["weights", "xy1"], ["keypoints"], {}),
    ]
    weights = {"weight": weight, "rise": [100.0], "shape_f": [0, 17, -1], "xy1": np.stack([x, y, 0 * x + 1], 1)}
    return nodes, {"keypoints": ["n", 17, 3]}, weights, {"stride": 1}


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("decoder", ["dark", "simcc", "keypoints"])
def test_real_networks_of_every_decoder(save_onnx, save_spec, blob, decoder, flip_test, crop):
    """One colour alone, so that a flip exchanges nothing; a pixel of the crop is 3.1 px of the image."""
    frame, place = np.zeros((300, 300, 3), np.uint8), np.array([140.0, 160])
    blob(frame, place, (200, 200, 200), sigma=20)
    nodes, shapes, weights, changes = color_nodes(decoder)
    path = save_onnx("net", nodes, {"images": ["n", 3, 64, 48]}, shapes, weights)
    save_spec(path, decoder=decoder, fit={"crop": crop}, **changes)
    backend, spec = open_model(path, "top_down", threads=1)
    with backend:
        poses = TopDown(backend, spec, flip_test)(frame, np.array([[90.0, 80, 210, 240], [100, 90, 200, 250]]))
    assert poses.count == 2 and np.abs(poses.xy - place).max() < 4
    assert (poses.score > 0.7).all()


@pytest.mark.parametrize("outside, score", [("image", 0.8), ("black", 0.0)])
def test_what_is_outside_of_the_box(color_model, save_spec, blob, outside, score):
    frame = np.zeros((300, 300, 3), np.uint8)
    blob(frame, (150, 40), (255, 255, 255), sigma=12)  # above a box that is wider than the input
    save_spec(color_model, fit={"outside": outside})
    backend, spec = open_model(color_model, "top_down", threads=1)
    with backend:
        poses = TopDown(backend, spec)(frame, np.array([[90.0, 100, 210, 140]]))
    assert (
        (poses.score >= score).all() and (poses.score <= score + 0.2).all() and bool(poses.score.any()) == (score > 0)
    )


def without_pairs(spec):
    return spec._replace(skeleton=spec.skeleton._replace(name="hand", flip_pairs=()))


@pytest.mark.parametrize("decoder", ["quarter_offset", "dark", "simcc", "keypoints"])
def test_a_flip_test_needs_flip_pairs(decoder):
    spec = without_pairs(SPEC._replace(decoder=decoder))
    with pytest.raises(ConfigError, match="fake: skeleton hand has no flip pairs, which the flip test needs"):
        TopDown(FakeBackend(whole_heatmap_pixels()), spec, flip_test=True)
    TopDown(FakeBackend(whole_heatmap_pixels()), spec)


def test_a_flip_test_of_heatmaps_needs_heatmaps():
    backend = FakeBackend(whole_heatmap_pixels())
    backend.output_shapes = {"keypoints": (None, 17, 3)}
    with pytest.raises(ConfigError, match="fake finds keypoints in its graph: expected heatmaps for the flip test"):
        TopDown(backend, SPEC, flip_test=True)
    TopDown(backend, SPEC._replace(decoder="keypoints"), flip_test=True)


def test_the_keypoints_stay_where_a_network_that_gives_heatmaps_takes_over():
    backend = FakeBackend(whole_heatmap_pixels())
    in_graph = np.concatenate([whole_heatmap_pixels() / 4, np.ones((17, 1))], 1)[None]
    backend.output_shapes = {"keypoints": (None, 17, 3)}
    estimator, boxes = TopDown(backend, SPEC), np.array([[10.0, 10, 100, 200]])
    taken_over = estimator(FRAME, boxes)
    backend.__class__ = type("InGraph", (FakeBackend,), {"__call__": lambda self, batch: {"keypoints": in_graph}})
    before = estimator(FRAME, boxes)
    np.testing.assert_allclose(taken_over.xy, before.xy, atol=1e-4)
    np.testing.assert_allclose(taken_over.score, before.score)


def test_flip_test_runs_the_mirrored_crops_too():
    backend = FakeBackend(whole_heatmap_pixels())
    TopDown(backend, SPEC, flip_test=True)(FRAME, np.array([[10.0, 10, 100, 200]] * 2))
    assert backend.sizes == [2, 2]


@pytest.mark.parametrize(
    "score, expected",
    [([[]], [0]), ([[0.1, 0.2]], [0]), ([[0.1, 0.6, 0.8]], [0.7]), ([[0.9, 0.9], [0.3, 0.1]], [0.9, 0.3])],
)
def test_person_score_is_the_mean_over_the_threshold(score, expected):
    assert np.allclose(person_scores(np.array(score, float)), expected)


@pytest.mark.parametrize("frame", [None, FRAME.tolist(), FRAME[..., 0], FRAME[..., :1], FRAME[..., :2], FRAME / 255.0])
@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), [[0, 0, 9, 9]]])
def test_what_is_no_frame_is_refused(frame, boxes):
    backend = FakeBackend(whole_heatmap_pixels())
    with pytest.raises(FrameError, match=r"expected a frame \(H, W, 3\) uint8, got "):
        TopDown(backend, SPEC)(frame, boxes)
    assert backend.sizes == []


@pytest.mark.parametrize(
    "boxes", [None, "x", 7, [0, 0, 9, 9], np.zeros((4, 2)), np.zeros((2, 2, 2)), [[0, 0, 9, 10**400]], [[0], [0, 9]]]
)
def test_boxes_of_another_shape_are_refused(boxes):
    with pytest.raises(ConfigError, match=r"expected boxes to be an array \(N, 4\), got "):
        TopDown(FakeBackend(whole_heatmap_pixels()), SPEC)(FRAME, boxes)


@pytest.mark.parametrize("boxes, count", [([], 0), ([[0, 0, 9, 9]], 1), (np.zeros((0, 4), int), 0)])
def test_boxes_may_be_lists(boxes, count):
    assert len(TopDown(FakeBackend(whole_heatmap_pixels()), SPEC)(FRAME, boxes)) == count
