"""List the options of the papers' networks, beside each default, and build networks that are small enough for tests."""

from pose_estimation_ros.training.models import BOTTOM_UP_MODELS, DETECTOR_MODELS, POSE_MODELS
from pose_estimation_ros.training.models.wlitepose import ATTENTIONS

MODELS = {**POSE_MODELS, **BOTTOM_UP_MODELS, **DETECTOR_MODELS}

# Options that make the networks small but leave all kinds of parts in; a name that is missing is built at full size.
HRNET = {"width": 16, "modules": (1, 1, 1)}
SMALL = {name: {**HRNET, "blocks": 1} for name in POSE_MODELS if name.startswith(("hrnet", "nam_hrnet", "goat", "el"))}
SMALL |= {name: {"modules": (1, 1, 1), "blocks": 1} for name in BOTTOM_UP_MODELS if name.startswith("higher_hrnet")}
SMALL |= {name: {"blocks": 1} for name in BOTTOM_UP_MODELS if name.startswith("efficient_hrnet")}
SMALL |= {name: {"units": (1, 1, 1)} for name in POSE_MODELS if name.startswith("lite_hrnet")}

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
    return MODELS[name](**{**SMALL.get(name, {}), **options})


def side(options):
    """Return px of a small input. At 64 px, maps at 1/64 have one pixel, which tells nothing of columns and rows."""
    return 128 if options.get("backbone_stride") == 32 else 64
