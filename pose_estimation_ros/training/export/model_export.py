"""Export a checkpoint or convert an ONNX file, with all steps of `pose export`, from a value that holds its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pose_estimation_ros.core.errors import ConfigError, shown
from pose_estimation_ros.core.fields import (
    PATH,
    TEXT,
    TRUE_OR_FALSE,
    Rule,
    check_fields,
    list_of,
    one_of,
    optional,
    whole,
)
from pose_estimation_ros.core.model_spec import spec_path
from pose_estimation_ros.training.export.accuracy_cost import check_data, keep_accuracy, to_text
from pose_estimation_ros.training.export.convert import PRECISIONS, check_options, convert
from pose_estimation_ros.training.export.decode_head import DECODER as HEAD_DECODER
from pose_estimation_ros.training.export.decode_head import add_to_file
from pose_estimation_ros.training.export.decoders import HEATMAP_DECODERS

FULL = "fp32"
MAX_COUNT = 10**6
SIDES_PX = (32, 8192)  # smallest and largest side of a network's input

RULES: dict[str, Rule] = {
    "source": PATH,
    "out": PATH,
    "name": optional(TEXT),
    "precision": one_of((FULL, *PRECISIONS)),
    "decode_head": TRUE_OR_FALSE,
    "size_wh": optional(list_of(whole(*SIDES_PX))),
    "free_size": TRUE_OR_FALSE,
    "decoder": optional(one_of(tuple(HEATMAP_DECODERS))),
    "calibration": optional(PATH),
    "count": whole(1, MAX_COUNT),
    "accuracy_data": optional(PATH),
    "flip": TRUE_OR_FALSE,
}


@dataclass(frozen=True)
class ModelExport:
    """Describe an export; its fields are checked when it is made.

    Attributes:
        source: A checkpoint, or an ONNX file in float32.
        out: Folder for <name>.onnx and <name>.json.
        name: Name of the model; None: the recipe's or the file's, with _<precision>.
        precision: "fp32" or one of convert.PRECISIONS.
        decode_head: Whether to write <name>_decoded.onnx too, which gives keypoints in place of heatmaps; a lower
            precision is then made from it.
        size_wh: Input size of a checkpoint's network in px, multiples of 32; None: the recipe's.
        free_size: Whether height and width of a bottom-up checkpoint's input stay free.
        decoder: How the runtime finds the keypoints of a top-down checkpoint, one of decoders.HEATMAP_DECODERS; None:
            as the papers do, "quarter_offset".
        calibration: Data that int8 is calibrated on: an annotation file, or a folder with person_keypoints.json.
        count: Number of persons or images of that data to use.
        accuracy_data: Data that the files are tested on, in COCO's layout with images/; None: they are not.
        flip: Whether to test by the mean of the image and its mirror image.

    Raises:
        ConfigError: A field has the wrong type or is out of range.
    """

    source: str | Path
    out: str | Path = "models"
    name: str | None = None
    precision: str = FULL
    decode_head: bool = False
    size_wh: Sequence[int] | None = None
    free_size: bool = False
    decoder: str | None = None
    calibration: str | Path | None = None
    count: int = 200
    accuracy_data: str | Path | None = None
    flip: bool = False

    def __post_init__(self) -> None:
        """Check and convert all fields."""
        vars(self).update(check_fields(vars(self), RULES))

    @property
    def is_lower(self) -> bool:
        """Tell whether the precision is lower than float32."""
        return self.precision != FULL

    def check(self) -> None:
        """Check that the options fit together, before anything takes long.

        Raises:
            ConfigError: They do not.
            DataError: The test data cannot be read.
        """
        if self.is_lower:
            check_options(self.precision, self.calibration, self.count)
        if self.calibration and not self.precision.startswith("int8"):
            raise ConfigError(f"expected calibration data with int8 alone, got it with {self.precision}")
        if self.size_wh and len(self.size_wh) != 2:
            raise ConfigError(f"expected size_wh to be a width and a height, got {shown(self.size_wh)}")
        has_work = self.is_lower or self.decode_head
        of_checkpoint = self.size_wh or self.free_size or self.decoder
        if str(self.source).endswith(".onnx") and (not has_work or of_checkpoint):
            raise ConfigError(
                f"expected one of {', '.join(PRECISIONS)} as --precision, or --decode-head, and no size or decoder,"
                f" for {self.source}"
            )
        if self.decode_head and self.decoder not in (None, HEAD_DECODER):
            raise ConfigError(f"expected --decoder {HEAD_DECODER} with --decode-head, got {self.decoder}")
        if self.flip and (self.decode_head or not self.accuracy_data):
            raise ConfigError("expected --flip with --accuracy-data and without --decode-head: it takes heatmaps")
        if self.accuracy_data:
            check_data(self.accuracy_data, self.calibration)


def export_model(order: ModelExport, report: Callable[[str], None] = lambda line: None) -> Path:
    """Write the files that a ModelExport asks for.

    Args:
        order: Settings of the export.
        report: Is called with a line of text for each file that was written and for the accuracies.

    Returns:
        Path of the last ONNX file: that of the precision asked for.

    Raises:
        ConfigError: The options do not fit together.
        DataError: Calibration or test data cannot be used.
        ModelError: The source cannot be exported or converted.
    """
    order.check()
    full = str(order.source) if str(order.source).endswith(".onnx") else _export_checkpoint(order, report)
    if order.decode_head:
        full = str(add_to_file(full, order.out))
        report(f"wrote {full} and {spec_path(full)}: it finds the keypoints in its graph")
    path = full
    if order.is_lower:
        path = str(convert(full, order.precision, order.out, order.name, order.calibration, order.count))
        report(f"wrote {path} and {spec_path(path)}")
    if order.accuracy_data:
        report(to_text(keep_accuracy(path, full if order.is_lower else None, order.accuracy_data, order.flip)))
    return Path(path)


def _export_checkpoint(order: ModelExport, report: Callable[[str], None]) -> str:
    """Write the float32 file of a checkpoint and return its path."""
    from pose_estimation_ros.training.export.export import export  # torch, which an ONNX file does not need

    name = None if order.is_lower else order.name
    path, difference = export(order.source, order.out, name, order.size_wh, order.free_size, order.decoder)
    report(f"wrote {path} and {spec_path(str(path))}; largest difference torch - ONNX Runtime {difference:.2e}")
    return str(path)
