"""Check the conventions of families against their programs' numbers, and how options change them."""

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import DECODER_OPTIONS, DECODERS, FIT_OPTIONS
from pose_estimation_ros.importing.model_import import ModelImport, checked
from pose_estimation_ros.importing.pose.conventions import conclude
from pose_estimation_ros.importing.pose.families import FAMILIES, get_family
from pose_estimation_ros.importing.pose.outputs import KINDS, Contract

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
UDP = {"align_corners": True, "flip_shift": 0.0}
ULTRALYTICS = {"grey": 114, "centred": True, "resize": "rounded"}
HALF = {"crop": "half_size"}


def conventions(kind, takes_numbers=True, pipeline=None, family="", normalised=False, **options):
    contract = Contract(kind, ("o",), 17, family, "outputs of a test", ratio=2.0 if kind == "simcc" else 4)
    order = checked(ModelImport("x.onnx", **options))
    return conclude("x.onnx", contract, order, takes_numbers, pipeline, normalised)


FAMILY_NUMBERS = [
    # family, kind -> color, mean, std, decoder, its options, padding, fit
    ("rtmpose", "simcc", "rgb", MEAN, STD, "simcc", {}, 1.25, HALF),
    ("dwpose", "simcc", "rgb", MEAN, STD, "simcc", {}, 1.25, HALF),
    ("hrnet", "heatmaps", "rgb", MEAN, STD, "quarter_offset", {}, 1.25, HALF),
    ("hrnet-dark", "heatmaps", "rgb", MEAN, STD, "dark", {}, 1.25, HALF),
    ("hrnet-udp", "heatmaps", "rgb", MEAN, STD, "dark", UDP, 1.25, {"crop": "udp"}),
    ("vitpose", "heatmaps", "rgb", MEAN, STD, "dark", UDP, 1.25, {"crop": "udp"}),
    ("pp-tinypose", "heatmaps", "rgb", MEAN, STD, "dark", {"kernel": 3}, 1.25, HALF),
    ("sapiens", "heatmaps", "rgb", MEAN, STD, "dark", UDP, 1.25, {"crop": "udp"}),
    ("simplebaseline", "heatmaps", "rgb", MEAN, STD, "quarter_offset", {}, 1.25, HALF),
    ("simplebaseline-hrnet", "heatmaps", "bgr", MEAN, STD, "quarter_offset", {}, 1.25, HALF),
    ("rtmo", "dets", "bgr", (0, 0, 0), (1, 1, 1), "people", {}, 1,
     {"grey": 114, "centred": True, "resize": "warp_index"}),
    ("yolo-pose", "raw_yolo", "rgb", (0, 0, 0), (255, 255, 255), "people", {"nms_iou": 0.7}, 1, ULTRALYTICS),
    ("yolo-pose", "rows", "rgb", (0, 0, 0), (255, 255, 255), "people", {}, 1, ULTRALYTICS),
    ("yolo-nas-pose", "flat", "rgb", (0, 0, 0), (1, 1, 1), "people", {}, 1, {"grey": 127, "resize": "rounded"}),
    ("movenet", "movenet", "rgb", (0, 0, 0), (1, 1, 1), "keypoints", {}, 1, {}),
    ("movenet", "movenet_multi", "rgb", (0, 0, 0), (1, 1, 1), "people", {}, 1, {"centred": True, "resize": "rounded"}),
    ("litepose", "associative_embedding", "rgb", MEAN, STD, "associative_embedding", {}, 1, {}),
]  # fmt: skip

CHANGES = [
    # kind, options -> changed fields
    ("heatmaps", {"like": "hrnet", "padding": 1.5, "crop": "udp", "outside": "black"},
     {"padding": 1.5, "fit": {"crop": "udp", "outside": "black"}}),
    ("heatmaps", {"like": "hrnet", "decoder": "dark"}, {"decoder": "dark", "decoder_options": {}}),
    ("heatmaps", {"like": "hrnet", "decoder": "dark", "crop": "udp"}, {"decoder": "dark", "decoder_options": UDP}),
    ("heatmaps", {"like": "hrnet", "color": "bgr"}, {"color": "bgr", "mean": MEAN[::-1], "std": STD[::-1]}),
    ("heatmaps", {"like": "hrnet", "value_range": 255}, {"mean": (0, 0, 0), "std": (1, 1, 1)}),
    ("heatmaps", {"like": "hrnet", "color": "bgr", "value_range": 255, "mean": (1, 2, 3), "std": (4, 5, 6)},
     {"color": "bgr", "mean": (1, 2, 3), "std": (4, 5, 6)}),
    ("heatmaps", {"color": "rgb", "value_range": 1, "decoder": "quarter_offset"},
     {"family": "", "mean": (0, 0, 0), "std": (255, 255, 255), "fit": HALF, "licence": ""}),
    ("raw_yolo", {"like": "yolo-pose", "nms_iou": 0.5, "grey": 0, "centred": False, "resize": "warp"},
     {"decoder_options": {"nms_iou": 0.5}, "fit": {}}),
    ("movenet", {"like": "movenet", "score_threshold": 0.5}, {"score_threshold": 0.5, "licence": "Apache-2.0"}),
]  # fmt: skip

