"""Read the spec of a model, ``models/<name>.json`` beside ``models/<name>.onnx``.

The two files are the contract between training and runtime.
"""

import hashlib
import os
import re
from typing import Any, Dict, NamedTuple, Optional, Tuple

from pose_estimation_ros.core.atomic_files import FilePath, JsonObject, is_number, is_whole_number, read_json
from pose_estimation_ros.core.calibration import CALIBRATED, RAW, check_calibration
from pose_estimation_ros.core.errors import ConfigError, ModelError, shown
from pose_estimation_ros.core.fields import TRUE_OR_FALSE, Rule, check_field, number, one_of, optional, whole
from pose_estimation_ros.core.onnx_file import check_onnx
from pose_estimation_ros.core.skeleton import SKELETONS, Skeleton, skeleton_from_json


class SpecOption(NamedTuple):
    """Describe an option of a decoder, or of how the image is fitted into the input.

    Attributes:
        default: its value where a spec does not have it.
        rule: what a value has to be.
        meaning: what it is, for the documentation.
    """

    default: Any
    rule: Rule
    meaning: str


Options = Dict[str, SpecOption]

POSE_TASKS = ("top_down", "bottom_up", "one_stage")
WHOLE_FRAME = ("bottom_up", "one_stage")  # tasks of models that find people by themselves, without a detector
TASKS = POSE_TASKS + ("person_detector",)
# Decoders of each task, that of this package's own models first.
DECODERS = {
    "top_down": ("quarter_offset", "dark", "simcc", "keypoints"),
    "bottom_up": ("associative_embedding",),
    "one_stage": ("people",),
    "person_detector": ("boxes",),
}
ODD = Rule("an odd number in 3..99", lambda value: range(3, 100, 2)[range(3, 100, 2).index(value)])
SHIFT = SpecOption(
    None,
    optional(number(0, 4)),
    "px of the heatmap that the mirrored maps of the flip test are moved to the right; null: to where their pixels lie,"
    " 3/4 px at stride 4",
)
OVERLAP = "overlap from which the less sure of two %s is dropped; null: the network has dropped its duplicates"
DECODER_OPTIONS: Dict[str, Options] = {
    "quarter_offset": {"flip_shift": SHIFT},
    "dark": {
        "flip_shift": SHIFT,
        "kernel": SpecOption(11, ODD, "width of the blur, px of the heatmap"),
        "align_corners": SpecOption(
            False, TRUE_OR_FALSE, "whether the corner pixels of heatmap and input are the same points"
        ),
    },
    "simcc": {"split_ratio": SpecOption(2.0, number(0.125, 16), "bins per px of the input")},
    "keypoints": {},
    "people": {"nms_iou": SpecOption(None, optional(number(0, 1)), OVERLAP % "people")},
    "boxes": {"nms_iou": SpecOption(0.5, optional(number(0, 1)), OVERLAP % "boxes")},
    "associative_embedding": {},
}
# Outputs by decoder: N crops, K keypoints, T tags each, M candidates; h and w are height and width of the input.
OUTPUTS = {
    "quarter_offset": "heatmaps (N, K, h / stride, w / stride); or keypoints, of a network that decodes them itself",
    "dark": "heatmaps (N, K, h / stride, w / stride)",
    "simcc": "simcc_x (N, K, w x split_ratio), simcc_y (N, K, h x split_ratio)",
    "keypoints": "keypoints (N, K, 3): x and y in px of the input, score",
    "people": "boxes_xyxy (1, M, 4), scores (1, M), keypoints (1, M, K, 3)",
    "boxes": "boxes_xyxy (1, M, 4), scores (1, M)",
    "associative_embedding": "heatmaps (1, K, h / stride, w / stride), heatmaps_2x of twice the size,"
    " tags (1, T K, h / stride, w / stride)",
}
CROPS = ("centre", "half_size", "udp")
RESIZES = ("warp", "warp_index", "rounded", "cut", "stretch")
FRAME_FIT: Options = {
    "grey": SpecOption(0, whole(0, 255), "value of what the frame does not cover"),
    "centred": SpecOption(False, TRUE_OR_FALSE, "whether the frame lies in the middle; else it lies at the top left"),
    "resize": SpecOption(
        "warp",
        one_of(RESIZES),
        "how the frame is resized. warp keeps the edges of pixels aligned, warp_index the centres of the top left"
        " pixels; rounded and cut resize to a size that is rounded or cut to whole px, as Ultralytics and YOLOX do;"
        " stretch gives up the aspect ratio",
    ),
}
FIT_OPTIONS: Dict[str, Options] = {
    "top_down": {
        "crop": SpecOption(
            "centre",
            one_of(CROPS),
            "where the centre of a box lies in its crop: in the centre of the pixel grid (centre), at half the size,"
            " which is half a pixel further (half_size), or in the centre with the corner pixels of box and crop on"
            " each other (udp, arXiv:1911.07524)",
        ),
        "outside": SpecOption(
            "image", one_of(("image", "black")), "what is around the box in its crop: the image, or black"
        ),
    },
    "bottom_up": {},
    "one_stage": FRAME_FIT,
    "person_detector": FRAME_FIT,
}
ENGINE = ".engine"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")  # part of paths in the cache of engines
SHA256 = re.compile(r"[0-9a-f]{64}")
LARGEST_SIDE = 8192  # largest side of a network's input, px
LARGEST_STRIDE = 256
PADDING = (0.1, 10.0)  # smallest and largest factor
OBJECTS = ("accuracy", "training")  # all other fields except the numbers are strings
NUMBERS = ("input_size_wh", "stride", "padding")
OPTIONAL = ("decoder_options", "fit", "calibration")  # objects that may be left out
END_TO_END = "end_to_end"  # protocol of figures of a whole pipeline, among those in accuracy


