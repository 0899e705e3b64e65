"""protocols.py: names, what overrules them, whom they are for."""

import pytest

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import ModelSpec
from pose_estimation_ros.core.skeleton import get_skeleton
from pose_estimation_ros.evaluation.protocols import PROTOCOLS, describe_input, find_protocol, under_protocol

SPEC = ModelSpec("m", "top_down", (192, 256), "rgb", get_skeleton("coco17"), 4, "quarter_offset", 1.5, "", {}, {})
BOTTOM_UP = SPEC._replace(task="bottom_up", input_size_wh=(640, 448))


@pytest.mark.parametrize(
    "name, flip, used, flips",
    [
        (None, None, "plain", False),
        (None, True, "plain", True),
        ("hrnet", None, "hrnet", True),
        ("hrnet", False, "hrnet", False),
        ("litepose", None, "litepose", True),
    ],
)
def test_options_overrule_the_protocol(name, flip, used, flips):
    protocol = find_protocol(name, flip)
    assert (protocol.name, protocol.flip) == (used, flips)


def test_an_unknown_protocol():
    with pytest.raises(ConfigError, match="expected a protocol out of plain, hrnet, litepose, got 'coco'"):
        find_protocol("coco", None)


@pytest.mark.parametrize(
    "name, spec, seen",
    [
        ("plain", SPEC, "192x256 px, box x 1.5"),
        ("hrnet", SPEC, "192x256 px, box x 1.25"),
        ("plain", BOTTOM_UP, "fitted into 640x448 px"),
        ("litepose", BOTTOM_UP, "short side 448 px, sides multiples of 64"),
    ],
)
def test_what_the_network_sees(name, spec, seen):
    assert describe_input(PROTOCOLS[name], under_protocol(PROTOCOLS[name], spec)) == seen


@pytest.mark.parametrize("name, spec", [("hrnet", BOTTOM_UP), ("litepose", SPEC)])
def test_a_protocol_for_other_models(name, spec):
    with pytest.raises(ConfigError, match=f"the protocol {name} is for .* models, got m for {spec.task}"):
        under_protocol(PROTOCOLS[name], spec)


@pytest.mark.parametrize(
    "name, decoder, options, used",
    [
        ("plain", "quarter_offset", {}, {}),
        ("hrnet", "quarter_offset", {}, {"flip_shift": 1.0}),
        ("hrnet", "dark", {"kernel": 3}, {"flip_shift": 1.0, "kernel": 3}),
        ("hrnet", "dark", {"align_corners": True, "flip_shift": 0.0}, {"align_corners": True, "flip_shift": 0.0}),
        ("hrnet", "simcc", {"split_ratio": 4.0}, {"split_ratio": 4.0}),
    ],
)
def test_only_hrnets_protocol_moves_the_mirrored_maps_by_a_whole_pixel(name, decoder, options, used):
    spec = under_protocol(PROTOCOLS[name], SPEC._replace(decoder=decoder, decoder_options=options))
    assert spec.decoder_options == used
