"""Conclude how pictures go into a foreign pose network and how its outputs are read, from family and options."""

from typing import Any, Dict, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.model_spec import DECODER_OPTIONS, FIT_OPTIONS, SpecOption
from pose_estimation_ros.importing.model_import import CONVENTIONS, Channels, ModelImport
from pose_estimation_ros.importing.pose.families import (
    FAMILIES,
    KIND_FIT,
    KIND_OPTIONS,
    NO_MEAN,
    NO_STD,
    PER_255,
    UDP,
    Family,
    families_of,
    normalisation_text,
)
from pose_estimation_ros.importing.pose.outputs import KINDS, Contract

NEEDED = ("color", "value_range")  # of a network of no known family; heatmaps need a decoder, too
OF_TASK = {
    "top_down": ("crop", "outside", "padding"),
    "one_stage": ("grey", "centred", "resize", "nms_iou"),
    "bottom_up": (),
}


class Conventions(NamedTuple):
    """Hold the conventions of a network.

    Attributes:
        family: name of the family, "" for one of the user's own.
        color: order of the channels.
        mean: subtracted from each channel, 0..255.
        std: divisor of each channel, 0..255.
        decoder: decoder of the spec.
        decoder_options: its options that differ from their defaults.
        padding: factor on a person's box.
        fit: options of crop or fit that differ from their defaults.
        score_threshold: score from which keypoints count as found.
        licence: licence of the family's weights, "" where it is not known.
        reasons: a line for each conclusion.
    """

    family: str
    color: str
    mean: Channels
    std: Channels
    decoder: str
    decoder_options: Dict[str, Any]
    padding: float
    fit: Dict[str, Any]
    score_threshold: float
    licence: str
    reasons: Tuple[str, ...]


def conclude(
    path: str,
    contract: Contract,
    order: ModelImport,
    takes_numbers: bool,
    pipeline: Optional[Family],
    normalised: bool = False,
) -> Conventions:
    """Conclude the conventions of a network.

    Args:
        path: its file, for messages.
        contract: what it gives.
        order: the user's options.
        takes_numbers: whether its input has fractions, so that it can be normalised.
        pipeline: conventions of MMDeploy's pipeline.json, if it lies beside the file.
        normalised: whether the first nodes of the network normalise already.

    Raises:
        ConfigError: an option is needed, or does not go with the network.
    """
    _refuse_unused(path, contract, order, takes_numbers)
    name, family, source = _family(path, contract, order, pipeline)
    color, mean, std = _normalisation(family, order)
    why = source
    if not takes_numbers and (mean, std) != (NO_MEAN, NO_STD):
        mean, std, why = NO_MEAN, NO_STD, source + "; the input takes whole numbers, which cannot be normalised"
    elif normalised and order.value_range is None and (mean, std) != (NO_MEAN, NO_STD):
        mean, std, why = NO_MEAN, NO_STD, source + "; its first nodes normalise"
    kind = KINDS[contract.kind]
    decoder, options = _decoder(contract, family, order)
    fit = dict(family.fit, **KIND_FIT.get(contract.kind, {}))
    fit.update((field, getattr(order, field)) for field in FIT_OPTIONS[kind.task] if getattr(order, field) is not None)
    threshold = family.score_threshold if order.score_threshold is None else order.score_threshold
    reasons = (
        "outputs: %s" % contract.reason,
        "%s: %s" % (normalisation_text(color, mean, std), why),
        "decoder %s%s: %s" % (decoder, _shown_options(options), source),
    )
    padding = 1.0 if kind.task != "top_down" else family.padding if order.padding is None else order.padding
    return Conventions(
        name, color, mean, std, decoder, _differing(options, DECODER_OPTIONS[decoder]), padding,
        _differing(fit, FIT_OPTIONS[kind.task]), threshold, family.licence, reasons,
    )  # fmt: skip


