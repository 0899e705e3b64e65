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


def perfect_maps(xy, size_wh, pitch, map_wh):
    """What a network without errors answers for a crop and its mirror image: pixel j sees the input at pitch * j."""
    mirrored = (xy * [-1, 1] + [size_wh[0] - 1, 0])[:, SKELETON.flip_index]
    return [
        {"heatmaps": np.stack([0.8 * encode(one / pitch, np.ones(17), map_wh)[0] for one in joints])}
        for joints in (xy, mirrored)
    ]


# Decoder, options, size and stride of the input, size of the maps.
PERFECT = [
    (make, decoder, options, size_wh, stride, map_wh)
    for make, decoder, options in (
        (QuarterOffset, "quarter_offset", {}),
        (Dark, "dark", {}),
        (Dark, "dark", {"align_corners": True}),
    )
    for size_wh, stride, map_wh in (
        ((192, 256), 4, (48, 64)),
        ((96, 128), 2, (48, 64)),
        ((384, 512), 8, (48, 64)),
        ((48, 64), 1, (48, 64)),
        ((190, 254), 4, (48, 64)),
        ((190, 254), 4, (47, 63)),
    )
]


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("make, decoder, options, size_wh, stride, map_wh", PERFECT)
def test_a_perfect_network(make, decoder, options, size_wh, stride, map_wh, flip_test):
    """Every keypoint is near, and left and right errors cancel: a shift by one map px would leave 1 / 8."""
    aligned = (np.array(size_wh) - 1) / (np.array(map_wh) - 1)
    pitch = aligned if options else np.full(2, stride)
    xy = np.random.RandomState(0).uniform(0.2, 0.75, (60, 17, 2)) * size_wh
    outputs, mirrored = perfect_maps(xy, size_wh, pitch, map_wh)
    found, score = make(spec_of(decoder, size_wh, stride, **options))(outputs, mirrored if flip_test else None)
    assert found.dtype == score.dtype == np.float32
    error = (found - xy) / pitch
    assert np.abs(error).max() < (0.04 if decoder == "dark" else 0.3)
    assert np.abs(error.mean((0, 1))).max() < 0.02
    assert (score > 0.7).all() and (score <= 0.8).all()


@pytest.mark.parametrize("flip_shift, bias_px", [(None, 0), (0.75, 0), (1.0, 0.5), (0.0, -1.5)])
@pytest.mark.parametrize("make, decoder", [(QuarterOffset, "quarter_offset"), (Dark, "dark")])
def test_the_shift_of_a_spec_is_kept(make, decoder, flip_shift, bias_px):
    """Half of what the mirrored maps are moved too far, in px of the input: one of HRNet's is 1 / 4 map px too far."""
    xy = np.random.RandomState(0).uniform(40, 150, (60, 17, 2))
    outputs = perfect_maps(xy, (192, 256), 4, (48, 64))
    found, _ = make(spec_of(decoder, flip_shift=flip_shift))(*outputs)
    assert np.abs((found - xy).mean((0, 1)) - [bias_px, 0]).max() < 0.08


def test_the_wrong_scale_of_the_map_is_seen():
    xy = np.full((17, 2), 120.0)
    maps = encode(xy / (191 / 47, 255 / 63), np.ones(17), (48, 64))[0][None]
    found, _ = Dark(spec_of("dark"))({"heatmaps": maps})
    assert np.allclose(found[0, 0] - xy[0], [120 * (4 * 47 / 191 - 1), 120 * (4 * 63 / 255 - 1)], atol=0.1)


def test_maps_of_one_pixel_have_no_scale():
    xy, score = Dark(spec_of("dark", align_corners=True))({"heatmaps": np.ones((1, 17, 1, 1), np.float32)})
    assert not xy.any() and not score.any(), "all of the map is its rim"
