"""Hold and check the settings of an evaluation of bags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pose_estimation_ros.core.errors import ConfigError
from pose_estimation_ros.core.fields import (
    NUMBER,
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
from pose_estimation_ros.evaluation.bag.files.reader import bag_name
from pose_estimation_ros.evaluation.bag.metrics.ground_truth import FILE
from pose_estimation_ros.imaging.draw import COLOR_BY
from pose_estimation_ros.inference.options import PIPELINE_OPTIONS, PipelineOptions

DETECTOR, GROUND_TRUTH = "detector", "ground-truth"
BOXES = (DETECTOR, GROUND_TRUTH)
MAX_LATENCY_MS = 1e9
MAX_WORKERS = 1024

RULES: dict[str, Rule] = {
    "bags": list_of(PATH),
    "out": PATH,
    "models": list_of(PATH),
    "topics": list_of(TEXT),
    "options": PIPELINE_OPTIONS,
    "realtime": TRUE_OR_FALSE,
    "latency_ms": optional(NUMBER),
    "truth": optional(PATH),
    "truth_topic": optional(TEXT),
    "pseudo_truth": optional(PATH),
    "boxes": one_of(BOXES),
    "workers": whole(1, MAX_WORKERS),
    "ray": optional(TEXT),
    "again": TRUE_OR_FALSE,
    "video": TRUE_OR_FALSE,
    "color_by": one_of(COLOR_BY),
}


@dataclass(frozen=True)
class BagEvaluation:
    """Hold all settings of an evaluation of bags; they are checked when the object is made.

    The defaults are those of `pose evaluate-bag`.

    Attributes:
        bags: paths of the bags: rosbag2 folders, .db3, .mcap or .bag files.
        out: folder for the results.
        models: names or files of pose models; empty: the model of the options.
        topics: image topics; empty: the only topic with colour images.
        options: parameters of the pipeline.
        realtime: drop the images that a running node would not process, instead of using every image.
        latency_ms: time from the arrival of an image to its result in realtime; None: as measured.
        truth: COCO annotations with "stamp_ns" in the images; None: truth.json in the bag's folder, where it exists.
        truth_topic: topic of the bag with PersonArray messages that are the ground truth.
        pseudo_truth: name or file of a stronger model whose poses serve as pseudo ground truth.
        boxes: "detector", or "ground-truth" to run the pose model in the annotated boxes.
        workers: number of bags that are processed at a time, each in its own process.
        ray: address of a Ray cluster, such as "auto", that processes the bags.
        again: whether results that are up to date are made again.
        video: whether annotated.mp4 is written.
        color_by: meaning of the colours of limbs in the video: "track" or "side".

    Raises:
        ConfigError: a value has the wrong type or is out of range, two settings exclude each other, or the results of
            two bags or two models would be written to one folder.
    """

    bags: Sequence[str | Path]
    out: str | Path
    models: Sequence[str | Path] = ()
    topics: Sequence[str] = ()
    options: PipelineOptions = PipelineOptions()
    realtime: bool = False
    latency_ms: float | None = None
    truth: str | Path | None = None
    truth_topic: str | None = None
    pseudo_truth: str | None = None
    boxes: str = DETECTOR
    workers: int = 1
    ray: str | None = None
    again: bool = False
    video: bool = True
    color_by: str = "track"

    def __post_init__(self) -> None:
        """Check and convert all settings."""
        vars(self).update(check_fields(vars(self), RULES))
        check_combinations(self)
        refuse_same_names([(model, Path(model).stem) for model in self.pose_models], "models")
        refuse_same_names([(str(path), bag_name(Path(path))) for path in self.bags], "bags")

    @property
    def pose_models(self) -> tuple[str, ...]:
        """Return the names or files of the pose models."""
        return tuple(map(str, self.models)) or (self.options.model,)

    def single_bags(self) -> list[BagEvaluation]:
        """Split into evaluations of one bag each, in the order of the bags."""
        return [replace(self, bags=(path,)) for path in self.bags]

    def with_threads(self, threads: int) -> BagEvaluation:
        """Return the same settings with another number of threads."""
        return replace(self, options=self.options._replace(threads=threads))

    def to_json(self) -> dict[str, Any]:
        """Return the settings as values that JSON can hold."""
        lists = {name: list(map(str, getattr(self, name))) for name in ("bags", "models", "topics")}
        paths = {"out": str(self.out), "truth": None if self.truth is None else str(self.truth)}
        return {**asdict(self), **lists, **paths, "options": self.options._asdict()}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> BagEvaluation:
        """Make the settings of what to_json returned."""
        lists = {name: tuple(fields[name]) for name in ("bags", "models", "topics")}
        return cls(**{**fields, **lists, "options": PipelineOptions(**fields["options"])})


def check_combinations(evaluation: BagEvaluation) -> None:
    """Raise ConfigError where one setting does not fit another, or no bag is given."""
    if not evaluation.bags:
        raise ConfigError("expected at least one bag, got none")
    latency_ms = evaluation.latency_ms
    if latency_ms is not None and not (evaluation.realtime and 0 < latency_ms <= MAX_LATENCY_MS):
        text = f"expected --latency-ms above 0 and with --realtime, at most {MAX_LATENCY_MS:g}, got {latency_ms}"
        raise ConfigError(text)
    if evaluation.truth and len(evaluation.bags) > 1:
        count = len(evaluation.bags)
        raise ConfigError(f"expected one bag with --truth, got {count}: use a file {FILE} in each bag's folder")
    if evaluation.truth and evaluation.truth_topic:
        raise ConfigError("expected either --truth or --truth-topic, got both")
    if evaluation.ray and evaluation.workers > 1:
        raise ConfigError("expected either --workers or --ray, got both")


def refuse_same_names(named_paths: Sequence[tuple[str, str]], what: str) -> None:
    """Refuse paths whose results would be written to one folder.

    Args:
        named_paths: each path with the name of the folder of its results.
        what: the noun for the paths, for the message.

    Raises:
        ConfigError: two paths have the same name.
    """
    for _, name in named_paths:
        paths = [path for path, other_name in named_paths if other_name == name]
        if len(paths) > 1:
            raise ConfigError(f"expected {what} of different names, got {', '.join(paths)}, whose results are {name}")