REFUSED = [
    # kind, takes_numbers, options -> words of the error
    ("heatmaps", True, {}, "--like out of hrnet, .*, or --color, --value-range, --decoder"),
    ("heatmaps", True, {"color": "rgb", "value_range": 1}, "--like out of hrnet"),
    ("associative_embedding", True, {}, "--like out of higherhrnet, litepose"),
    ("heatmaps", True, {"like": "hrnet", "grey": 0}, "no --grey"),
    ("heatmaps", True, {"like": "hrnet", "nms_iou": 0.5}, "no --nms-iou"),
    ("heatmaps", True, {"like": "hrnet", "person_class": "dog"}, "no --person-class"),
    ("simcc", True, {"like": "rtmpose", "decoder": "dark"}, "no --decoder"),
    ("movenet", False, {"like": "movenet", "value_range": 1}, "no --value-range"),
    ("rows", True, {"like": "yolo-pose", "padding": 1.25}, "no --padding"),
    ("rows", True, {"like": "yolo-pose", "crop": "udp"}, "no --crop"),
    ("associative_embedding", True, {"like": "litepose", "centred": False}, "no --centred"),
]


@pytest.mark.parametrize("name, kind, color, mean, std, decoder, options, padding, fit", FAMILY_NUMBERS)
def test_numbers_of_families(name, kind, color, mean, std, decoder, options, padding, fit):
    found = conventions(kind, like=name)
    assert (found.family, found.color, found.mean, found.std) == (name, color, mean, std)
    assert (found.decoder, found.decoder_options, found.padding, found.fit) == (decoder, options, padding, fit)
    assert all(FAMILIES[name].licence for name in FAMILIES)


@pytest.mark.parametrize("kind, options, changes", CHANGES)
def test_options_change_them(kind, options, changes):
    found = conventions(kind, **options)._asdict()
    assert {name: found[name] for name in changes} == changes


@pytest.mark.parametrize("kind, takes_numbers, options, message", REFUSED)
def test_options_that_are_missing_or_not_used(kind, takes_numbers, options, message):
    with pytest.raises(ConfigError, match=message):
        conventions(kind, takes_numbers, **options)


def test_whole_numbers_are_not_normalised():
    found = conventions("heatmaps", False, like="hrnet")
    assert (found.mean, found.std, found.decoder) == ((0, 0, 0), (1, 1, 1), "quarter_offset")
    assert "the input takes whole numbers" in found.reasons[1]


def test_whose_conventions_win():
    pipeline = FAMILIES["hrnet"]._replace(mean=(1, 2, 3))
    assert conventions("heatmaps", pipeline=pipeline).family == "mmdeploy"
    assert conventions("heatmaps", pipeline=pipeline).mean == (1, 2, 3)
    assert conventions("heatmaps", pipeline=pipeline, like="hrnet").mean == MEAN
    assert conventions("movenet", pipeline=pipeline, family="movenet").family == "movenet"


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_fits_the_spec(name):
    for kind in FAMILIES[name].kinds:
        found = conventions(kind, like=name)
        task = KINDS[kind].task
        assert found.decoder in DECODERS[task] and set(KINDS[kind].decoders) <= set(DECODERS[task])
        assert set(found.decoder_options) <= set(DECODER_OPTIONS[found.decoder])
        assert set(found.fit) <= set(FIT_OPTIONS[task])


@pytest.mark.parametrize("name, hint", [("", "known: rtmpose"), ("hrnett", "did you mean 'hrnet"), ("x", "known")])
def test_unknown_families(name, hint):
    with pytest.raises(ConfigError, match=hint):
        get_family(name)


def test_a_network_that_normalises_gets_no_second_mean():
    found = conventions("heatmaps", like="hrnet", normalised=True)
    assert (found.mean, found.std) == ((0, 0, 0), (1, 1, 1))
    assert any("its first nodes normalise" in reason for reason in found.reasons)
    told = conventions("heatmaps", like="hrnet", normalised=True, value_range=255, mean=MEAN, std=STD)
    assert (told.mean, told.std) == (MEAN, STD)
