import numpy as np
import pytest

from pose_estimation_ros.core.errors import ConfigError, FrameError
from pose_estimation_ros.core.geometry import apply, crop_matrices
from pose_estimation_ros.core.heatmap import encode
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.backends.open import open_model
from pose_estimation_ros.inference.top_down import BATCH_SIZE, TopDown, person_scores

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
    assert np.allclose(poses.score, 1) and np.allclose(poses.box_xyxy, boxes)


@pytest.mark.parametrize("count", [0, 1, BATCH_SIZE, BATCH_SIZE + 1, 3 * BATCH_SIZE])
def test_people_go_through_in_batches(count):
    backend = FakeBackend(whole_heatmap_pixels())
    boxes = np.tile([10.0, 10, 100, 200], (count, 1)) + np.arange(count)[:, None]
    poses = TopDown(backend, SPEC)(FRAME, boxes)
    assert sum(backend.sizes) == poses.count == count
    assert all(size <= BATCH_SIZE for size in backend.sizes) and len(backend.sizes) == -(-count // BATCH_SIZE)
    assert np.allclose(np.diff(poses.xy[:, 0, 0]), 1, atol=1e-3)  # each person in their own place


def test_scores_are_raw_and_the_skeleton_is_the_models():
    scores = np.linspace(0, 1, 17)
    poses = TopDown(FakeBackend(whole_heatmap_pixels(), scores), SPEC)(FRAME, np.array([[10, 10, 100, 200]]))
    assert np.allclose(poses.score, [scores]) and poses.person_score.tolist() == pytest.approx([0.5])
    assert poses.skeleton is SPEC.skeleton


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


def test_flip_test_runs_the_mirrored_crops_too():
    backend = FakeBackend(whole_heatmap_pixels())
    TopDown(backend, SPEC, flip_test=True)(FRAME, np.array([[10.0, 10, 100, 200]] * 2))
    assert backend.sizes == [2, 2]


@pytest.mark.parametrize(
    "score, expected",
    [([[]], [0]), ([[0.1, 0.2]], [0]), ([[0.1, 0.6, 0.8]], [0.7]), ([[0.9, 0.9], [0.3, 0.1]], [0.9, 0.3])],
)
def test_person_score_is_the_mean_over_the_threshold(score, expected):
    assert np.allclose(person_scores(np.array(score, float), 0.2), expected)


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
