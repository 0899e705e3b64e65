"""List the options of the papers' networks, beside each default, and build networks that are small enough for tests."""

from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.baselines.resnet import resnet
from pose_estimation_ros.training.models.wlitepose import ATTENTIONS

MODELS = {**POSE_MODELS, **BOTTOM_UP_MODELS, **DETECTOR_MODELS}

HRNET = {"width": 16, "modules": (1, 1, 1), "blocks": 1}


def short_resnet():
    """Build a ResNet with all kinds of blocks; return it and its channels."""
    return resnet((1, 2, 1, 1)), 2048


# Options that make the networks of a family small but leave all kinds of parts in; others are built at full size.
SMALL = {
    **dict.fromkeys(("hrnet", "nam_hrnet", "goatpose", "elpn", "el_hrnet", "higher_hrnet"), HRNET),
    "simple_baseline": {"width": 16},
    "simple_baseline_resnet": {"width": 16, "backbone": short_resnet},
    "lite_hrnet": {"units": (1, 1, 1)},
    "efficient_hrnet": {"smaller": 4, "blocks": 1},
}


def small(name):
    """Return the options that make a network small: those of the longest beginning of its name."""
    families = [family for family in SMALL if name.startswith(family)]
    return SMALL[max(families, key=len)] if families else {}


def sizes_once(names):
    """Return the names without those of networks that are, when made small, the same as one before."""
    networks = {}
    for name in names:
        arguments = {**getattr(MODELS[name], "keywords", {}), **small(name)}
        networks.setdefault((getattr(MODELS[name], "func", MODELS[name]), repr(sorted(arguments.items()))), name)
    return list(networks.values())


GOATPOSE = [
    {"hrnet_stem": True},
    {"outer_norm": False},
    {"lite_conv": False},
    {"ghost_ratio": 3},
    {"ghost_ratio": 4},
    {"nam": "none"},
    {"nam": "spatial", "input_size_wh": (64, 64)},
    {"nam": "both", "input_size_wh": (64, 64)},
    {"nam_position": "block"},
    {"nam_position": "block", "nam": "both", "input_size_wh": (64, 64)},
    {"fusion": "bilinear"},
    {"new_stream": "all"},
]
ELPN = [{"gc_ratio": 0.125}, {"gc_least": 4}, {"gc_blocks": []}, {"gc_blocks": ["neck"]}, {"gc_blocks": ["bottleneck"]}]
EL_HRNET = [{"cbam": False}, {"cbam_ratio": 4}, {"groups": 1}, {"groups": 4}]
MOVE_UP = {"attention": None, "gelu": False, "few_activations": False, "few_norms": False}
WLITEPOSE = [
    *({"attention": attention} for attention in ATTENTIONS),
    MOVE_UP,
    {**MOVE_UP, "attention": "dfc"},
    {**MOVE_UP, "attention": "dfc", "gelu": True},
    {"few_norms": False},
    {"stages": [2]},
    {"deconv": False},
    {"deconv_width": 33, "deconv_groups": 3},
    {"backbone_stride": 32},
    {"backbone_stride": 32, "deconv": False},
]
OPTIONS = [
    *(("goatpose_bl", options) for options in GOATPOSE),
    *(("elpn_v1", options) for options in ELPN),
    *(("el_hrnet_w32", options) for options in EL_HRNET),
    *(("wlitepose_xs", options) for options in WLITEPOSE),
]


def build(name, options):
    """Build a small network of a name and options."""
    return MODELS[name](**{**small(name), **options})


def side(options):
    """Return px of a small input. At 64 px, maps at 1/64 have one pixel, which tells nothing of columns and rows."""
    return 128 if options.get("backbone_stride") == 32 else 64
