"""The papers' test protocols by name: what differs between them. ``--protocol`` picks one, other options overrule it.

Always done, and the same in all: of a top-down model, box grown to the input's aspect ratio, peaks moved a quarter
pixel towards the higher neighbour, person score = box score x mean of the keypoint scores over 0.2, OKS-NMS at 0.9; of
a bottom-up one, the maps at 1/4 and 1/2 aggregated, peaks grouped by their tags, joints moved a quarter pixel and
missing ones looked for (HigherHRNet's adjust and refine).
"""

from __future__ import annotations

from typing import NamedTuple

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import POSE_TASKS, ModelSpec


class Protocol(NamedTuple):
    """tasks: of the models it is for. flip: mean over image and mirror image. padding: factor on the box of a top-down
    model, None: the one it was trained with. short_side: a bottom-up network gets every image whole with its short side
    the model's shorter one and sides of multiples of 64, not fitted into the model's input size.
    """

    name: str
    tasks: tuple[str, ...]
    flip: bool
    padding: float | None
    short_side: bool
    about: str


PLAIN = Protocol("plain", POSE_TASKS, False, None, False, "the model as it runs on a robot, without flip test")
HRNET = Protocol(
    "hrnet", ("top_down",), True, 1.25, False, "top-down, ELPN, EL-HRNet and GoatPose: box x 1.25, flip test"
)
LITEPOSE = Protocol(
    "litepose",
    ("bottom_up",),
    True,
    None,
    True,
    "bottom-up, LitePose and WLitePose: short side = input size, sides multiples of 64, flip test",
)
PROTOCOLS = {protocol.name: protocol for protocol in (PLAIN, HRNET, LITEPOSE)}


def chosen(name: str | None, flip: bool | None) -> Protocol:
    """The protocol of a command line; None: not said. Raises ConfigError for an unknown name."""
    if name is not None and name not in PROTOCOLS:
        raise ConfigError(f"expected a protocol out of {', '.join(PROTOCOLS)}, got {name!r}")
    protocol = PROTOCOLS[name or PLAIN.name]
    return protocol if flip is None else protocol._replace(flip=flip)


def applied(protocol: Protocol, spec: ModelSpec) -> ModelSpec:
    """The spec with the protocol's padding. Raises ConfigError where the protocol is for other models."""
    if spec.task not in protocol.tasks:
        raise ConfigError(
            f"the protocol {protocol.name} is for {', '.join(protocol.tasks)} models, got {spec.name} for {spec.task}"
        )
    return spec._replace(padding=protocol.padding or spec.padding)


def input_of(protocol: Protocol, spec: ModelSpec) -> str:
    """What the network sees, in words."""
    width, height = spec.input_size_wh
    if spec.task == "top_down":
        return f"{width}x{height} px, box x {spec.padding:g}"
    if protocol.short_side:
        return f"short side {min(width, height)} px, sides multiples of 64"
    return f"fitted into {width}x{height} px"
