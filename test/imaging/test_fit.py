import cv2
import numpy as np
import pytest

from pose_estimation_ros.core.errors import FrameError
from pose_estimation_ros.core.geometry import apply, letterbox_matrix
from pose_estimation_ros.core.model_spec import RESIZES, ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.imaging.crops import warp_crops
from pose_estimation_ros.imaging.fit import fit_frame, fit_to_model

FRAMES_WH = [(64, 48), (48, 64), (37, 91), (320, 7), (1, 1), (96, 96)]


def frame_of(size_wh):
    return np.random.RandomState(0).randint(0, 256, size_wh[::-1] + (3,)).astype(np.uint8)


def letterbox_by_hand(frame, size_wh, grey, centred, cut):
    """As Ultralytics' LetterBox and YOLOX's preproc have it, with Python's own numbers."""
    height, width = frame.shape[:2]
    gain = min(size_wh[1] / height, size_wh[0] / width)
    new = [int(side * gain) if cut else round(side * gain) for side in (width, height)]
    new = [max(side, 1) for side in new]
    left, top = [round((size - side) / 2 - 0.1) if centred else 0 for size, side in zip(size_wh, new)]
    picture = cv2.copyMakeBorder(
        cv2.resize(frame, tuple(new), interpolation=cv2.INTER_LINEAR),
        top, size_wh[1] - new[1] - top, left, size_wh[0] - new[0] - left, cv2.BORDER_CONSTANT, value=(grey,) * 3,
    )  # fmt: skip
    gains = (gain, gain) if cut else (new[0] / width, new[1] / height)
    return picture, gains, (left, top)


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("frame", [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), None])
def test_what_is_no_frame(frame, resize):
    with pytest.raises(FrameError, match="expected a frame"):
        fit_frame(frame, (32, 32), 0, False, resize)


@pytest.mark.parametrize("frame_wh", FRAMES_WH)
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("resize, grey", [("rounded", 114), ("cut", 0), ("cut", 127)])
def test_letterbox_is_that_of_the_families(frame_wh, centred, resize, grey):
    frame = frame_of(frame_wh)
    expected, gains, pad = letterbox_by_hand(frame, (96, 64), grey, centred, resize == "cut")
    batch, matrix = fit_frame(frame, (96, 64), grey, centred, resize)
    assert batch.shape == (1, 3, 64, 96) and batch.dtype == np.float32
    assert (batch[0] == expected[..., ::-1].transpose(2, 0, 1)).all()
    assert np.allclose(matrix, [[gains[0], 0, pad[0]], [0, gains[1], pad[1]]])


@pytest.mark.parametrize("frame_wh", FRAMES_WH)
def test_the_default_is_the_letterbox_of_the_package(frame_wh):
    frame = frame_of(frame_wh)
    batch, matrix = fit_frame(frame, (96, 64))
    expected = letterbox_matrix(frame_wh, (96, 64))
    assert (matrix == expected).all() and (batch == warp_crops(frame, expected[None], (96, 64))).all()


@pytest.mark.parametrize(
    "resize, centred, offset",
    [
        ("warp", False, (0.5, 0.5)),
        ("warp_index", False, (0, 0)),
        ("warp", True, (0.5, 16.5)),
        ("warp_index", True, (0, 16)),
    ],
)
def test_warps_by_hand(resize, centred, offset):
    """A frame of 48 x 16 px grows to 96 x 32 px, in an input of 96 x 64 px."""
    frame = frame_of((48, 16))
    batch, matrix = fit_frame(frame, (96, 64), 114, centred, resize)
    assert np.allclose(matrix, [[2, 0, offset[0]], [0, 2, offset[1]]])
    expected = cv2.warpAffine(frame, matrix, (96, 64), flags=cv2.INTER_LINEAR, borderValue=(114,) * 3)
    assert (batch[0] == expected[..., ::-1].transpose(2, 0, 1)).all()


@pytest.mark.parametrize("frame_wh", FRAMES_WH)
def test_stretch_fills_the_input(frame_wh):
    frame = frame_of(frame_wh)
    batch, matrix = fit_frame(frame, (96, 64), 114, True, "stretch")
    assert (batch[0] == cv2.resize(frame, (96, 64))[..., ::-1].transpose(2, 0, 1)).all()
    corners = np.array([[-0.5, -0.5], np.array(frame_wh) - 0.5])
    assert np.allclose(apply(matrix, corners), [[-0.5, -0.5], [95.5, 63.5]])


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("frame_wh", [(300, 200), (200, 300), (160, 160)])
def test_what_the_matrix_says_is_where_a_dot_comes_to_lie(frame_wh, resize, centred, blob):
    """Within half a pixel of the frame, which is what the families' own formulas leave out."""
    frame, xy = np.zeros(frame_wh[::-1] + (3,), np.uint8), np.array([123.0, 77.0])
    blob(frame, xy, (0, 0, 255), 9.0)
    batch, matrix = fit_frame(frame, (320, 256), 0, centred, resize)
    y, x = np.mgrid[:256, :320]
    red = batch[0, 0] / batch[0, 0].sum()
    found = np.array([(red * x).sum(), (red * y).sum()])
    half_pixel = 0.1 if resize in ("warp", "warp_index", "stretch") else 0.5 * matrix[0, 0] + 0.1
    assert np.abs(found - apply(matrix, xy[None])[0]).max() < half_pixel


@pytest.mark.parametrize("fit", [{}, {"grey": 114, "centred": True, "resize": "rounded"}, {"resize": "stretch"}])
def test_a_frame_is_fitted_as_the_spec_says(fit):
    skeleton = get_skeleton("coco17")
    spec = ModelSpec("x", "one_stage", (96, 64), "rgb", skeleton, 1, "people", 1.0, "", {}, {}, {}, fit)
    frame = frame_of((37, 91))
    for value, expected in zip(fit_to_model(frame, spec), fit_frame(frame, (96, 64), **fit)):
        assert (value == expected).all()