class ModelSpec(NamedTuple):
    """Hold what the runtime must know about an ONNX file, and its measured accuracy.

    Attributes:
        name: name of the model. It is part of the file names of its engines.
        task: what the network does: the pose of the person in a crop (top_down), all poses of a whole image (bottom_up
            from heatmaps and tags, one_stage directly), or the boxes of people (person_detector).
        input_size_wh: width and height of the input "images" in px.
        color_order: order of the channels. The input is (N, 3, h, w) float32, 0 to 255.
        skeleton: names, links, flip pairs and sigmas of the keypoints.
        stride: px of the input for each px of "heatmaps". Without heatmaps it has no effect.
        decoder: method that turns the outputs into keypoints or boxes.
        padding: factor on a person's box before it is cut out. Other tasks than top-down have 1.
        sha256: checksum of the ONNX file.
        accuracy: measured figures, which ``pose evaluate --save`` writes.
        training: how the model was trained, exported or imported.
        decoder_options: options of the decoder that differ from their defaults.
        fit: how the image is fitted into the input, where it differs from the defaults.
        calibration: maps from the network's scores to probabilities, which ``pose calibrate`` writes; without it the
            scores stay raw.
    """

    name: str
    task: str
    input_size_wh: Tuple[int, int]
    color_order: str
    skeleton: Optional[Skeleton]
    stride: int
    decoder: str
    padding: float
    sha256: str
    accuracy: JsonObject
    training: JsonObject
    decoder_options: JsonObject = {}
    fit: JsonObject = {}
    calibration: JsonObject = {}

    @property
    def scores(self) -> str:
        """Return what the scores of the model are: CALIBRATED, which are probabilities, or RAW."""
        return CALIBRATED if self.calibration else RAW

    def decoder_option(self, name: str) -> Any:
        """Return an option of DECODER_OPTIONS, the default where the spec does not have it."""
        return self.decoder_options.get(name, DECODER_OPTIONS[self.decoder][name].default)

    def fit_option(self, name: str) -> Any:
        """Return an option of FIT_OPTIONS, the default where the spec does not have it."""
        return self.fit.get(name, FIT_OPTIONS[self.task][name].default)

    def require_skeleton(self) -> Skeleton:
        """Return the skeleton of a pose model. Raises ModelError for a detector."""
        if self.skeleton is None:
            raise ModelError("%s: expected a pose model, got one for %s" % (self.name, self.task))
        return self.skeleton

    def to_json(self) -> JsonObject:
        """Return the content of the spec's file: a skeleton of SKELETONS by its name, any other one as an object.

        The flip pairs stand beside the name for other programs that read the file.
        """
        fields = dict(self._asdict(), input_size_wh=list(self.input_size_wh), skeleton="")
        if self.skeleton:
            fields["skeleton"] = self.skeleton.to_json()
            if SKELETONS.get(self.skeleton.name) == self.skeleton:
                fields.update(skeleton=self.skeleton.name, flip_pairs=fields["skeleton"]["flip_pairs"])
        return {name: value for name, value in fields.items() if name not in OPTIONAL or value}


