"""Define the papers' test protocols by name. ``--protocol`` chooses one; other options overrule it.

A protocol is what differs between them. The same in all of them: for a top-down model, the box is grown to the input's
aspect ratio, keypoints are decoded as the spec says, person score = box score x mean of the keypoint scores over 0.2,
OKS-NMS at 0.9; for a one-stage model, the network's own person scores, and nobody is left out; for a bottom-up model,
the maps at 1/4 and 1/2 are aggregated, peaks grouped by their tags, joints moved a quarter pixel, and missing ones
looked for. The last two steps are called adjust and refine in the code of HigherHRNet, Cheng et al., "HigherHRNet:
Scale-Aware Representation Learning for Bottom-Up Human Pose Estimation", CVPR 2020, arXiv:1908.10357.
"""

from __future__ import annotations

from typing import NamedTuple

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import DECODER_OPTIONS, POSE_TASKS, ModelSpec


class Protocol(NamedTuple):
    """Describe how a model is run in a test.

    Attributes:
        name: name of the protocol.
        tasks: tasks of the models that it is for.
        flip: whether the mean of image and mirror image is taken.
        padding: factor on the box of a top-down model, None for the one it was trained with.
        short_side: whether a bottom-up network gets every image whole, with its short side scaled to the model's
            shorter one and sides of multiples of 64; otherwise it is fitted into the model's input size.
        flip_shift: heatmap px by which the mirrored heatmaps of a top-down model are moved to the right; None moves
            them to where their pixels lie, see core.heatmap.mirror_shift.
        about: the protocol in words.
    """

    name: str
    tasks: tuple[str, ...]
    flip: bool
    padding: float | None
    short_side: bool
    flip_shift: float | None
    about: str


PLAIN = Protocol("plain", POSE_TASKS, False, None, False, None, "the model as it runs on a robot, without flip test")
HRNET = Protocol(
    "hrnet",
    ("top_down",),
    True,
    1.25,
    False,
    1.0,  # SHIFT_HEATMAP of HRNet's code
    "top-down, ELPN, EL-HRNet and GoatPose: box x 1.25, flip test, mirrored maps one pixel to the right",
)
LITEPOSE = Protocol(
    "litepose",
    ("bottom_up",),
    True,
    None,
    True,
    None,
    "bottom-up, LitePose and WLitePose: short side = input size, sides multiples of 64, flip test",
)
PROTOCOLS = {protocol.name: protocol for protocol in (PLAIN, HRNET, LITEPOSE)}


def find_protocol(name: str | None, flip: bool | None) -> Protocol:
    """Return the protocol that options ask for.

    Args:
        name: one of PROTOCOLS, None for the plain one.
        flip: whether to run a flip test, None for the protocol's choice.

    Raises:
        ConfigError: an unknown name.
    """
    if name is not None and name not in PROTOCOLS:
        raise ConfigError(f"expected a protocol out of {', '.join(PROTOCOLS)}, got {name!r}")
    protocol = PROTOCOLS[name or PLAIN.name]
    return protocol if flip is None else protocol._replace(flip=flip)


def under_protocol(protocol: Protocol, spec: ModelSpec) -> ModelSpec:
    """Return the spec with what the protocol prescribes. Raises ConfigError where the protocol is for other models.

    A spec that has a flip_shift, as UDP's models do, keeps it.

    Args:
        protocol: the protocol.
        spec: spec of the model.
    """
    if spec.task not in protocol.tasks:
        raise ConfigError(
            f"the protocol {protocol.name} is for {', '.join(protocol.tasks)} models, got {spec.name} for {spec.task}"
        )
    options = spec.decoder_options
    if protocol.flip_shift is not None and "flip_shift" in DECODER_OPTIONS[spec.decoder]:
        options = {"flip_shift": protocol.flip_shift, **options}
    return spec._replace(padding=protocol.padding or spec.padding, decoder_options=options)


def describe_input(protocol: Protocol, spec: ModelSpec) -> str:
    """Describe in words what the network gets as its input.

    Args:
        protocol: the protocol.
        spec: spec of the model.
    """
    width, height = spec.input_size_wh
    if spec.task == "top_down":
        return f"{width}x{height} px, box x {spec.padding:g}"
    if protocol.short_side:
        return f"short side {min(width, height)} px, sides multiples of 64"
    return f"fitted into {width}x{height} px"
