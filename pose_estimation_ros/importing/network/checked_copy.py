"""Rewrite a foreign network, and make sure that the copy computes what the original does."""

from typing import Callable, Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np
import onnx

from pose_estimation_ros.core.errors import ConfigError, ModelError, PoseError
from pose_estimation_ros.core.resources import demo_clip
from pose_estimation_ros.imaging.video import open_source
from pose_estimation_ros.importing.network.foreign_file import Foreign
from pose_estimation_ros.importing.network.nodes import Nodes
from pose_estimation_ros.importing.network.parity import (
    Network,
    largest_difference,
    noise,
    original_input,
    tolerance_of,
)
from pose_estimation_ros.importing.network.rewrite import Entry, Side, rewrite, with_foreign_outputs, with_shapes
from pose_estimation_ros.inference.backends.base import shape_text

Size = Tuple[int, int]


def find_size_wh(foreign: Foreign, asked: Optional[Size], told: Optional[Size]) -> Tuple[Size, str]:
    """Find the size of a network's input.

    Args:
        foreign: the network.
        asked: (width, height) px that the user asks for, or None.
        told: (width, height) px that the texts in the file tell, or None.

    Returns:
        (width, height) px, and why.

    Raises:
        ConfigError: the sides are free and nobody tells them, or the file fixes others.
    """
    shape = foreign.input.shape
    height, width = shape[2:4] if shape[1] == 3 else shape[1:3]
    fixed = (width, height)
    size_wh = asked or (told if None in fixed else None)
    if size_wh is None and None in fixed:
        text = "%s: expected --size WIDTHxHEIGHT for its input %s, whose sides are free"
        raise ConfigError(text % (foreign.path, shape_text(shape)))
    if size_wh is None or size_wh == fixed:
        assert width is not None and height is not None
        return (width, height), "the file fixes it"
    if any(side not in (None, wanted) for side, wanted in zip(fixed, size_wh)):
        text = "%s: expected --size as the file fixes it, %s, got %dx%d"
        raise ConfigError(text % ((foreign.path, shape_text(shape)) + size_wh))
    return size_wh, "by --size" if asked else "by the texts in the file"


def require_one_frame(foreign: Foreign) -> None:
    """Raise ModelError for a network of whole frames that wants several at a time."""
    batch = foreign.input.shape[0]
    if batch not in (None, 1):
        text = "%s: expected a network that takes one frame at a time, got one for %d: export it for one"
        raise ModelError(text % (foreign.path, batch))


def shapes_of_one(original: Network, entry: Entry) -> Dict[str, Tuple[int, ...]]:
    """Return the shapes of a network's outputs for as few pictures as it takes.

    Args:
        original: the foreign network.
        entry: what it wants to get.
    """
    black = np.zeros_like(noise(entry, 1))
    return {name: value.shape for name, value in original(original_input(black, entry)).items()}


def checked_copy(
    foreign: Foreign,
    original: Network,
    entry: Entry,
    outputs: Sequence[str],
    build: Callable[[Nodes, Sequence[str]], None],
    declare: Callable[[Tuple[int, ...]], List[Side]],
    report: Callable[[str], None],
) -> onnx.ModelProto:
    """Rewrite a network and compare the copy with the original.

    Args:
        foreign: the network; it stays as it is.
        original: the same, opened.
        entry: what it wants to get.
        outputs: names of its outputs that are read.
        build: see rewrite.
        declare: gives the sides of an output in the new file from its shape.
        report: receives one line.

    Returns:
        The new model.

    Raises:
        ModelError: the two differ by more than rounding.
    """
    model = rewrite(foreign, entry, outputs, build)
    network = Network(model.SerializeToString(), "the rewritten %s" % foreign.path)
    model = with_shapes(model, {name: declare(value.shape) for name, value in network(noise(entry)).items()})
    opened = Network(with_foreign_outputs(model, foreign, outputs).SerializeToString(), foreign.path)
    pictures = [("noise", noise(entry))] + _picture(entry)
    differences = [(what, largest_difference(original, opened, entry, x, outputs)) for what, x in pictures]
    worst, most = max(value for _what, value in differences), tolerance_of(foreign)
    if not worst <= most:
        text = "%s: expected the rewritten network within %g of the original, got %.2g: please report this"
        raise ModelError(text % (foreign.path, most, worst))
    text = "the copy computes what the original does; largest differences: %s"
    report(text % ", ".join("%.1g on %s" % (value, what) for what, value in differences))
    return model


def _picture(entry: Entry) -> List[Tuple[str, np.ndarray]]:
    """Return a frame of the demo's clip, stretched to the input, where the clip is installed."""
    try:
        with open_source(demo_clip()) as clip:
            frame = next(iter(clip)).image
    except (PoseError, StopIteration):
        return []
    image = cv2.resize(frame, entry.size_wh)[..., ::-1].transpose(2, 0, 1).astype(np.float32)
    return [("a picture", np.ascontiguousarray(np.repeat(image[None], entry.batch or 1, 0)))]