def model_name(path: FilePath) -> str:
    """Derive the name of a model from the path of its file: ``out/my model.onnx`` -> ``my_model``."""
    stem = os.path.splitext(os.path.basename(str(path)))[0]
    return re.sub(r"^\.|[^A-Za-z0-9_.-]", "_", stem)[:100] or "model"


def spec_path(model_path: FilePath) -> str:
    """Return the path of a model's spec: ``models/x.json`` for ``models/x.onnx``, ``x.engine.json`` for an engine."""
    stem, suffix = os.path.splitext(str(model_path))
    return (str(model_path) if suffix == ENGINE else stem) + ".json"


def read_model(path: str) -> bytes:
    """Read a model file.

    Args:
        path: an ``.onnx`` or ``.engine`` file.

    Returns:
        Its bytes.

    Raises:
        ModelError: the file does not exist or cannot be read.
    """
    require_file(path)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ModelError("model file %s cannot be read: %s" % (path, error.strerror))


def require_file(path: str) -> None:
    """Raise ModelError unless the path of a model is that of a regular file."""
    if not os.path.exists(path):
        raise ModelError("model file %s does not exist" % path)
    if not os.path.isfile(path):
        raise ModelError("expected a model file, got %s, which is a folder or device" % path)


def load_model_spec(model_path: FilePath, sha256: Optional[str] = None) -> ModelSpec:
    """Read the spec beside an ONNX file, and check that the two belong together.

    Args:
        model_path: path of the ONNX file.
        sha256: sha256 of that file, if it is known already.

    Raises:
        ModelError: a file is missing, the model is no ONNX model, the spec is no JSON, a key is missing or unknown, a
            value is wrong, or the model has another sha256.
    """
    content, path = read_model(str(model_path)), spec_path(model_path)
    check_onnx(content, str(model_path))
    if not os.path.exists(path):
        raise ModelError("model file %s does not exist" % path)
    spec = parse_spec(path, read_json(path, ModelError))
    actual = sha256 or hashlib.sha256(content).hexdigest()
    if actual != spec.sha256:
        raise ModelError("%s: expected sha256 %s (from %s), got %s" % (model_path, spec.sha256, path, actual))
    return spec


def parse_spec(path: str, fields: object) -> ModelSpec:
    """Make a spec from the content of its file.

    Args:
        path: path of the file, for messages.
        fields: the JSON value in the file.

    Raises:
        ModelError: a key is missing or unknown, or a value is wrong.
    """
    if not isinstance(fields, dict):
        raise ModelError("%s: expected a JSON object, got %s" % (path, type(fields).__name__))
    fields = dict(fields)
    flip_pairs = fields.pop("flip_pairs", None)
    fields.update((name, {}) for name in OPTIONAL if name not in fields)
    missing, unknown = set(ModelSpec._fields) - set(fields), set(fields) - set(ModelSpec._fields)
    if missing or unknown:
        raise ModelError("%s: keys missing: %s; keys unknown: %s" % (path, sorted(missing), shown(sorted(unknown))))
    try:
        _check_types(fields)
        _check_numbers(fields["input_size_wh"], fields["stride"], fields["padding"])
        _check_figures(fields["accuracy"], fields["training"])
        fields["skeleton"] = None if fields["skeleton"] == "" else skeleton_from_json(fields["skeleton"])
        spec = ModelSpec(**dict(fields, input_size_wh=tuple(fields["input_size_wh"])))
        _check_names(spec)
        _check_skeleton(spec, flip_pairs)
        check_calibration(spec.calibration, spec.skeleton.keypoints if spec.skeleton else ())
        spec = spec._replace(
            decoder_options=_checked_options("decoder_options", spec.decoder_options, DECODER_OPTIONS[spec.decoder]),
            fit=_checked_options("fit", spec.fit, FIT_OPTIONS[spec.task]),
        )
    except (ValueError, ConfigError) as error:
        raise ModelError("%s: %s" % (path, error))
    return spec


