"""Say by which names the authors' programs keep the tensors of the networks of this package.

A network here has the layers of the authors' own in other modules, so each of its tensors is one tensor of their file.
Names decide which: unlike the order in a file, they cannot put a tensor into the place of another one of its shape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pose_estimation_ros.core.errors import ConfigError, did_you_mean

Rules = Sequence[tuple[str, str]]  # (pattern at the start of a name here, template of what stands for it in the file)

NONE = r"$."  # fits no name


class Layout(NamedTuple):
    """Describe the files of one family of networks.

    Attributes:
        rules: the first one that fits a name here makes the file's name of it.
        head: pattern of the names here that files of classification lack, or whose shapes depend on the joints.
        left_out: pattern of the file's names that the network here has no use for.
        bgr: pattern of the file's names of networks that were trained on BGR pictures.
    """

    rules: Rules
    head: str
    left_out: str = NONE
    bgr: str = NONE


BOTTLENECK = [
    rule
    for layer in range(3)
    for rule in (
        (rf"body\.{layer}\.0\.", f"conv{layer + 1}."),
        (rf"body\.{layer}\.1\.", f"bn{layer + 1}."),
    )
] + [(r"shortcut\.", "downsample.")]
BASIC_BLOCK = [(r"body\.0\.", "conv1."), (r"body\.1\.", "bn1."), (r"body\.3\.", "conv2."), (r"body\.4\.", "bn2.")]


def inside(place: str, template: str, rules: Rules) -> Rules:
    """Return the rules of a block for the places where a network has it.

    Args:
        place: pattern of the names before the block's own.
        template: what stands for it in the file.
        rules: the block's own rules.
    """
    return [(place + pattern, template + name) for pattern, name in rules]


def hrnet_stage(index: int) -> Rules:
    """Return the rules of a stage of exchange units; the file has 1x1 and upsampling in one list, here they are two."""
    here, there = rf"stages\.{index}\.(\d+)\.", rf"stage{index + 2}.\1."
    upward = [(target, source) for source in range(4) for target in range(source)]
    return [
        *inside(here + r"branches\.(\d+)\.(\d+)\.", there + r"branches.\2.\3.", BASIC_BLOCK),
        *((rf"{here}fuse\.{t}\.{s}\.0\.", rf"{there}fuse_layers.{t}.{s}.") for t, s in upward),
        (here + r"fuse\.", there + "fuse_layers."),
    ]


HRNET_TRUNK: Rules = [
    (r"stem\.([12])\.0\.", r"conv\1."),
    (r"stem\.([12])\.1\.", r"bn\1."),
    *inside(r"stage1\.(\d+)\.", r"layer1.\1.", BOTTLENECK),
    (r"transition1\.0\.", "transition1.0."),
    (r"transition1\.1\.", "transition1.1.0."),
    (r"transitions\.0\.", "transition2.2.0."),
    (r"transitions\.1\.", "transition3.3.0."),
    *hrnet_stage(0),
    *hrnet_stage(1),
    *hrnet_stage(2),
]
# Of ImageNet's: the classifier, and the fusions of the last unit's lower branches, which it reads.
HRNET_CLASSIFIER = (
    r"incre_modules\.|downsamp_modules\.|final_layer\.[01]\.|classifier\.|stage4\.2\.fuse_layers\.[123]\."
)

HRNET = Layout([*HRNET_TRUNK, (r"head\.", "final_layer.")], r"head\.", HRNET_CLASSIFIER)

LITEPOSE_BLOCK = [(r"body\.0\.", "inv."), (r"body\.1\.", "depth_conv."), (r"body\.2\.", "point_conv.")]
LITEPOSE = Layout(
    [
        (r"backbone\.stem\.1\.", "first.0."),
        (r"backbone\.stem\.2\.", "first.1."),
        (r"backbone\.stem\.3\.0\.", "first.2."),
        (r"backbone\.stem\.3\.1\.", "first.3."),
        *inside(r"backbone\.stages\.(\d+)\.(\d+)\.", r"stage.\1.\2.", LITEPOSE_BLOCK),
        *(
            rule
            for number, deconv in enumerate((r"deconv1\.", r"deconv2\.", r"half_resolution\.deconv\."))
            for rule in (
                (deconv + r"(refined|raw)\.", rf"deconv_\1.{number}."),
                (deconv + r"norm\.", f"deconv_bnrelu.{number}."),
            )
        ),
        (r"head\.(refined|raw)\.", r"final_\1.0.conv."),
        (r"half_resolution\.head\.(refined|raw)\.", r"final_\1.1.conv."),
    ],
    r"(half_resolution\.)?head\.",
)

HIGHER_HRNET = Layout(
    [
        *inside(r"top_down\.", "", [*HRNET_TRUNK, (r"head\.", "final_layers.0.")]),
        (r"doubled\.([01])\.", r"deconv_layers.0.0.\1."),
        *(
            rule
            for block in range(1, 5)
            for rule in inside(rf"doubled\.{block + 2}\.", f"deconv_layers.0.{block}.0.", BASIC_BLOCK)
        ),
        (r"doubled\.7\.", "final_layers.1."),
    ],
    r"top_down\.head\.|doubled\.",
    HRNET_CLASSIFIER,
)


def simple_baseline(blocks: Sequence[int]) -> Layout:
    """Return the layout of a SimpleBaseline on a ResNet, whose own files are torchvision's, timm's and HRNet's.

    Args:
        blocks: numbers of bottlenecks in the four stages, which are one list here.
    """
    places = [(stage, block) for stage, count in enumerate(blocks, 1) for block in range(count)]
    return Layout(
        [
            (r"backbone\.1\.0\.", "conv1."),
            (r"backbone\.1\.1\.", "bn1."),
            *(
                rule
                for number, (stage, block) in enumerate(places, 3)
                for rule in inside(rf"backbone\.{number}\.", f"layer{stage}.{block}.", BOTTLENECK)
            ),
            *((rf"deconvs\.{i}\.{part}\.", f"deconv_layers.{3 * i + part}.") for i in range(3) for part in range(2)),
            (r"head\.", "final_layer."),
        ],
        head=r"deconvs\.|head\.",
        left_out=r"fc\.",
        bgr=r"final_layer\.",
    )


LAYOUTS: dict[str, Layout] = {
    **dict.fromkeys(("hrnet_w32", "hrnet_w48"), HRNET),
    **dict.fromkeys(("litepose_xs", "litepose_s", "litepose_m", "litepose_l"), LITEPOSE),
    **dict.fromkeys(("higher_hrnet_w32", "higher_hrnet_w48"), HIGHER_HRNET),
    "simple_baseline_resnet50": simple_baseline((3, 4, 6, 3)),
    "simple_baseline_resnet101": simple_baseline((3, 4, 23, 3)),
    "simple_baseline_resnet152": simple_baseline((3, 8, 36, 3)),
}


def layout_of(model: str) -> Layout:
    """Return the layout of the files of a model; raise ConfigError for a model that nobody publishes files of."""
    if model in LAYOUTS:
        return LAYOUTS[model]
    hint = did_you_mean(model, LAYOUTS)
    raise ConfigError(f"expected a model with published weights out of {', '.join(LAYOUTS)}, got {model!r}{hint}")


def published_name(name: str, rules: Rules) -> str:
    """Return the name that a tensor of this package has in a published file.

    Args:
        name: its name in the state dict here.
        rules: of the file's layout.

    Raises:
        ConfigError: the file has none; the model has options that its authors' does not have.
    """
    for pattern, template in rules:
        match = re.match(pattern, name)
        if match:
            return match.expand(template) + name[match.end() :]
    raise ConfigError(f"expected the authors' network, got model_options that add {name} to it")
