import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import crop_matrices, letterbox_matrix
from pose_estimation_ros.core.model_spec import CROPS, ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.crops import MAX_SIDE, crop_people, warp_crops

SPEC = ModelSpec("x", "top_down", (48, 64), "rgb", get_skeleton("coco17"), 4, "quarter_offset", 1.25, "", {}, {})
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def frame_of(height, width):
    return np.random.RandomState(0).randint(0, 256, (height, width, 3)).astype(np.uint8)


def test_no_crops():
    batch = warp_crops(frame_of(8, 8), np.zeros((0, 2, 3)), (4, 6))
    assert batch.shape == (0, 3, 6, 4) and batch.dtype == np.float32


def test_identity_is_the_frame_in_rgb_and_channels_first():
    frame = frame_of(6, 4)
    batch = warp_crops(frame, IDENTITY[None], (4, 6))
    assert batch.shape == (1, 3, 6, 4) and batch.dtype == np.float32
    assert (batch[0] == frame[:, :, ::-1].transpose(2, 0, 1)).all()


def test_whole_pixel_shift_and_padding():
    frame = frame_of(6, 6)
    shift = IDENTITY + [[0, 0, 2], [0, 0, 1]]  # image (x, y) -> crop (x + 2, y + 1)
    crop = warp_crops(frame, shift[None], (6, 6), 114)[0]
    assert (crop[:, 1:, 2:] == frame[:5, :4, ::-1].transpose(2, 0, 1)).all()
    assert (crop[:, 0] == 114).all() and (crop[:, :, :2] == 114).all()


def test_each_person_has_their_own_crop(blob):
    frame = np.zeros((100, 200, 3), np.uint8)
    blob(frame, (50, 50), (0, 0, 255))
    blob(frame, (150, 50), (255, 0, 0))
    boxes = np.array([[20, 20, 80, 80], [120, 20, 180, 80]])
    batch = warp_crops(frame, crop_matrices(boxes, (64, 64)), (64, 64))
    assert (batch.max((2, 3)) > 245).tolist() == [[True, False, False], [False, False, True]]
    assert batch[0, 1:].max() == batch[1, :2].max() == 0
    peak = np.unravel_index(batch[0, 0].argmax(), (64, 64))
    assert np.abs(np.array(peak) - 31.5).max() <= 0.5


@pytest.mark.parametrize("rotation_deg", [0.0, 40.0])
@pytest.mark.parametrize("count", [1, 20])
def test_crops_are_what_opencv_makes_of_the_whole_frame(count, rotation_deg):
    """Small and large ones, some of which lie partly or wholly outside of the frame."""
    frame, random = frame_of(90, 120), np.random.RandomState(count)
    left_top = random.uniform(-60, 130, (count, 2))
    boxes = np.concatenate([left_top, left_top + random.uniform(2, 90, (count, 2))], 1)
    matrices = crop_matrices(boxes, (48, 64), 1.25, rotation_deg)
    batch = warp_crops(frame, matrices, (48, 64), 114)
    for crop, matrix in zip(batch, matrices):
        whole = cv2.warpAffine(frame, matrix, (48, 64), flags=cv2.INTER_LINEAR, borderValue=(114,) * 3)
        assert (crop == whole[:, :, ::-1].transpose(2, 0, 1)).all()


def test_a_crop_without_any_pixel_of_the_frame():
    far = np.array([[1000, 1000, 1040, 1060], [-90, -90, -80, -80], [-1e6, 9, -1e6, 19]])
    assert (warp_crops(frame_of(90, 120), crop_matrices(far, (48, 64)), (48, 64), 7) == 7).all()