def _check_types(fields: JsonObject) -> None:
    for name in set(ModelSpec._fields) - set(NUMBERS) - {"skeleton"}:
        kind, text = (dict, "an object") if name in OBJECTS + OPTIONAL else (str, "a string")
        if not isinstance(fields[name], kind):
            raise ValueError("expected %s as %s, got %s" % (name, text, shown(fields[name])))


def _check_numbers(input_size_wh: object, stride: object, padding: object) -> None:
    sides = input_size_wh if isinstance(input_size_wh, list) else []
    if [is_whole_number(side, 1, LARGEST_SIDE) for side in sides] != [True] * 2:
        expected = "expected input_size_wh [width, height] of whole numbers from 1 to %d, got %s"
        raise ValueError(expected % (LARGEST_SIDE, shown(input_size_wh)))
    if not is_whole_number(stride, 1, LARGEST_STRIDE):
        raise ValueError("expected stride as a whole number from 1 to %d, got %s" % (LARGEST_STRIDE, shown(stride)))
    if not is_number(padding, *PADDING):
        raise ValueError("expected padding as a number from %g to %g, got %s" % (PADDING + (shown(padding),)))


def _check_figures(accuracy: JsonObject, training: JsonObject) -> None:
    """Check the entries that this package reads; people may note anything else there."""
    threshold = accuracy.get("score_threshold", 0)
    if not is_number(threshold, 0, 1):
        raise ValueError("expected accuracy.score_threshold as a number from 0 to 1, got %s" % shown(threshold))
    for name, figures in accuracy.items():
        if isinstance(figures, dict) and not (figures.get("AP") is None or is_number(figures["AP"])):
            raise ValueError("expected accuracy.%s.AP as a number, got %s" % (name, shown(figures["AP"])))
    export = training.get("export", {})
    if not isinstance(export, dict):
        raise ValueError("expected training.export.export as an object, got %s" % shown(export))
    for name in ("precision", "of_sha256"):
        if not isinstance(export.get(name, ""), str):
            raise ValueError("expected training.export.export.%s as a string, got %s" % (name, shown(export[name])))


def _check_names(spec: ModelSpec) -> None:
    if not NAME.fullmatch(spec.name):
        expected = 'expected name of up to 100 letters, digits, "_", "-" and ".", not "." first, got %s'
        raise ValueError(expected % shown(spec.name))
    if spec.task not in TASKS:
        raise ValueError("expected task out of %s, got %s" % (TASKS, shown(spec.task)))
    if spec.decoder not in DECODERS[spec.task]:
        decoders = " or ".join(map(repr, DECODERS[spec.task]))
        raise ValueError("expected decoder %s for %s, got %s" % (decoders, spec.task, shown(spec.decoder)))
    if spec.color_order != "rgb":
        raise ValueError("expected color_order 'rgb', got %s" % shown(spec.color_order))
    if not SHA256.fullmatch(spec.sha256):
        raise ValueError("expected sha256 of 64 digits 0 to 9 and a to f, got %s" % shown(spec.sha256))


def _check_skeleton(spec: ModelSpec, flip_pairs: object) -> None:
    """Check that a pose model has a skeleton, with the flip pairs that its file repeats."""
    if spec.task not in POSE_TASKS:
        return
    if spec.skeleton is None:
        raise ValueError("expected a skeleton for %s, got none" % spec.task)
    expected_pairs = [list(pair) for pair in spec.skeleton.flip_pairs]
    if flip_pairs is not None and flip_pairs != expected_pairs:
        text = "flip_pairs %s are not those of skeleton %s: %s"
        raise ValueError(text % (shown(flip_pairs), spec.skeleton.name, expected_pairs))


def _checked_options(field: str, options: JsonObject, known: Options) -> JsonObject:
    for name in options:
        if name not in known:
            raise ValueError("expected %s out of %s, got %s" % (field, ", ".join(known) or "none", shown(name)))
    return {name: check_field("%s.%s" % (field, name), value, known[name].rule) for name, value in options.items()}
