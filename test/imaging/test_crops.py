import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import crop_matrices, letterbox_matrix
from pose_estimation_ros.imaging.crops import MAX_SIDE, warp_crops

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