def _refuse_unused(path: str, contract: Contract, order: ModelImport, takes_numbers: bool) -> None:
    """Refuse options that do not go with the network, in place of ignoring them."""
    kind = KINDS[contract.kind]
    used = ["color"] + list(OF_TASK[kind.task])
    if kind.normalises and takes_numbers:
        used += ["value_range", "mean", "std"]
    if len(kind.decoders) > 1:
        used.append("decoder")
    if contract.kind in ("raw_yolo", "rows"):
        used.append("person_class")
    for name in CONVENTIONS:
        if getattr(order, name) is not None and name not in used:
            text = "%s: expected no --%s for this model (%s), which takes %s"
            known = ", ".join("--" + option.replace("_", "-") for option in used)
            raise ConfigError(text % (path, name.replace("_", "-"), contract.reason, known))


def _family(path: str, contract: Contract, order: ModelImport, pipeline: Optional[Family]) -> Tuple[str, Family, str]:
    """Choose the family: that of the user, that of pipeline.json, the only one, or one that the options describe."""
    if order.like is not None:
        return order.like, FAMILIES[order.like], "family %s, by --like" % order.like
    if pipeline is not None and contract.kind in pipeline.kinds:
        return "mmdeploy", pipeline, "pipeline.json"
    if contract.family:
        return contract.family, FAMILIES[contract.family], "family %s, by its outputs" % contract.family
    needed = NEEDED + (("decoder",) if contract.kind == "heatmaps" else ())
    missing = [name for name in needed if getattr(order, name) is None]
    if missing:
        text = (
            "%s: expected --like out of %s, or %s and perhaps --mean and --std, for it is a network with %s: how its"
            " pictures are normalised is not in the file"
        )
        flags = ", ".join("--" + name.replace("_", "-") for name in needed)
        raise ConfigError(text % (path, ", ".join(families_of(contract.kind)), flags, contract.reason))
    fit = {"crop": "half_size"} if contract.kind == "heatmaps" else {}
    return "", Family((contract.kind,), "rgb", NO_MEAN, NO_STD, fit=fit, licence=""), "by the options"


def _normalisation(family: Family, order: ModelImport) -> Tuple[str, Channels, Channels]:
    """Return color, mean and std in 0..255.

    The user's mean and std are in the order of the network's channels; where the user exchanges the channels alone,
    those of the family go with their colours.
    """
    color = order.color or family.color
    mean, std = family.mean, family.std
    if color != family.color:
        mean, std = mean[::-1], std[::-1]
    if order.value_range is None:
        return color, mean, std
    scale = PER_255[0] / order.value_range
    low, divisor = order.mean or NO_MEAN, order.std or NO_STD
    return color, _scaled(low, scale), _scaled(divisor, scale)


def _scaled(values: Channels, scale: float) -> Channels:
    return values[0] * scale, values[1] * scale, values[2] * scale


def _decoder(contract: Contract, family: Family, order: ModelImport) -> Tuple[str, Dict[str, Any]]:
    """Return the decoder and its options."""
    if contract.kind == "simcc":
        return "simcc", {"split_ratio": contract.ratio}
    if contract.kind != "heatmaps":
        options = dict(KIND_OPTIONS.get(contract.kind, {}))
        if order.nms_iou is not None:
            options["nms_iou"] = order.nms_iou
        return KINDS[contract.kind].decoders[0], options
    if order.decoder is None:
        return family.decoder, dict(family.decoder_options)
    crop = order.crop or family.fit.get("crop")
    return order.decoder, dict(UDP) if order.decoder == "dark" and crop == "udp" else {}


def _differing(options: Dict[str, Any], known: Dict[str, SpecOption]) -> Dict[str, Any]:
    """Return the options that differ from their defaults."""
    return {name: value for name, value in options.items() if value != known[name].default}


def _shown_options(options: Dict[str, Any]) -> str:
    return " (%s)" % ", ".join("%s %s" % pair for pair in options.items()) if options else ""