@pytest.mark.parametrize("size", [(480, 640), (640, 480)])
def test_letterbox_keeps_the_grey_level_and_pads_below_or_to_the_right(size):
    frame = np.full(size + (3,), 200, np.uint8)
    batch = warp_crops(frame, letterbox_matrix(size[::-1], (320, 320))[None], (320, 320))[0]
    inner = (slice(None), slice(1, size[0] // 2 - 1), slice(1, size[1] // 2 - 1))
    assert (batch[inner] == 200).all() and batch[:, -1, -1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "frame",
    [None, [[0, 0]], "x", np.zeros((4, 6), np.uint8), np.zeros((4, 6, 3)), np.zeros((4, 6, 3), np.int8)]
    + [np.zeros((4, 6, channels), np.uint8) for channels in (0, 1, 2, 4)],
)
def test_only_frames_are_cut(frame):
    with pytest.raises(FrameError, match=r"expected a frame \(H, W, 3\) uint8, got ") as error:
        warp_crops(frame, IDENTITY[None], (4, 6))
    assert error.value.kind == "shape"


def test_a_frame_that_opencv_cannot_warp():
    with pytest.raises(FrameError, match="expected a frame of at most %d px a side, got" % MAX_SIDE) as error:
        warp_crops(np.zeros((1, MAX_SIDE + 1, 3), np.uint8), IDENTITY[None], (4, 6))
    assert error.value.kind == "size"


@pytest.mark.parametrize("outside", ["image", "black"])
def test_no_people(outside):
    batch, matrices = crop_people(frame_of(8, 8), np.zeros((0, 4)), SPEC._replace(fit={"outside": outside}))
    assert batch.shape == (0, 3, 64, 48) and matrices.shape == (0, 2, 3)


@pytest.mark.parametrize("crop", CROPS)
def test_people_are_cropped_as_the_spec_says(crop):
    frame, boxes = frame_of(90, 120), np.array([[10, 10, 50, 60], [60, -20, 110, 80]])
    batch, matrices = crop_people(frame, boxes, SPEC._replace(fit={"crop": crop}, padding=1.5))
    expected = crop_matrices(boxes, (48, 64), 1.5, crop=crop)
    assert (matrices == expected).all() and (batch == warp_crops(frame, expected, (48, 64))).all()


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("padding", [1.0, 1.25])
@pytest.mark.parametrize("box", [[20, 30, 80, 60], [30, 10, 45, 80], [-20, 40, 60, 70], [100, 70, 140, 100]])
def test_what_is_outside_of_the_box_is_black(box, padding, crop):
    """A mask of the padded box, warped in the same way, is 0 or 1 where the crop is black or as it was."""
    frame = frame_of(90, 120) // 2 + 100
    fit = {"crop": crop}
    plain, matrices = crop_people(frame, np.array([box]), SPEC._replace(fit=fit, padding=padding))
    black, _ = crop_people(frame, np.array([box]), SPEC._replace(fit=dict(fit, outside="black"), padding=padding))
    centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    half = padding * np.array([box[2] - box[0], box[3] - box[1]]) / 2
    fine = 16  # the mask has 16 x 16 pixels per pixel of the frame, which begins 100 px further out
    low, high = (np.ceil((centre - half + 100) * fine).astype(int), np.floor((centre + half + 100) * fine).astype(int))
    mask = np.zeros((300 * fine, 340 * fine), np.uint8)
    mask[low[1] : high[1] + 1, low[0] : high[0] + 1] = 255
    to_mask = np.array([[fine, 0, 100 * fine], [0, fine, 100 * fine], [0, 0, 1.0]])
    to_crop = matrices[0] @ np.linalg.inv(to_mask)
    inside = cv2.warpAffine(mask, to_crop, (48, 64), flags=cv2.INTER_NEAREST) > 0
    changed = (black[0] != np.where(inside, plain[0], 0)).any(0)
    edge = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3))) != cv2.erode(inside.astype(np.uint8), np.ones((3, 3)))
    assert inside.any() and not inside.all() and not changed[~edge].any()
    assert ((black[0] == plain[0]) | (black[0] == 0)).all()
