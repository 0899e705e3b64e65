import numpy as np
import pytest

from pose_estimation_ros.core.heatmap import encode
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.inference.decoders.heatmaps import Dark, QuarterOffset

SKELETON = get_skeleton("coco17")


def spec_of(decoder, size_wh=(192, 256), stride=4, **options):
    return ModelSpec("x", "top_down", size_wh, "rgb", SKELETON, stride, decoder, 1.25, "", {}, {}, options)


@pytest.mark.parametrize("make, decoder", [(QuarterOffset, "quarter_offset"), (Dark, "dark")])
def test_nobody(make, decoder):
    xy, score = make(spec_of(decoder))({"heatmaps": np.zeros((0, 17, 64, 48), np.float32)})
    assert xy.shape == (0, 17, 2) and score.shape == (0, 17)


@pytest.mark.parametrize(
    "size_wh, stride, expected",
    [
        ((192, 256), 4, (None, 17, 64, 48)),
        ((190, 256), 4, (None, 17, 64, None)),
        ((50, 50), 16, (None, 17, None, None)),
    ],
)
def test_shapes(size_wh, stride, expected):
    assert Dark(spec_of("dark", size_wh, stride)).output_shapes() == {"heatmaps": expected}


# What a perfect network with maps of 64 x 48 px answers: its pixel j sees the input at px_per_pixel * j.
PERFECT = [
    (QuarterOffset, "quarter_offset", {}, 4, 4, 1.01),
    (Dark, "dark", {}, 4, 4, 0.1),
    (Dark, "dark", {"align_corners": True}, 191 / 47, 255 / 63, 0.1),
]


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("make, decoder, options, px_x, px_y, tolerance", PERFECT)
def test_a_perfect_network(make, decoder, options, px_x, px_y, tolerance, flip_test):
    """With the flip test, too: a map whose corners are aligned is not shifted, one of stride 4 by 3 / 4 px."""
    scale = np.array([px_x, px_y])
    xy = np.random.RandomState(0).uniform(40, 150, (2, 17, 2))
    mirrored_xy = (xy * [-1, 1] + [191, 0])[:, SKELETON.flip_index]
    maps = [np.stack([encode(one / scale, np.ones(17), (48, 64))[0] for one in both]) for both in (xy, mirrored_xy)]
    shift = 47 - 191 / px_x
    decode = make(spec_of(decoder, flip_shift=round(-shift if shift < 0 else shift, 6), **options))
    found, score = decode({"heatmaps": 0.8 * maps[0]}, {"heatmaps": 0.8 * maps[1]} if flip_test else None)
    assert found.dtype == score.dtype == np.float32
    assert np.abs(found - xy).max() < tolerance
    assert (score > 0.7).all() and (score <= 0.8).all()


def test_the_wrong_scale_of_the_map_is_seen():
    xy = np.full((17, 2), 120.0)
    maps = encode(xy / (191 / 47, 255 / 63), np.ones(17), (48, 64))[0][None]
    found, _ = Dark(spec_of("dark"))({"heatmaps": maps})
    assert np.allclose(found[0, 0] - xy[0], [120 * (4 * 47 / 191 - 1), 120 * (4 * 63 / 255 - 1)], atol=0.1)


def test_maps_of_one_pixel_have_no_scale():
    xy, score = Dark(spec_of("dark", align_corners=True))({"heatmaps": np.ones((1, 17, 1, 1), np.float32)})
    assert not xy.any() and not score.any(), "all of the map is its rim"
