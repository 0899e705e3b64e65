"""Hold the conventions of model families: what their files do not say.

Sources: the configurations and programs of MMPose, MMDeploy, HRNet, HigherHRNet, LitePose, easy_ViTPose, Hugging Face
Transformers, Sapiens, PaddleDetection, Ultralytics, SuperGradients and TensorFlow Hub's pages of MoveNet.
"""

from typing import Any, Dict, NamedTuple, Tuple

from pose_estimation_ros.core.errors import ConfigError, did_you_mean
from pose_estimation_ros.importing.model_import import Channels

IMAGENET_MEAN: Channels = (123.675, 116.28, 103.53)
IMAGENET_STD: Channels = (58.395, 57.12, 57.375)
NO_MEAN: Channels = (0.0, 0.0, 0.0)
NO_STD: Channels = (1.0, 1.0, 1.0)
PER_255: Channels = (255.0, 255.0, 255.0)
APACHE, MIT, AGPL = "Apache-2.0", "MIT", "AGPL-3.0"
DECI = "Deci's licence of YOLO-NAS-pose: no commercial or production use"
# Heatmaps whose corner pixels are those of the input; a mirrored map is not moved.
UDP = {"align_corners": True, "flip_shift": 0.0}


class Family(NamedTuple):
    """Describe how pictures go into the networks of a family, and how their outputs are read.

    Attributes:
        kinds: kinds of network that the family has, see outputs.KINDS.
        color: order of the channels.
        mean: subtracted from each channel, 0..255, in the order of the channels.
        std: divisor of each channel, 0..255.
        decoder: decoder, where the kind has several.
        decoder_options: options of the decoder.
        padding: factor on a person's box.
        fit: options of the crop or of the frame's fit.
        score_threshold: score from which keypoints count as found.
        licence: licence of the published weights, "" where it is not known.
        skeletons: name of the skeleton by number of keypoints, where the family has no other with that number.
    """

    kinds: Tuple[str, ...]
    color: str = "rgb"
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD
    decoder: str = ""
    decoder_options: Dict[str, Any] = {}
    padding: float = 1.25
    fit: Dict[str, Any] = {"crop": "half_size"}
    score_threshold: float = 0.2
    licence: str = APACHE
    skeletons: Dict[int, str] = {}


_RTMPOSE = Family(("simcc", "decoded"), score_threshold=0.3)
_HRNET = Family(("heatmaps",), decoder="quarter_offset")
_VITPOSE = _HRNET._replace(decoder="dark", decoder_options=UDP, fit={"crop": "udp"})
_RTMO = Family(
    ("dets",), "bgr", NO_MEAN, NO_STD, score_threshold=0.3,
    fit={"grey": 114, "centred": True, "resize": "warp_index"},
)  # fmt: skip
_ONE_PICTURE = Family(("movenet", "movenet_multi"), "rgb", NO_MEAN, NO_STD, padding=1.0, fit={})
_BOTTOM_UP = Family(("associative_embedding",), fit={}, licence=MIT)

FAMILIES: Dict[str, Family] = {
    "rtmpose": _RTMPOSE,
    "rtmw": _RTMPOSE._replace(skeletons={133: "wholebody133"}),
    "dwpose": _RTMPOSE._replace(skeletons={133: "wholebody133"}),
    "rtmo": _RTMO,
    "yolox-pose": _RTMO,
    "hrnet": _HRNET._replace(licence=MIT),
    "hrnet-dark": _HRNET._replace(decoder="dark"),
    "hrnet-udp": _VITPOSE,
    "simplebaseline": _HRNET,
    # HRNet's repository trains it on BGR, with the numbers of RGB (COLOR_RGB: false in experiments/coco/resnet).
    "simplebaseline-hrnet": _HRNET._replace(color="bgr", licence=MIT),
    "vitpose": _VITPOSE,
    "easy-vitpose": _VITPOSE,
    "hf-vitpose": _VITPOSE,
    "sapiens": _VITPOSE._replace(licence="CC-BY-NC-4.0", skeletons={17: "coco17", 133: "wholebody133"}),
    # PaddleDetection's HRNetPostProcess: DARK with a kernel of 3.
    "pp-tinypose": _HRNET._replace(decoder="dark", decoder_options={"kernel": 3}, skeletons={17: "coco17"}),
    "yolo-pose": Family(
        ("raw_yolo", "rows"), "rgb", NO_MEAN, PER_255, score_threshold=0.5, licence=AGPL,
        fit={"grey": 114, "centred": True, "resize": "rounded"},
    ),
    "yolo-nas-pose": Family(
        ("flat", "batch"), "rgb", NO_MEAN, NO_STD, score_threshold=0.5, licence=DECI,
        fit={"grey": 127, "resize": "rounded"},
    ),
    "movenet": _ONE_PICTURE._replace(skeletons={17: "coco17"}),
    "higherhrnet": _BOTTOM_UP,
    "litepose": _BOTTOM_UP,
}  # fmt: skip
# What a family's kinds have beside its own numbers.
KIND_FIT: Dict[str, Dict[str, Any]] = {"movenet_multi": {"centred": True, "resize": "rounded"}}
KIND_OPTIONS: Dict[str, Dict[str, Any]] = {"raw_yolo": {"nms_iou": 0.7}}


def normalisation_text(color: str, mean: Channels, std: Channels) -> str:
    """Describe what a network takes, such as "BGR, values 0..255 as they are".

    Args:
        color: order of the channels.
        mean: subtracted from each channel, 0..255.
        std: divisor of each channel, 0..255.
    """
    if (mean, std) == (NO_MEAN, NO_STD):
        return "%s, values 0..255 as they are" % color.upper()
    means, stds = (" ".join("%g" % value for value in values) for values in (mean, std))
    return "%s, mean %s, std %s" % (color.upper(), means, stds)


def get_family(name: str) -> Family:
    """Return the family of that name. Raises ConfigError with the known names."""
    if name not in FAMILIES:
        near = did_you_mean(name, FAMILIES) or ", known: %s" % ", ".join(FAMILIES)
        raise ConfigError("expected --like with the name of a family, got %r%s" % (name, near))
    return FAMILIES[name]


def families_of(kind: str) -> Tuple[str, ...]:
    """List the families that have a kind of network."""
    return tuple(name for name, family in FAMILIES.items() if kind in family.kinds)
